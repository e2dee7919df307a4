#include "stages/shell.h"

const char shell_keeper[] = "trap 'exit 0' TERM\n"
                            "while read -r _ || sleep 3600; do :; done\n";

/* Whoever signals all processes must be sure of where it is: process 1 is our keeper,
 * or the daemon's init for containers, whose eldest child it is; not the init of a
 * host whose process namespace the container shares. $keeper is then its number. */
#define ONLY_IN_CONTAINER                                                                                              \
    "keeper= first=; read -r _ first </proc/1/status; case $first in sh) keeper=1 ;; "                                  \
    "docker-init) read -r keeper _ </proc/1/task/1/children ;; esac; [ \"$keeper\" ]"

/* The docker executor's order: bash before sh. */
#define FIND_SHELL \
    "for shell in /usr/local/bin/bash /usr/bin/bash /bin/bash /usr/local/bin/sh /usr/bin/sh /bin/sh " \
    "/busybox/sh; do\n" \
    "  [ -x \"$shell\" ] && break\n" \
    "  shell=\n" \
    "done\n" \
    "[ \"$shell\" ] || { echo 'shell not found' >&2; exit 1; }\n"

/* Sets what /proc tells of process $1: one that is gone is a zombie without a parent. */
#define STATUS \
    "status() {\n" \
    "  state=Z parent=\n" \
    "  while read -r key value rest; do\n" \
    "    case $key in State:) state=$value ;; PPid:) parent=$value; break ;; esac\n" \
    "  done 2>/dev/null < \"/proc/$1/status\"\n" \
    "}\n"

/* Processes that an exec put into the container have no parent inside of it (PPid 0).
 * So what the script left is below process 1, or below what our own exec started:
 * ourselves, or the image's ENTRYPOINT, which may wait for us. All else is another exec's, a person's or a
 * healthcheck's. One that ends while it is looked at leaves its children to process 1. */
#define OUTERMOST \
    "outermost() {\n" \
    "  top=$1 chain=\" $1 \"\n" \
    "  while status \"$top\"; [ \"${parent:-0}\" != 0 ]; do top=$parent chain=\"$chain$parent \"; done\n" \
    "  [ \"$parent\" ] || top=1\n" \
    "}\n"

/* `trap :`, not `trap ''`: an ignored signal would stay ignored in the script. */
const char shell_runner[] =
    "trap : TERM\n"
    "[ -z \"$1\" ] || printf '\\001%s\\n' \"$1\"\n"
    "[ -z \"$" SHELL_UMASK "\" ] || umask \"$" SHELL_UMASK "\"\n"
    FIND_SHELL
    "\"$shell\"\n"
    "code=$?\n"
    "[ -z \"$" SHELL_UMASK "\" ] || [ -z \"$" SHELL_OPEN "\" ] || chmod -R a+rwX \"$" SHELL_OPEN "\"\n"
    ONLY_IN_CONTAINER " || exit $code\n"
    STATUS
    OUTERMOST
    "outermost $$\n"
    "own=$top ours=$chain\n"
    "for entry in /proc/[0-9]*; do\n"
    "  pid=${entry#/proc/}\n"
    "  case \" 1$ours $keeper \" in *\" $pid \"*) continue ;; esac\n"
    "  outermost \"$pid\"\n"
    "  case $top in 1|\"$own\") kill -KILL \"$pid\" 2>/dev/null ;; esac\n"
    "done\n"
    "exit $code\n";

/* printf is a builtin, so that the line is in no process's arguments. */
const char shell_client_config[] =
    "[ -d \"$1\" ] || exit 0\n"
    "umask \"$2\"\n"
    "IFS= read -r line && printf '%s\\n' \"$line\" >\"$1/config.json\"\n";

/* Our runner is one of those without a parent, its child is the outermost shell. */
const char shell_stopper[] =
    ONLY_IN_CONTAINER " || exit 1\n"
    STATUS
    "each() {\n"
    "  alive=\n"
    "  for entry in /proc/[0-9]*; do\n"
    "    pid=${entry#/proc/}\n"
    "    case $pid in 1|$$|$keeper) continue ;; esac\n"
    "    status \"$pid\"\n"
    "    [ \"$state\" = Z ] || [ \"$parent\" = 0 ] || [ \"$parent\" = $$ ] && continue\n"
    "    child=$parent\n"
    "    status \"$child\"\n"
    "    [ \"$parent\" = 0 ] && [ \"$child\" != 1 ] && { kill \"-$2\" \"$pid\"; continue; }\n"
    "    alive=1\n"
    "    [ -z \"$1\" ] || kill \"-$1\" \"$pid\"\n"
    "  done 2>/dev/null\n"
    "}\n"
    "each '' STOP\n"
    "each TERM STOP\n"
    "while [ \"$alive\" ]; do sleep 0.1 2>/dev/null || sleep 1 2>/dev/null; each '' STOP; done\n"
    "each '' KILL\n";

const char shell_visitor[] =
    "inside=\n"
    "while folder=$1; shift; [ \"$folder\" != -- ]; do\n"
    "  [ \"$inside\" ] || ! cd \"$folder\" 2>/dev/null || inside=1\n"
    "done\n"
    "unset inside folder\n"
    "[ $# -eq 0 ] || exec \"$@\"\n"
    FIND_SHELL
    "exec \"$shell\"\n";

const char shell_unanswered[] =
    "for address do\n"
    "  timeout 1 bash -c \"</dev/tcp/${address%:*}/${address##*:}\" 2>/dev/null || echo \"$address\" &\n"
    "done\n"
    "wait\n";
