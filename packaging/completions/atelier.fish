# fish completion of atelier(1)

set -l commands config prepare run cleanup pipeline lint shell check sample gc cache compose deploy releases rollback doctor trace

# The checkout's jobs, as --list prints them, without the heading.
function __atelier_list
    set -l words (commandline -opc)
    set -l directory
    for i in (seq 2 (count $words))
        switch $words[$i]
            case -C --directory
                set -l next (math $i + 1)
                test $next -le (count $words); and set directory --directory $words[$next]
            case '--directory=*'
                set directory $words[$i]
        end
    end
    atelier pipeline $directory --list 2>/dev/null | sed 1d
end

function __atelier_jobs
    __atelier_list | sed 's/  .*//'
end

function __atelier_stages
    __atelier_list | awk -F '  +' '!seen[$2]++ { print $2 }'
end

# The ids of the jobs on this host: what follows the last "-" of the list's first column.
function __atelier_shell_jobs
    atelier shell 2>/dev/null | sed -n '1d; s/ .*//; s/.*-//; p'
end

complete -c atelier -f
complete -c atelier -s c -l config -r -F -d "Configuration of the host"
complete -c atelier -s h -l help -d "Print help and exit"
complete -c atelier -s V -l version -d "Print versions and exit"

set -l no_command "not __fish_seen_subcommand_from $commands"
complete -c atelier -n "$no_command" -a config -d "Tell gitlab-runner where jobs are built (hook)"
complete -c atelier -n "$no_command" -a prepare -d "Make the job's network and containers (hook)"
complete -c atelier -n "$no_command" -a run -d "Run one of the job's scripts in its container (hook)"
complete -c atelier -n "$no_command" -a cleanup -d "Remove all that the job made (hook)"
complete -c atelier -n "$no_command" -a pipeline -d "Run this checkout's .gitlab-ci.yml without GitLab"
complete -c atelier -n "$no_command" -a lint -d "Say what is wrong in a .gitlab-ci.yml"
complete -c atelier -n "$no_command" -a shell -d "Open a shell in a job's container"
complete -c atelier -n "$no_command" -a check -d "Check the host's configuration"
complete -c atelier -n "$no_command" -a sample -d "Print a commented configuration with every key"
complete -c atelier -n "$no_command" -a gc -d "Remove what runners that were killed left behind"
complete -c atelier -n "$no_command" -a cache -d "Show, check and prune the host's caches"
complete -c atelier -n "$no_command" -a compose -d "Check compose files before they are deployed"
complete -c atelier -n "$no_command" -a deploy -d "Deploy a compose project to a target of this host"
complete -c atelier -n "$no_command" -a releases -d "List what was deployed when"
complete -c atelier -n "$no_command" -a rollback -d "Go back to an earlier release"
complete -c atelier -n "$no_command" -a doctor -d "Check this host, and say what to type"
complete -c atelier -n "$no_command" -a trace -d "Show where a job's time went"

complete -c atelier -n "__fish_seen_subcommand_from prepare" -s n -l dry-run -d "Print what would be made"
complete -c atelier -n "__fish_seen_subcommand_from gc" -s j -l job -x -d "Only of this job"
complete -c atelier -n "__fish_seen_subcommand_from gc" -s n -l dry-run -d "Print what would be removed"
complete -c atelier -n "__fish_seen_subcommand_from gc" -s o -l older-than -x -d "By age, such as 2d"
complete -c atelier -n "__fish_seen_subcommand_from gc" -s r -l runner -x -d "Only of this runner"
complete -c atelier -n "__fish_seen_subcommand_from cache; and not __fish_seen_subcommand_from ls stat verify prune" -a "ls stat verify prune"
complete -c atelier -n "__fish_seen_subcommand_from cache" -s p -l project -x -d "Only of this project"
complete -c atelier -n "__fish_seen_subcommand_from cache" -s r -l runner -x -d "Only of this runner"
complete -c atelier -n "__fish_seen_subcommand_from prune" -s a -l age -x -d "Unused for so long, it goes, such as 30d"
complete -c atelier -n "__fish_seen_subcommand_from prune" -s n -l dry-run -d "Print what would be removed"
complete -c atelier -n "__fish_seen_subcommand_from prune" -s S -l size -x -d "So much may stay, such as 20g"
complete -c atelier -n "__fish_seen_subcommand_from compose; and not __fish_seen_subcommand_from check" -a check
complete -c atelier -n "__fish_seen_subcommand_from compose" -F
complete -c atelier -n "__fish_seen_subcommand_from compose" -s e -l environment -x -d "As a deploy to this environment"
complete -c atelier -n "__fish_seen_subcommand_from compose" -s q -l quiet -d "Say nothing but problems"
complete -c atelier -n "__fish_seen_subcommand_from compose" -s t -l strict -d "A variable that is not set is a problem"
complete -c atelier -n "__fish_seen_subcommand_from compose" -s v -l variables -r -F -d "File of further variables"
complete -c atelier -n "__fish_seen_subcommand_from verify" -s R -l remove -d "Remove those that are broken"
complete -c atelier -n "__fish_seen_subcommand_from deploy" -s n -l dry-run -d "Print what would be done"
complete -c atelier -n "__fish_seen_subcommand_from deploy" -s f -l file -r -F -d "The compose file"
complete -c atelier -n "__fish_seen_subcommand_from deploy rollback" -s v -l variables -r -F -d "Variables and secrets"
complete -c atelier -n "__fish_seen_subcommand_from deploy releases rollback" -s e -l environment -x -d "The environment"
complete -c atelier -n "__fish_seen_subcommand_from deploy releases rollback" -s p -l project -x -d "The project, GROUP/NAME"
complete -c atelier -n "__fish_seen_subcommand_from run" -F
complete -c atelier -n "__fish_seen_subcommand_from shell" -s H -l helper -d "In the helper container"
complete -c atelier -n "__fish_seen_subcommand_from shell" -s s -l service -x -d "In this service"
complete -c atelier -n "__fish_seen_subcommand_from shell" -a "(__atelier_shell_jobs)" -d "Job"
complete -c atelier -n "__fish_seen_subcommand_from pipeline lint" -s b -l branch -x -a "(git for-each-ref --format='%(refname:short)' refs/heads 2>/dev/null)" -d "As the pipeline of this branch"
complete -c atelier -n "__fish_seen_subcommand_from pipeline lint" -s C -l directory -x -a "(__fish_complete_directories)" -d "The checkout"
complete -c atelier -n "__fish_seen_subcommand_from lint" -F
complete -c atelier -n "__fish_seen_subcommand_from pipeline lint" -s I -l includes -x -a "(__fish_complete_directories)" -d "Copies of what include takes from a server"
complete -c atelier -n "__fish_seen_subcommand_from pipeline" -s T -l tag -x -a "(git tag 2>/dev/null)" -d "As the pipeline of this tag"
complete -c atelier -n "__fish_seen_subcommand_from pipeline" -s E -l event -x -a "push web trigger schedule api external external_pull_request_event merge_request_event pipeline parent_pipeline chat webide" -d "As one of this event"
complete -c atelier -n "__fish_seen_subcommand_from pipeline" -s G -l graph -d "Draw what waits for what"
complete -c atelier -n "__fish_seen_subcommand_from pipeline lint" -s i -l input -x -d "For the spec inputs of the file: NAME=VALUE"
complete -c atelier -n "__fish_seen_subcommand_from pipeline" -s K -l keep -d "What failed jobs made stays for a day"
complete -c atelier -n "__fish_seen_subcommand_from pipeline" -s L -l timeline -r -F -d "Make a page of how the run went"
complete -c atelier -n "__fish_seen_subcommand_from pipeline" -s X -l shell-on-failure -d "A shell in the container of a failed job"
complete -c atelier -n "__fish_seen_subcommand_from pipeline" -s g -l stage -x -a "(__atelier_stages)" -d "Only the jobs of this stage"
complete -c atelier -n "__fish_seen_subcommand_from pipeline" -s J -l json -d "Print the jobs as JSON"
complete -c atelier -n "__fish_seen_subcommand_from pipeline" -s m -l manual -x -a "(__atelier_jobs)" -d "This manual job too, when it is its turn"
complete -c atelier -n "__fish_seen_subcommand_from pipeline" -s w -l jobs -x -d "So many jobs side by side"
complete -c atelier -n "__fish_seen_subcommand_from pipeline" -s W -l no-wait -d "Start delayed jobs at once"
complete -c atelier -n "__fish_seen_subcommand_from pipeline" -s N -l needs -d "And those that they wait for"
complete -c atelier -n "__fish_seen_subcommand_from pipeline" -s P -l preview -d "Print the file as it is put together"
complete -c atelier -n "__fish_seen_subcommand_from pipeline" -s l -l list -d "Print the jobs and run nothing"
complete -c atelier -n "__fish_seen_subcommand_from pipeline lint" -s v -l variables -r -F -d "File of further variables"
complete -c atelier -n "__fish_seen_subcommand_from pipeline" -a "(__atelier_jobs)" -d "Job"
