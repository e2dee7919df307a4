# shellcheck shell=sh
# One line a step: what is done, a mark, how long it took. The output of the commands goes
# to a log; its tail is shown when a step fails. Read with `.` by the scripts of packaging/.

if [ -t 1 ]; then
    green='\033[32m' red='\033[31m' grey='\033[90m' plain='\033[0m' wipe='\r\033[K'
else
    green='' red='' grey='' plain='' wipe=''
fi

steps_watcher=''
trap 'steps_unwatch' EXIT
trap 'steps_unwatch; printf "\n"; exit 130' INT
trap 'steps_unwatch; exit 143' TERM

# steps_log FILE: where the output of the steps goes from here on, readable by us alone.
# A script that another one started writes to that one's log.
steps_log() {
    ATELIER_STEPS_LOG=${ATELIER_STEPS_LOG:-$1}
    export ATELIER_STEPS_LOG
    (umask 077; : >>"$ATELIER_STEPS_LOG")
}

say() {
    printf '%b%s\n' "$wipe" "$*"
}

# fail WHAT [TODO]: the end, with a sentence of what to do about it.
fail() {
    printf '%b✗ %s%b\n' "$wipe$red" "$1" "$plain" >&2
    [ $# -lt 2 ] || printf '  %s\n' "$2" >&2
    exit 1
}

# step TEXT COMMAND…: runs the command (a function too) in a subshell that stops at its first
# failure. `todo`, if set, is the advice given when it fails. Ends the script on failure.
step() {
    step_text=$1
    shift
    step_began=$(date +%s)
    step_offset=$(wc -c <"$ATELIER_STEPS_LOG")
    printf '\n== %s\n' "$step_text" >>"$ATELIER_STEPS_LOG"

    # Without descriptor 9, a lock in quickstart: the watcher's last sleep may outlive us.
    steps_watch 9>&- &
    steps_watcher=$!
    # Not `"$@" || …`: a shell ignores set -e inside a command whose status is asked for.
    set +e
    (set -e; trap - EXIT; "$@") >>"$ATELIER_STEPS_LOG" 2>&1 </dev/null
    step_status=$?
    set -e
    steps_unwatch

    step_took=$(steps_time $(($(date +%s) - step_began)))
    if [ "$step_status" -eq 0 ]; then
        printf '%b✓%b %s  %b%s%b\n' "$wipe$green" "$plain" "$step_text" "$grey" "$step_took" "$plain"
        return
    fi
    {
        printf '%b✗ %s: failed after %s (status %s)%b\n' "$wipe$red" "$step_text" "$step_took" "$step_status" "$plain"
        tail -c "+$((step_offset + 1))" "$ATELIER_STEPS_LOG" | sed 1,2d | tr '\r' '\n' | tail -n 15 | sed 's/^/  | /'
        printf '  The whole log: %s\n' "$ATELIER_STEPS_LOG"
        [ -z "${todo:-}" ] || printf '  What to do: %s\n' "$todo"
    } >&2
    exit 1
}

# Shows that the step lives: the log's last line in place on a terminal, a line every 20 s elsewhere.
steps_watch() {
    trap - EXIT INT TERM
    steps_waited=0
    steps_columns=$(tput cols 2>/dev/null) || steps_columns=80
    while sleep 1 && kill -0 $$ 2>/dev/null; do
        steps_waited=$((steps_waited + 1))
        steps_last=$(tail -c 300 "$ATELIER_STEPS_LOG" | tr '\r' '\n' | tr -cd '[:print:]\n' | sed '/^ *$/d' | tail -n 1)
        steps_line="… $step_text  $(steps_time $steps_waited)"
        if [ -n "$wipe" ]; then
            steps_room=$((steps_columns - ${#steps_line} - 4))
            [ "$steps_room" -gt 0 ] || steps_room=0
            printf '%b%s  %b%.*s%b' "$wipe" "$steps_line" "$grey" "$steps_room" "$steps_last" "$plain"
        elif [ $((steps_waited % 20)) -eq 0 ]; then
            printf '  %s\n' "$steps_line"
        fi
    done
}

steps_unwatch() {
    [ -n "$steps_watcher" ] || return 0
    kill "$steps_watcher" 2>/dev/null || :
    wait "$steps_watcher" 2>/dev/null || :
    steps_watcher=''
}

steps_time() {
    if [ "$1" -lt 60 ]; then
        printf '%d s' "$1"
    else
        printf '%d min %02d s' $(($1 / 60)) $(($1 % 60))
    fi
}
