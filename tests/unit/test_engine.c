/* The whole room against tests/support/scripted_daemon.py, over a real socket:
 * what a real daemon does not do on request. */
#include "engine/archive.h"
#include "engine/container.h"
#include "engine/event.h"
#include "engine/exec.h"
#include "engine/image.h"
#include "engine/logs.h"
#include "engine/network.h"
#include "engine/passing.h"
#include "engine/volume.h"

#include "base/file.h"
#include "base/process.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

/* --- a scripted daemon, for the length of one test --- */

struct scripted {
    char *folder, *socket, *host;
    struct process process;
    struct engine *engine; /* NULL until scripted_open() */
};

static void check(int result, const struct err *e)
{
    if (result < 0)
        fail_msg("%s", err_text(e));
}

static void scripted_start(struct scripted *s, const char *script)
{
    auto_err e = ERR_INIT;
    *s = (struct scripted){ .process = PROCESS_INIT };
    check(dir_temporary("/tmp", "test_engine.", &s->folder, &e), &e);
    s->socket = xasprintf("%s/docker.sock", s->folder);
    s->host = xasprintf("unix://%s", s->socket);
    auto_free char *file = xasprintf("%s/script", s->folder);
    check(file_write(file, script, strlen(script), 0600, &e), &e);
    const char *const argv[] = { "python3", TEST_SOURCE_DIR "/support/scripted_daemon.py", s->socket, file,
                                 NULL };
    const struct process_spec spec = { .argv = argv, .in = PROCESS_NULL };
    check(process_start(&spec, &s->process, &e), &e);
    for (int i = 0; i < 24000 && access(s->socket, F_OK) < 0; i++)
        (void)poll(NULL, 0, 5);
}

static void scripted_open(struct scripted *s, const char *script)
{
    scripted_start(s, script);
    auto_err e = ERR_INIT;
    const struct engine_endpoint there = { .host = s->host };
    check(engine_open(&there, &s->engine, &e), &e);
}

/* The script was followed to its end, and nothing else was asked. */
static void scripted_stop(struct scripted *s)
{
    auto_err e = ERR_INIT;
    int status = -1;
    engine_close(s->engine);
    process_kill(&s->process, false, SIGTERM);
    check(process_wait(&s->process, 120000, &status, &e), &e);
    check(dir_remove(s->folder, &e), &e);
    process_release(&s->process);
    free(s->folder);
    free(s->socket);
    free(s->host);
    assert_int_equal(process_exit_code(status), 0);
}

static void assert_says(const struct err *e, enum err_kind kind, const char *text)
{
    if (e->kind != kind || !strstr(err_text(e), text))
        fail_msg("kind %d instead of %d, '%s' instead of '%s'", (int)e->kind, (int)kind, err_text(e), text);
}

/* --- where the daemon is, and what it speaks --- */

static const struct {
    const char *host, *cert_path;
    bool verify;
    enum err_kind kind;
    const char *says;
} endpoints[] = {
    { "unix:///nowhere/docker.sock", NULL, false, ERR_SYSTEM, "there is no such socket: is dockerd" },
    { "unix://docker.sock", NULL, false, ERR_CONFIG, "not an absolute path" },
    { "unix://", NULL, false, ERR_CONFIG, "not an absolute path" },
    { "tcp://", NULL, false, ERR_CONFIG, "not tcp://host" },
    { "tcp://:2375", NULL, false, ERR_CONFIG, "not tcp://host" },
    { "tcp://h:1/path", NULL, false, ERR_CONFIG, "not tcp://host" },
    { "tcp://127.0.0.1:1", NULL, false, ERR_SYSTEM, "Docker at tcp://127.0.0.1:1: " },
    { "tcp://[::1]:1", NULL, false, ERR_SYSTEM, "Docker at tcp://[::1]:1: " },
    { "tcp://127.0.0.1:1", "/nowhere", true, ERR_CONFIG, "DOCKER_CERT_PATH '/nowhere' has no ca.pem" },
    { "ssh://host", NULL, false, ERR_CONFIG,
      "DOCKER_HOST 'ssh://host' is of a kind that is not spoken here" },
    { "fd://", NULL, false, ERR_CONFIG, "give unix:///path or tcp://host:port" },
    { "\x1b[1m", NULL, false, ERR_CONFIG, "'\\x1b[1m'" },
};

static void test_endpoints(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
        const struct engine_endpoint there = { endpoints[i].host, endpoints[i].cert_path,
                                               endpoints[i].verify };
        auto_engine *d = NULL;
        auto_err e = ERR_INIT;
        assert_int_equal(engine_open(&there, &d, &e), -1);
        assert_null(d);
        assert_says(&e, endpoints[i].kind, endpoints[i].says);
    }
}

static void test_endpoint_from_env(void **state)
{
    (void)state;
    char host[] = "DOCKER_HOST=tcp://h:1", more[] = "DOCKER_HOSTS=x", verify[] = "DOCKER_TLS_VERIFY=1";
    char no_host[] = "DOCKER_HOST=", no_verify[] = "DOCKER_TLS_VERIFY=", certs[] = "DOCKER_CERT_PATH=/c";
    char *set[] = { more, host, verify, certs, NULL }, *empty[] = { no_host, no_verify, NULL };
    struct engine_endpoint p;
    engine_endpoint_from_env(&p, set);
    assert_string_equal(p.host, "tcp://h:1");
    assert_string_equal(p.cert_path, "/c");
    assert_true(p.tls_verify);
    engine_endpoint_from_env(&p, empty);
    assert_null(p.host);
    assert_null(p.cert_path);
    assert_false(p.tls_verify);
}

/* A socket that somebody has bound, and for which nobody listens. */
static void test_refused_and_forbidden(void **state)
{
    (void)state;
    auto_free char *path = xasprintf("/tmp/test_engine.%d", (int)getpid());
    auto_free char *host = xasprintf("unix://%s", path);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strncat(address.sun_path, path, sizeof(address.sun_path) - 1);
    auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);

    const struct engine_endpoint there = { .host = host };
    auto_engine *d = NULL;
    auto_err e = ERR_INIT;
    assert_int_equal(engine_open(&there, &d, &e), -1);
    assert_says(&e, ERR_SYSTEM, "nothing listens on the socket: start dockerd");

    bool is_root = geteuid() == 0;
    assert_int_equal(chmod(path, 0), 0);
    if (is_root)
        assert_int_equal(seteuid(65534), 0);
    assert_int_equal(engine_open(&there, &d, &e), -1);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    assert_says(&e, ERR_SYSTEM, "no permission: run as root, or add the user");
    (void)unlink(path);
}

static const struct {
    const char *script, *version, *says;
} versions[] = {
    { "", "1.41", NULL },
    { "> GET /_ping\n header Api-Version: 1.47\n 200 OK\n", "1.47", NULL },
    { "> GET /_ping\n header Api-Version: 1.52\n 200 OK\n", "1.52", NULL },
    { "> GET /_ping\n header Api-Version: 1.60\n 200 OK\n> GET /_ping\n 200 OK\n", "1.52", NULL },
    { "> GET /_ping\n header Api-Version: 1.60\n 200 OK\n"
      "> GET /_ping\n 400 {\"message\":\"client version 1.52 is too old. Minimum supported API version is "
      "1.54\"}\n",
      NULL, "speaks API 1.60 and no longer 1.52, the newest known here: update atelier" },
    { "> GET /_ping\n header Api-Version: 1.40\n 200 OK\n", NULL,
      "speaks API 1.40; at least 1.41 is needed" },
    { "> GET /_ping\n header Api-Version: 2.0\n 200 OK\n", NULL, "is no Docker Engine" },
    { "> GET /_ping\n 200 <html>hello</html>\n", NULL, "is no Docker Engine" },
    { "> GET /_ping\n 500 {\"message\":\"not\\ntoday\\u001b[31m\"}\n", NULL,
      "ask Docker for its version: not\\ntoday\\x1b[31m" },
    { "> GET /_ping\n cut\n", NULL, "docker.sock: GET /_ping: the connection was closed without an answer" },
    { "> GET /_ping\n 200 chunked\n raw \"O\"\n cut\n", NULL, "docker.sock: GET /_ping: " },
};

static void test_versions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        struct scripted s;
        scripted_start(&s, versions[i].script);
        const struct engine_endpoint there = { .host = s.host };
        auto_err e = ERR_INIT;
        int result = engine_open(&there, &s.engine, &e);
        if (versions[i].says)
            assert_says(&e, ERR_SYSTEM, versions[i].says);
        else
            check(result, &e);
        if (versions[i].version)
            assert_string_equal(engine_version(s.engine), versions[i].version);
        scripted_stop(&s);
    }
}

static void test_second_connection(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> GET /containers/x/json\n 200 {\"Id\":\"x\"}\n");
    auto_err e = ERR_INIT;
    auto_engine *again = NULL;
    auto_json *x = NULL;
    check(engine_again(s.engine, &again, &e), &e);
    assert_string_equal(engine_version(again), "1.41");
    assert_true(engine_is_local(again));
    check(container_inspect(again, "x", &x, &e), &e);
    assert_string_equal(json_text(x, "Id"), "x");
    scripted_stop(&s);
}

/* --- answers --- */

static const struct {
    const char *answer;
    enum err_kind kind;
    int code;
    const char *says;
} refusals[] = {
    { "404 {\"message\":\"No such container: x\"}", ERR_NOT_FOUND, 404,
      "inspect container 'x': No such container: x" },
    { "409 {\"message\":\"busy\"}", ERR_CONFLICT, 409, "inspect container 'x': busy" },
    { "500 {\"message\":\"line\\nline\\r\\n\"}", ERR_SYSTEM, 500, "'x': line\\nline" },
    { "503 Service Unavailable", ERR_SYSTEM, 503, "'x': Service Unavailable" },
    { "500 {\"cause\":\"odd\"}", ERR_SYSTEM, 500, "'x': {\"cause\":\"odd\"}" },
    { "500 ", ERR_SYSTEM, 500, "'x': the daemon answered with status 500 and no reason" },
    { "301 ", ERR_SYSTEM, 301, "status 301" },
    { "200 {\"Id\":", ERR_SYSTEM, 0, "'x': the daemon's answer is not JSON" },
    { "cut", ERR_SYSTEM, 52,
      "inspect container 'x': GET /v1.41/containers/x/json: the connection was closed" },
    { "200 chunked\n json {\"Id\":\"x\"}\n cut", ERR_SYSTEM, 18, "closed in the middle of the answer" },
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        auto_free char *script = xasprintf(">> GET /containers/x/json\n %s\n", refusals[i].answer);
        struct scripted s;
        scripted_open(&s, script);
        auto_err e = ERR_INIT;
        auto_json *x = NULL;
        assert_int_equal(container_inspect(s.engine, "x", &x, &e), -1);
        assert_null(x);
        assert_says(&e, refusals[i].kind, refusals[i].says);
        assert_int_equal(e.code, refusals[i].code);
        scripted_stop(&s);
    }
}

static void test_long_reason_is_cut(void **state)
{
    (void)state;
    auto_strbuf script = STRBUF_TEXT;
    strbuf_puts(&script, "> GET /containers/x/json\n 502 <html>");
    for (int i = 0; i < 20000; i++)
        strbuf_puts(&script, "wrong ");
    struct scripted s;
    scripted_open(&s, strbuf_text(&script));
    auto_err e = ERR_INIT;
    auto_json *x = NULL;
    assert_int_equal(container_inspect(s.engine, "x", &x, &e), -1);
    assert_true(strlen(err_text(&e)) < 1100);
    scripted_stop(&s);
}

static void test_what_is_fine(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s,
                  "> POST /containers/running/start\n 304\n"
                  "> DELETE /containers/gone?force=1&v=1\n 404 {\"message\":\"No such container\"}\n"
                  "> DELETE /containers/going*\n 409 {\"message\":\"removal of x is already in progress\"}\n"
                  "> DELETE /containers/stuck*\n 409 {\"message\":\"driver failed\"}\n"
                  "> POST /containers/dead/kill?signal=TERM\n 409 {\"message\":\"x is not running\"}\n"
                  "> DELETE /networks/n\n 404\n"
                  "> GET /networks/n\n 404 {\"message\":\"network n not found\"}\n"
                  "> DELETE /volumes/v\n 404\n"
                  "> DELETE /images/h%3A1%2Fi%3At\n 404\n"
                  "> POST /containers/create?name=c*\n 201 {\"Warnings\":[]}\n"
                  "> GET /volumes*\n 200 {\"Volumes\":null}\n");
    auto_err e = ERR_INIT;
    auto_json *config = json_object();
    auto_json *none = NULL;
    auto_free char *id = NULL;
    const struct strvec labels = STRVEC_INIT;
    check(container_start(s.engine, "running", &e), &e);
    check(container_remove(s.engine, "gone", &e), &e);
    check(container_remove(s.engine, "going", &e), &e);
    assert_int_equal(container_remove(s.engine, "stuck", &e), -1);
    assert_says(&e, ERR_CONFLICT, "remove container 'stuck': driver failed");
    err_release(&e);
    check(container_kill(s.engine, "dead", "TERM", &e), &e);
    check(network_remove(s.engine, "n", &e), &e);
    check(volume_remove(s.engine, "v", &e), &e);
    check(volume_list(s.engine, &labels, &none, &e), &e);
    assert_int_equal(json_array_size(none), 0);
    assert_true(json_is_array(none));
    check(image_remove(s.engine, "h:1/i:t", &e), &e);
    assert_int_equal(container_create(s.engine, "c", NULL, config, &id, &e), -1);
    assert_says(&e, ERR_SYSTEM, "create container 'c': the daemon's answer has no id");
    assert_null(id);
    scripted_stop(&s);
}

/* Podman 4 has its own status for it. */
static void test_name_that_is_taken(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> POST /containers/create?name=c\n 409 {\"message\":\"Conflict. The name is in use\"}\n"
                      "> POST /containers/create?name=c\n 500 {\"message\":\"the name \\\"c\\\" is already in use by 1\"}\n"
                      "> POST /containers/create?name=c\n 500 {\"message\":\"no space left on device\"}\n");
    static const enum err_kind kinds[] = { ERR_CONFLICT, ERR_CONFLICT, ERR_SYSTEM };
    auto_json *config = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        auto_err e = ERR_INIT;
        auto_free char *id = NULL;
        assert_int_equal(container_create(s.engine, "c", NULL, config, &id, &e), -1);
        assert_says(&e, kinds[i], "create container 'c': ");
    }
    scripted_stop(&s);
}

static void test_side_by_side(void **state)
{
    (void)state;
    /* None is answered before all have been asked: one after the other it would never end. */
    struct scripted s;
    scripted_open(&s, "> POST /containers/a/start\n together 4\n 204\n"
                      "> POST /containers/b/start\n together 4\n 404 {\"message\":\"No such container: b\"}\n"
                      ">> POST /containers/c/start\n together 4\n cut\n"
                      "> POST /containers/d/start\n together 4\n 304\n");
    const char *const ids[] = { "a", "b", "c", "d" };
    struct err errs[ARRAY_SIZE(ids)] = { 0 };
    assert_int_equal(container_start_all(s.engine, ids, errs, ARRAY_SIZE(ids)), -1);
    assert_int_equal(errs[0].kind, ERR_NONE);
    assert_says(&errs[1], ERR_NOT_FOUND, "start container 'b': No such container: b");
    assert_says(&errs[2], ERR_SYSTEM, "start container 'c': ");
    assert_int_equal(errs[3].kind, ERR_NONE);
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        err_release(&errs[i]);
    check(container_remove_all(s.engine, NULL, NULL, 0), NULL);
    scripted_stop(&s);
}

static void test_network_is_emptied_first(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(
        &s, "> GET /networks/n\n 200 {\"Containers\":{\"c1\":{},\"c2\":{}}}\n"
            "> POST /networks/n/disconnect\n has \"Force\":true\n 200\n"
            "> POST /networks/n/disconnect\n has \"Container\":\"c2\"\n 500 {\"message\":\"not connected\"}\n"
            "> DELETE /networks/n\n 403 {\"message\":\"network n has active endpoints\"}\n");
    auto_err e = ERR_INIT;
    assert_int_equal(network_remove(s.engine, "n", &e), -1);
    assert_says(&e, ERR_SYSTEM, "remove network 'n': network n has active endpoints");
    scripted_stop(&s);
}

/* --- transfers --- */

#define PULL "> POST /images/create?fromImage=r.io%2Fapp&tag=1\n"

static const struct {
    const char *script;
    enum err_kind kind; /* ERR_NONE: it goes well */
    const char *says;   /* the error, or the last line of progress */
} pulls[] = {
    { PULL " 200 chunked\n json {\"status\":\"Pulling from app\",\"id\":\"1\"}\n"
           " json {\"status\":\"Pull complete\",\"id\":\"aa\"}\n json {\"status\":\"Digest: sha256:12\"}\n"
           " json {\"status\":\"Status: Downloaded newer image for r.io/app:1\"}\n",
      ERR_NONE, "Pulled r.io/app:1 (sha256:12)" },
    { PULL " 200 chunked\n raw \"{\\\"status\\\":\\\"Dig\"\n sleep 0.05\n raw \"est: sha256:1\\\"}\\r\\n\"\n",
      ERR_NONE, "Pulled r.io/app:1 (sha256:1)" },
    { PULL " 200 chunked\n json {\"status\":\"Image is up to date\"}\n", ERR_NONE, "Pulled r.io/app:1" },
    { PULL " 404 {\"message\":\"manifest for r.io/app:1 not found: manifest unknown\"}\n", ERR_NOT_FOUND,
      "pull image 'r.io/app:1': manifest for r.io/app:1 not found" },
    { PULL " 500 {\"message\":\"Get \\\"https://r.io/v2/\\\": unauthorized: access denied\"}\n",
      ERR_NOT_FOUND, "unauthorized" },
    { PULL " 500 {\"message\":\"Get \\\"https://r.io/v2/\\\": dial tcp: lookup r.io: no such host\"}\n",
      ERR_SYSTEM, "no such host" },
    { PULL " 200 chunked\n json {\"errorDetail\":{\"message\":\"pull access denied for "
           "r.io/app\"},\"error\":\"x\"}\n",
      ERR_NOT_FOUND, "pull image 'r.io/app:1': pull access denied for r.io/app" },
    { PULL " 200 chunked\n json {\"error\":\"toomanyrequests: \\u001b[0mslow down\"}\n", ERR_SYSTEM,
      "toomanyrequests: \\x1b[0mslow down" },
    { PULL " 200 chunked\n json {\"error\":\"\"}\n", ERR_SYSTEM, "the daemon gave no reason" },
    { PULL " 200 chunked\n json {\"status\":\"Downloading\",\"id\":\"aa\"}\n cut\n", ERR_SYSTEM,
      "closed in the middle of the answer" },
    { PULL " 200 stream\n raw \"{\\\"status\\\":\\\"Downloadi\"\n", ERR_SYSTEM, "closed the stream early" },
    { PULL " 200 stream\n raw \"<html>\\r\\n\"\n", ERR_SYSTEM, "the daemon's message is not JSON" },
};

static void keep_line(void *ctx, const char *line)
{
    char **last = ctx;
    free(*last);
    *last = xstrdup(line);
}

static void test_pulls(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pulls); i++) {
        struct scripted s;
        scripted_open(&s, pulls[i].script);
        auto_err e = ERR_INIT;
        auto_free char *line = NULL;
        const struct image_transfer t = { .progress = keep_line, .progress_ctx = &line };
        int result = image_pull(s.engine, "r.io/app:1", &t, &e);
        if (pulls[i].kind == ERR_NONE) {
            check(result, &e);
            assert_string_equal(line, pulls[i].says);
        } else {
            assert_int_equal(result, -1);
            assert_says(&e, pulls[i].kind, pulls[i].says);
        }
        scripted_stop(&s);
    }
}

/* Side by side: what becomes of one is nothing to the others. */
static void test_pulls_beside_each_other(void **state)
{
    (void)state;
    static const char *const names[] = { "r.io/a:1", "", "r.io/b:1", "r.io/c:1" };
    static const struct image_transfer how[ARRAY_SIZE(names)] = { { 0 } };
    struct err errs[ARRAY_SIZE(names)] = { { 0 } };
    struct scripted s;
    scripted_open(&s, "> POST /images/create?fromImage=r.io%2Fa&tag=1\n 200 chunked\n sleep 0.2\n json {\"status\":\"Done\"}\n"
                      "> POST /images/create?fromImage=r.io%2Fb&tag=1\n 404 {\"message\":\"manifest unknown\"}\n"
                      "> POST /images/create?fromImage=r.io%2Fc&tag=1\n 200 chunked\n json {\"error\":\"Bad Gateway\"}\n");
    assert_int_equal(image_pull_all(s.engine, names, how, errs, ARRAY_SIZE(names)), -1);
    assert_int_equal(errs[0].kind, ERR_NONE);
    assert_non_null(errs[1].msg);
    assert_says(&errs[2], ERR_NOT_FOUND, "pull image 'r.io/b:1': manifest unknown");
    assert_says(&errs[3], ERR_SYSTEM, "pull image 'r.io/c:1': Bad Gateway");
    assert_false(passing_fault(&errs[2]));
    assert_true(passing_fault(&errs[3]));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        err_release(&errs[i]);
    scripted_stop(&s);
}

static void count_line(void *ctx, const char *line)
{
    strbuf_printf(ctx, "%s\n", line);
}

static void test_progress_does_not_flood(void **state)
{
    (void)state;
    auto_strbuf script = STRBUF_TEXT, lines = STRBUF_TEXT;
    strbuf_puts(&script,
                "> POST /images/create*\n 200 chunked\n json {\"status\":\"Already exists\",\"id\":\"a\"}\n");
    for (int i = 0; i < 400; i++)
        strbuf_printf(
            &script,
            " json {\"status\":\"Downloading\",\"id\":\"b\",\"progressDetail\":{\"current\":%d}}\n%s",
            i * 1024, i == 300 ? " sleep 3.1\n" : "");
    strbuf_puts(&script,
                " json {\"status\":\"Extracting\",\"id\":\"b\",\"progressDetail\":{\"current\":1}}\n");
    struct scripted s;
    scripted_open(&s, strbuf_text(&script));
    auto_err e = ERR_INIT;
    const struct image_transfer t = { .progress = count_line, .progress_ctx = &lines };
    check(image_pull(s.engine, "app", &t, &e), &e);
    assert_string_equal(strbuf_text(&lines), "Pulling app: 1 of 2 layers, 301 KiB\nPulled app\n");
    scripted_stop(&s);
}

static void test_push(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> POST /images/r.io%3A5000%2Fapp/push?tag=1\n 200 chunked\n"
                      " json {\"status\":\"Pushed\",\"id\":\"a\"}\n"
                      " json {\"aux\":{\"Tag\":\"1\",\"Digest\":\"sha256:34\",\"Size\":1}}\n"
                      "> POST /images/r.io%3A5000%2Fapp/push?tag=latest\n 200 chunked\n"
                      " json {\"errorDetail\":{\"message\":\"denied: not yours\"}}\n");
    auto_err e = ERR_INIT;
    auto_free char *line = NULL;
    const struct registry_auth auth = { "ada", "secret", "r.io:5000" };
    const struct image_transfer t = { .auth = &auth, .progress = keep_line, .progress_ctx = &line };
    check(image_push(s.engine, "r.io:5000/app:1", &t, &e), &e);
    assert_string_equal(line, "Pushed r.io:5000/app:1 (sha256:34)");
    assert_int_equal(image_push(s.engine, "r.io:5000/app", &t, &e), -1);
    assert_says(&e, ERR_SYSTEM, "push image 'r.io:5000/app': denied: not yours");
    assert_int_equal(image_push(s.engine, "r.io:5000/../app", &t, &e), -1);
    assert_says(&e, ERR_JOB, "no image's name");
    scripted_stop(&s);
}

static ssize_t nothing(void *ctx, char *buf, size_t size, struct err *e)
{
    (void)ctx;
    (void)buf;
    (void)size;
    (void)e;
    return 0;
}

/* The tag is part of `repo`: Podman 4 hears of no other. */
static void test_import_names_the_tag(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> POST /images/create?fromSrc=-&repo=h%3A1%2Fi%3A2&changes=CMD%20sh\n 200 chunked\n"
                      "> POST /images/create?fromSrc=-&repo=i%3Alatest\n 200 chunked\n");
    auto_err e = ERR_INIT;
    auto_strvec changes = STRVEC_INIT;
    strvec_push(&changes, "CMD sh");
    check(image_import(s.engine, "h:1/i:2", &changes, nothing, NULL, &e), &e);
    check(image_import(s.engine, "i", NULL, nothing, NULL, &e), &e);
    scripted_stop(&s);
}

/* --- exec --- */

#define CREATE  "> POST /containers/c/exec\n 201 {\"Id\":\"e1\"}\n"
#define START   "> POST /exec/e1/start\n has {\"Detach\":false,\"Tty\":false}\n 200 stream\n"
#define NOT_YET "> GET /exec/e1/json\n 200 {\"Running\":true,\"ExitCode\":null}\n"
#define ENDED   "> GET /exec/e1/json\n 200 {\"Running\":false,\"Pid\":7,\"ExitCode\":"

static const struct {
    const char *script;
    int code; /* when it goes well */
    const char *heard;
    enum err_kind kind;
    const char *says;
} execs[] = {
    { CREATE START " stdout \"out\"\n stderr \"err\"\n" NOT_YET NOT_YET ENDED "3}\n", 3, "1:out 2:err ",
      ERR_NONE, NULL },
    { CREATE START " read \"exit\\n\"\n stdout \"bye\"\n" ENDED "0}\n", 0, "1:bye ", ERR_NONE, NULL },
    { CREATE START " raw \"\\u0001\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0009half\"\n cut\n", 0,
      "1:half ", ERR_SYSTEM, "the daemon closed the stream in the middle of a frame" },
    { CREATE START " raw \"a terminal's text\"\n", 0, "", ERR_SYSTEM, "the daemon's stream is broken" },
    { CREATE START " stdout \"x\"\n>> GET /exec/e1/json\n cut\n", 0, "1:x ", ERR_SYSTEM,
      "process's exit code" },
    { CREATE START ENDED "null}\n", 0, "", ERR_SYSTEM,
      "does not say how the process in container 'c' ended" },
    { "> POST /containers/c/exec\n 409 {\"message\":\"container c is not running\"}\n", 0, "", ERR_CONFLICT,
      "in container 'c': container c is not running" },
    { "> POST /containers/c/exec\n 404 {\"message\":\"No such container: c\"}\n", 0, "", ERR_NOT_FOUND,
      "No such container: c" },
    { CREATE "> POST /exec/e1/start\n 500 {\"message\":\"cgroup: out of pids\"}\n", 0, "", ERR_SYSTEM,
      "out of pids" },
    /* Docker 28 looks for the user before there is anything to start. */
    { "> POST /containers/c/exec\n 400 {\"message\":\"unable to find user x: no matching entries in passwd file\"}\n",
      0, "", ERR_JOB, "in container 'c': unable to find user x" },
    { "> POST /containers/c/exec\n 400 {\"message\":\"invalid JSON\"}\n", 0, "", ERR_SYSTEM, "invalid JSON" },
    { CREATE START
      " stdout \"OCI runtime exec failed: exec: \\\"sh\\\": executable file not found in $PATH: unknown\\r\\n\"\n"
      "> GET /exec/e1/json\n 200 {\"Running\":false,\"Pid\":0,\"ExitCode\":127}\n",
      0, NULL, ERR_JOB,
      "'sh' cannot be started in the container: OCI runtime exec failed: exec: \"sh\": exec" },
    { CREATE START /* crun */
      " stdout \"executable file `sh` not found in $PATH: No such file or directory: unknown\\r\\n\"\n"
      "> GET /exec/e1/json\n 200 {\"Running\":false,\"Pid\":0,\"ExitCode\":127}\n",
      0, NULL, ERR_JOB, "'sh' cannot be started in the container: executable file `sh`" },
    { CREATE START " stdout \"OCI runtime exec failed: fork: out of memory: unknown\\r\\n\"\n"
                   "> GET /exec/e1/json\n 200 {\"Running\":false,\"Pid\":0,\"ExitCode\":126}\n",
      0, NULL, ERR_SYSTEM, "'sh' cannot be started in the container: OCI runtime exec failed: fork" },
    { CREATE START " stdout \"OCI runtime exec failed: says a script\\r\\n\"\n" ENDED "127}\n", 127, NULL, ERR_NONE,
      NULL },
};

static int hear(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    (void)e;
    strbuf_printf(ctx, "%d:%.*s ", (int)kind, (int)len, data);
    return 0;
}

static ssize_t say_exit(void *ctx, char *buf, size_t size, struct err *e)
{
    (void)e;
    bool *said = ctx;
    if (*said || size < 5)
        return 0;
    *said = true;
    memcpy(buf, "exit\n", 5);
    return 5;
}

static int run_sh(struct engine *d, const struct engine_watch *watch, struct strbuf *heard, int *code,
                  struct err *e)
{
    auto_strvec argv = STRVEC_INIT;
    strvec_push(&argv, "sh");
    bool said = false;
    const struct exec_spec spec = {
        .argv = &argv, .input = say_exit, .input_ctx = &said, .sink = hear, .sink_ctx = heard, .watch = watch
    };
    return exec_run(d, "c", &spec, code, e);
}

static void test_execs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(execs); i++) {
        struct scripted s;
        scripted_open(&s, execs[i].script);
        auto_err e = ERR_INIT;
        auto_strbuf heard = STRBUF_TEXT;
        int code = -1;
        int result = run_sh(s.engine, NULL, &heard, &code, &e);
        if (execs[i].kind == ERR_NONE) {
            check(result, &e);
            assert_int_equal(code, execs[i].code);
        } else {
            assert_int_equal(result, -1);
            assert_says(&e, execs[i].kind, execs[i].says);
        }
        if (execs[i].heard)
            assert_string_equal(strbuf_text(&heard), execs[i].heard);
        scripted_stop(&s);
    }
}

/* A container that died takes its processes along, also those of which the daemon says that they run. */
static void test_lost_exec(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, CREATE START ">> GET /exec/e1/json\n 200 {\"Running\":true}\n"
                                   "> GET /containers/c/json\n 200 {\"State\":{\"Running\":false}}\n");
    auto_err e = ERR_INIT;
    auto_strbuf heard = STRBUF_TEXT;
    int code = -1;
    assert_int_equal(run_sh(s.engine, NULL, &heard, &code, &e), -1);
    assert_says(&e, ERR_SYSTEM, "container 'c' stopped, and the daemon does not know how its process ended");
    scripted_stop(&s);
}

struct stopping {
    const char *marks; /* a byte for each request that hangs */
    off_t hung;        /* enough of them */
};

static int stop_when_it_hangs(void *ctx, int64_t *next_ms, struct err *e)
{
    const struct stopping *s = ctx;
    struct stat st;
    *next_ms = 20;
    return stat(s->marks, &st) == 0 && st.st_size >= s->hung ? err_set(e, ERR_CANCELLED, 0, "told to stop") : 0;
}

static void test_watch_ends_what_hangs(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, CREATE START " stdout \"x\"\n hang\n"
                                   "> POST /containers/c/wait?condition=not-running\n 200 chunked\n hang\n"
                                   "> POST /images/create*\n hang\n"
                                   "> GET /events*\n 200 chunked\n hang\n");
    auto_err e = ERR_INIT;
    auto_strbuf heard = STRBUF_TEXT;
    const struct strvec labels = STRVEC_INIT;
    int code = -1;
    auto_free char *marks = xasprintf("%s.hung", s.socket);
    struct stopping stopping = { marks, 1 };
    const struct engine_watch watch = { stop_when_it_hangs, &stopping, -1 };
    const struct image_transfer t = { .watch = &watch };
    assert_int_equal(run_sh(s.engine, &watch, &heard, &code, &e), -1);
    assert_says(&e, ERR_CANCELLED, "told to stop");
    stopping.hung++;
    assert_int_equal(container_wait(s.engine, "c", &watch, &code, &e), -1);
    assert_says(&e, ERR_CANCELLED, "told to stop");
    stopping.hung++;
    assert_int_equal(image_pull(s.engine, "app", &t, &e), -1);
    assert_says(&e, ERR_CANCELLED, "told to stop");
    stopping.hung++;
    assert_int_equal(event_listen(s.engine, &labels, 0, NULL, NULL, &watch, &e), -1);
    assert_says(&e, ERR_CANCELLED, "told to stop");
    scripted_stop(&s);
}

/* --- logs and events --- */

static void test_end_of_a_long_log(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> GET /containers/c/logs?stdout=1&stderr=1&tail=5\n 200 chunked\n stdout \"one\\n\"\n"
                      " stderr \"two\\n\"\n stdout \"three\\n\"\n"
                      "> GET /containers/c/logs*\n 200 chunked\n stdout \"a line longer than the limit\"\n");
    auto_err e = ERR_INIT;
    auto_free char *text = NULL, *end = NULL;
    check(container_logs(s.engine, "c", 5, 10, &text, &e), &e);
    assert_string_equal(text, "two\nthree\n");
    check(container_logs(s.engine, "c", 5, 10, &end, &e), &e);
    assert_string_equal(end, " the limit");
    scripted_stop(&s);
}

static int keep_message(void *ctx, enum stream_kind kind, const char *text, size_t len, struct err *e)
{
    (void)e;
    strbuf_printf(ctx, "%d:%.*s|", (int)kind, (int)len, text);
    return 0;
}

static void test_messages_of_a_log(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> GET /containers/c/logs?stdout=1&stderr=1&timestamps=1\n 200 chunked\n stdout \"1 one\\n\"\n"
                      " stderr \"2 two\"\n stdout \"3 three\\n\"\n"
                      "> GET /containers/c/logs?stdout=1&stderr=1&timestamps=1&follow=1&since=9.5\n 200 chunked\n"
                      " stdout \"4 four\\n\"\n"
                      "> GET /containers/c/logs*\n 404 {\"message\":\"No such container: c\"}\n");
    auto_strbuf heard = STRBUF_TEXT;
    auto_err e = ERR_INIT;
    struct logs of = { .id = "c", .message = keep_message, .ctx = &heard };
    check(logs_read_all(s.engine, &of, 1, false, NULL, &e), &e);
    of.since = "9.5";
    check(logs_read_all(s.engine, &of, 1, true, NULL, &e), &e);
    assert_string_equal(strbuf_text(&heard), "1:1 one\n|2:2 two|1:3 three\n|1:4 four\n|");
    assert_int_equal(logs_read_all(s.engine, &of, 1, true, NULL, &e), -1);
    assert_says(&e, ERR_NOT_FOUND, "No such container");
    assert_int_equal(logs_read_all(s.engine, NULL, 0, true, NULL, NULL), 0);
    scripted_stop(&s);
}

static int until_die(void *ctx, const json_t *event, struct err *e)
{
    (void)e;
    strbuf_printf(ctx, "%s ", json_text(event, "Action"));
    return strcmp(json_text(event, "Action"), "die") == 0;
}

static void test_events(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> GET /events?since=12&filters=*\n 200 chunked\n json {\"Action\":\"start\"}\n"
                      " json {\"Action\":\"die\"}\n json {\"Action\":\"destroy\"}\n hang\n"
                      "> GET /events*\n 200 chunked\n json {\"Action\":\"start\"}\n");
    auto_err e = ERR_INIT;
    auto_strbuf heard = STRBUF_TEXT;
    auto_strvec labels = STRVEC_INIT;
    strvec_push(&labels, "atelier.job=1");
    check(event_listen(s.engine, &labels, 12, until_die, &heard, NULL, &e), &e);
    assert_string_equal(strbuf_text(&heard), "start die ");
    assert_int_equal(event_listen(s.engine, &labels, 0, until_die, &heard, NULL, &e), -1);
    assert_says(&e, ERR_SYSTEM, "ended its stream of events");
    scripted_stop(&s);
}

static void test_what_happened(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> GET /events?since=12.003&until=13.450&filters=%7B%22container%22%3A%5B%22c%22%5D%2C%22event%22%3A"
                      "%5B%22oom%22%5D%7D\n 200 chunked\n json {\"Action\":\"oom\"}\n hang\n"
                      "> GET /events*\n 200 chunked\n"
                      "> GET /events*\n 500 {\"message\":\"no such thing\"}\n");
    auto_err e = ERR_INIT;
    bool happened = false;
    check(event_happened(s.engine, "c", "oom", 12003, 13450, &happened, &e), &e);
    assert_true(happened);
    check(event_happened(s.engine, "c", "oom", 12003, 13450, &happened, &e), &e);
    assert_false(happened);
    assert_int_equal(event_happened(s.engine, "c", "oom", 12003, 13450, &happened, &e), -1);
    assert_says(&e, ERR_SYSTEM, "no such thing");
    scripted_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_endpoint_from_env),
        cmocka_unit_test(test_refused_and_forbidden),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_second_connection),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_long_reason_is_cut),
        cmocka_unit_test(test_what_is_fine),
        cmocka_unit_test(test_name_that_is_taken),
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_network_is_emptied_first),
        cmocka_unit_test(test_pulls),
        cmocka_unit_test(test_pulls_beside_each_other),
        cmocka_unit_test(test_progress_does_not_flood),
        cmocka_unit_test(test_push),
        cmocka_unit_test(test_import_names_the_tag),
        cmocka_unit_test(test_execs),
        cmocka_unit_test(test_lost_exec),
        cmocka_unit_test(test_watch_ends_what_hangs),
        cmocka_unit_test(test_end_of_a_long_log),
        cmocka_unit_test(test_messages_of_a_log),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_what_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
