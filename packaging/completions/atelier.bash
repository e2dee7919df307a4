# bash completion of atelier(1)

# The jobs of the checkout, one a line: the first column of the list, below its heading.
_atelier_jobs()
{
    "$1" pipeline ${2:+--directory "$2"} --list 2>/dev/null | sed -n '1d; s/  .*//; p'
}

# Their stages: the second column.
_atelier_stages()
{
    "$1" pipeline ${2:+--directory "$2"} --list 2>/dev/null | awk -F '  +' 'NR > 1 && !seen[$2]++ { print $2 }'
}

# Those that begin with what is there: of _atelier, whose variables these are. Names may have spaces and quotes in them.
_atelier_reply_jobs()
{
    mapfile -t jobs < <(_atelier_jobs "${COMP_WORDS[0]}" "$directory")
    for job in "${jobs[@]}"; do
        [[ $job == "${cur//\\/}"* ]] && COMPREPLY+=("$(printf '%q' "$job")")
    done
}

# The ids of the jobs on this host: what follows the last "-" of the list's first column.
_atelier_shell_jobs()
{
    "$1" shell 2>/dev/null | sed -n '1d; s/ .*//; s/.*-//; p'
}

_atelier()
{
    local cur=$2 prev=$3 word command='' argument='' directory='' options='--config --help --version' i job
    local -a jobs=()
    COMPREPLY=()

    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            -C | --directory) directory=${COMP_WORDS[++i]} ;;
            -b | --branch | -c | --config | -v | --variables | -j | --job | -o | --older-than | -r | --runner | -s | --service | -p | --project | -S | --size | -a | --age | -e | --environment | -f | --file | -w | --jobs | -m | --manual | -g | --stage | \
                -i | --input | -I | --includes | -L | --timeline | -T | --tag | -E | --event) ((++i)) ;;
            -*) ;;
            *)
                if [[ ! $command ]]; then
                    command=$word
                elif [[ ! $argument ]]; then
                    argument=$word
                fi ;;
        esac
    done
    # "--config=FILE" is three words to readline
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi

    case $prev in
        -c | --config | -v | --variables | -f | --file)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return ;;
        -C | --directory | -I | --includes)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -d -- "$cur")
            return ;;
    esac

    case $prev in
        -b | --branch)
            mapfile -t COMPREPLY < <(compgen -W "$(git ${directory:+-C "$directory"} for-each-ref --format='%(refname:short)' refs/heads 2>/dev/null)" -- "$cur")
            return ;;
        -T | --tag)
            mapfile -t COMPREPLY < <(compgen -W "$(git ${directory:+-C "$directory"} tag 2>/dev/null)" -- "$cur")
            return ;;
        -E | --event)
            mapfile -t COMPREPLY < <(compgen -W 'push web trigger schedule api external external_pull_request_event merge_request_event pipeline parent_pipeline chat webide' -- "$cur")
            return ;;
        -g | --stage)
            mapfile -t COMPREPLY < <(compgen -W "$(_atelier_stages "${COMP_WORDS[0]}" "$directory")" -- "$cur")
            return ;;
        -L | --timeline)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return ;;
        -m | --manual)
            _atelier_reply_jobs
            return ;;
        -i | --input | -w | --jobs | -j | --job | -o | --older-than | -r | --runner | -s | --service | -p | --project | -S | --size | -a | --age | -e | --environment) return ;;
    esac

    case $command in
        gc) options+=' --dry-run --job --older-than --runner' ;;
        cache)
            options+=' --project --runner'
            [[ $argument != verify ]] || options+=' --remove'
            [[ $argument != prune ]] || options+=' --age --dry-run --size' ;;
        compose) options+=' --environment --quiet --strict --variables' ;;
        deploy) options+=' --dry-run --environment --file --project --variables' ;;
        releases) options+=' --environment --project' ;;
        rollback) options+=' --environment --project --variables' ;;
        prepare) options+=' --dry-run' ;;
        shell) options+=' --helper --service' ;;
        pipeline) options+=' --branch --directory --event --graph --includes --input --jobs --json --keep --list --manual --needs --no-wait --preview --shell-on-failure --stage --tag --timeline --variables' ;;
        lint) options+=' --branch --directory --includes --input --variables' ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
        return
    fi

    case $command in
        '')
            mapfile -t COMPREPLY < <(compgen -W 'config prepare run cleanup pipeline lint shell check sample gc cache compose deploy releases rollback doctor trace' -- "$cur") ;;
        cache)
            [[ $argument ]] || mapfile -t COMPREPLY < <(compgen -W 'ls stat verify prune' -- "$cur") ;;
        compose)
            if [[ $argument ]]; then
                compopt -o filenames 2>/dev/null
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            else
                mapfile -t COMPREPLY < <(compgen -W check -- "$cur")
            fi ;;
        run | lint)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        shell)
            mapfile -t COMPREPLY < <(compgen -W "$(_atelier_shell_jobs "${COMP_WORDS[0]}")" -- "$cur") ;;
        pipeline)
            _atelier_reply_jobs ;;
    esac
}

complete -F _atelier atelier
