# shellcheck shell=sh disable=SC2034,SC2154,SC2164
# What packaging/quickstart makes of examples/hello: a checkout, its base images, a host's configuration, and a
# staging server: a second Docker, in a container of the first one. Read with `.`; $state, $top and so on are
# quickstart's.

# Made anew each time: a repository with one commit, as a push to GitLab would have it.
make_checkout() {
    umask 022
    rm -rf "$checkout"
    cp -R "$top/examples/hello" "$checkout"
    cd "$checkout"
    git init -q -b main
    git add -A
    git -c user.name=quickstart -c user.email=quickstart@localhost commit -q -m 'The example of atelier'
    git log --stat
}

# The registry's copies are what `make pull` of the example pulls. The local names go, so that it
# really does. The login is kept apart from the caller's own.
push_base_images() {
    umask 077
    export DOCKER_CONFIG="$state/docker"
    docker login -u "$registry_user" --password-stdin "$(registry_address)" <"$state/registry/password"
    for image in python:3 python-dev:3; do
        copy=$(registry_address)/$project/$image
        docker tag "atelier/$image" "$copy"
        docker push "$copy"
        docker rmi "$copy"
    done
}

write_config() {
    cat >"$state/config.yml" <<END
# Written by packaging/quickstart. The host's owner says here what the stages may have;
# these need Docker, to pull, build, push and test images.
builds: $state/builds
cache: $state/cache
image: atelier/ci:latest
kinds:
  pull:  {docker: socket}
  build: {docker: socket}
  push:  {docker: socket}
  test:  {docker: socket}
$(staging_target)
END
}

# --- staging

staging_container=atelier-quickstart-staging
staging_unit=label=atelier.unit=local-hello-staging

# Sets staging_host, where jobs deploy to: the second Docker, where containers can be privileged; else
# staging_container is empty.
start_staging() {
    staging_host=${DOCKER_HOST:-unix:///var/run/docker.sock}
    staging_runtime=''
    for staging_runtime in runc bounded none; do
        docker run --rm --privileged --runtime "$staging_runtime" atelier/dind true >/dev/null 2>&1 && break
    done
    if [ "$staging_runtime" = none ] || [ -n "${DOCKER_HOST:-}" ]; then
        staging_container=''
        say "  staging: no second Docker can be in a container here (privileged), so it is this same one"
        make_staging_key
        return
    fi
    staging_host=unix://$state/staging/docker.sock
    if timeout 20 docker -H "$staging_host" version >/dev/null 2>&1; then
        say "✓ staging: its Docker is running"
    else
        todo="its log: docker logs $staging_container"
        step "staging: a second Docker, in a container" run_staging
    fi
    step "staging: its way to the registry" connect_staging
    make_staging_key
}

run_staging() {
    mkdir -p "$state/staging"
    docker rm -f -v "$staging_container" 2>/dev/null || :
    # With cgroup v2 a group that has processes of its own can have none below it: they go aside.
    docker run -d --name "$staging_container" --hostname staging --privileged --runtime "$staging_runtime" \
        -v "$state/staging:/run/staging" -v /var/lib/docker atelier/dind sh -c '
        if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
            mkdir -p /sys/fs/cgroup/init
            xargs -rn1 </sys/fs/cgroup/cgroup.procs >/sys/fs/cgroup/init/cgroup.procs || :
            sed "s/\(^\| \)/\1+/g" /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
        fi
        exec dockerd --host=unix:///run/staging/docker.sock'
    tries=60
    until docker -H "$staging_host" version; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { docker logs --tail 15 "$staging_container"; exit 1; }
        sleep 1
    done
}

# A command in the network of that container: its own 127.0.0.1, its own Docker's containers.
at_staging() {
    nsenter --net --target "$(docker inspect -f '{{.State.Pid}}' "$staging_container")" "$@"
}

# The images' names begin with 127.0.0.1, which is another machine's there: the same registry listens there too.
connect_staging() {
    cd "$state/registry"
    if at_staging curl -s --noproxy '*' --max-time 5 -o /dev/null "http://$(registry_address)/v2/"; then
        return
    fi
    ! is_ours pid.staging "$state/registry/config.yml" || stop_process pid.staging "$state/registry/config.yml"
    nsenter --net --target "$(docker inspect -f '{{.State.Pid}}' "$staging_container")" \
        setsid docker-registry serve "$state/registry/config.yml" >log.staging 2>&1 </dev/null 9>&- &
    echo $! >pid.staging
    tries=30
    until [ "$(at_staging curl -s --noproxy '*' --max-time 5 -o /dev/null -w '%{http_code}' "http://$(registry_address)/v2/")" = 401 ]; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { tail -n 15 log.staging; exit 1; }
        sleep 1
    done
}

# Whom may the host's jobs deploy to: for config.yml.
staging_target() {
    cat <<END
targets:
  staging-server:
    docker_host: $staging_host
    projects: [local/hello]
    environments: [staging]
    data: $state/staging-data
    key_file: $state/staging.key
    drain: 1s
END
}

make_staging_key() {
    [ -s "$state/staging.key" ] || (umask 077; od -An -N 32 -t x1 /dev/urandom | tr -d ' \n' >"$state/staging.key")
}

# ask_staging NAME: the application, as a browser would that knows its address. On a real server a proxy has the
# name, and leads to the container; here we go to the container with the name.
ask_staging() {
    app=$(docker -H "$staging_host" ps -q --filter "$staging_unit" --filter label=atelier.service=app)
    address=$(docker -H "$staging_host" inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$app")
    set -- curl --silent --show-error --fail --noproxy '*' --max-time 10 --resolve "$1:9000:${address%% *}" "http://$1:9000/"
    if [ -n "$staging_container" ]; then at_staging "$@"; else "$@"; fi
}

greet_staging() {
    answer=$(ask_staging "$1") || return 1
    say "✓ staging: http://$1 says: $answer"
}

remove_staging() {
    [ -z "$(docker ps -aq --filter "name=^$staging_container\$")" ] ||
        step "staging: stop its Docker" docker rm -f -v "$staging_container"
    # Where it was this same Docker.
    [ -z "$(docker ps -aq --filter "$staging_unit")" ] || step "staging: what was deployed" remove_deployed
}

remove_deployed() {
    docker ps -aq --filter "$staging_unit" | xargs -r docker rm -f -v
    docker volume ls -q --filter "$staging_unit" | xargs -r docker volume rm
    docker network ls -q --filter "$staging_unit" | xargs -r docker network rm
}
