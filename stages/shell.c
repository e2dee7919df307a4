#include "stages/shell.h"

/* Process 1 of a container gets no signal from inside that it does not ask for; a shell asks for these. */
#define KEEPER_BEGINS "trap '' TERM INT"

/* It sits in `wait`, where a shell buries every child: process 1 inherits all orphans.
 * What it waits for is a copy of itself that reads. */
const char shell_keeper[] = KEEPER_BEGINS "\n"
                            "exec 3<&0\n"
                            "while :; do { read -r _ <&3 || sleep 3600; } & wait $!; done\n";

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
 * ourselves, or the image's ENTRYPOINT, which may wait for us. All else is another
 * exec's, a person's or a healthcheck's. One that ends while it is looked at leaves its
 * children to process 1. */
#define OUTERMOST \
    "outermost() {\n" \
    "  top=$1 chain=\" $1 \"\n" \
    "  while status \"$top\"; [ \"${parent:-0}\" != 0 ]; do top=$parent chain=\"$chain$parent \"; done\n" \
    "  [ \"$parent\" ] || top=1\n" \
    "}\n"

/* Whoever signals all processes must be sure of where it is, and spare the keeper. The
 * command line tells both (`read` leaves its NULs out): that of process 1 is our
 * keeper's or atelier-init's, or an init's that was given one of them to run (`init: true`),
 * and not a host's whose process namespace the container shares. The keeper's copy of itself has
 * it too, and may have a `sleep`. */
#define IS_KEEPER                                                        \
    "is_keeper() {\n"                                                      \
    "  first=\n"                                                           \
    "  read -r first 2>/dev/null </proc/$1/cmdline\n"                      \
    "  case $first in *\"" KEEPER_BEGINS "\"|*/" SHELL_INIT "*) return 0 ;; esac\n" \
    "  return 1\n"                                                         \
    "}\n"                                                                  \
    "is_keepers() {\n"                                                     \
    "  is_keeper \"$1\" || { status \"$1\"; [ \"${parent:-0}\" -gt 1 ] && is_keeper \"$parent\"; }\n" \
    "}\n"

/* Give all that is in the current folder to user $1 and group $2, links themselves and
 * not what they point to. The folder stays its owner's, who may be the host's user
 * (`atelier pipeline` puts the sources there), but the group may write to it. What says
 * that all is done comes last, and is not needed for root, who needs no leave. */
#define GIVE                                                               \
    "give() {\n"                                                           \
    "  rm -rf .owner-*\n"                                                  \
    "  for entry in * .*; do\n"                                            \
    "    case $entry in .|..) continue ;; esac\n"                          \
    "    [ -e \"$entry\" ] || [ -L \"$entry\" ] || continue\n"             \
    "    chown -hRP \"$1:$2\" \"./$entry\" || return\n"                    \
    "  done\n"                                                             \
    "  chgrp \"$2\" . && chmod g+w . && { [ \"$1\" = 0 ] || mkdir \".owner-$1-$2\"; }\n" \
    "}\n"

/* What git notes of a file in its index has the owner and the time of its last change too, by
 * which every file would seem changed now: `git diff-index` would call a fresh checkout dirty.
 * A job may have made .git a link to wherever it likes. */
#define FORGIVE                                                            \
    "forgive() {\n"                                                        \
    "  [ ! -L \"$1/.git\" ] || return\n"                                    \
    "  find \"$1/.git/config\" \"$1/.git/modules\" -name config -type f"   \
    " -exec git config -f {} core.checkStat minimal \\;"                   \
    " -exec git config -f {} core.trustctime false \\; 2>/dev/null\n"      \
    "}\n"

const char shell_giver[] =
    GIVE
    FORGIVE
    "forgive \"$4\"\n"
    "cd \"$1\" && give \"$2\" \"$3\"\n";

/* A job may have put a file or a link in the place of a folder on the way to the project's,
 * or of the one beside it: git and the runner's scripts would fail there for ever, or work
 * wherever the link leads. */
#define HEAL                                                               \
    "heal() {\n"                                                           \
    "  at=$1 rest=$2/\n"                                                   \
    "  while [ \"$rest\" ]; do\n"                                          \
    "    at=$at/${rest%%/*} rest=${rest#*/}\n"                             \
    "    [ -d \"$at\" ] && [ ! -L \"$at\" ] || rm -f \"$at\"\n"            \
    "  done\n"                                                             \
    "}\n"

const char shell_taker[] =
    GIVE
    HEAL
    "take() {\n"
    "  for given in .owner-*; do [ ! -e \"$given\" ] || break; done\n"
    "  if [ -e \"$given\" ] || { [ -d \"$1\" ] && [ ! -O \"$1\" ]; }; then give 0 0 2>/dev/null; fi\n"
    "}\n"
    "case $2 in *..*) ;; \"$1\"/*) heal \"$1\" \"${2#\"$1\"/}\"; heal \"$1\" \"${2#\"$1\"/}.tmp\" ;; esac\n"
    "(cd \"$1\" && take \"$2\") || echo \"WARNING: the build folder '$1' cannot be made root's again\" >&2\n"
    "exec sh -c \"$3\" atelier\n";

/* What a runner in the job's container says first, and what it waits for. No `[ -O`:
 * not every file system keeps owners. */
#define ANNOUNCE                                                           \
    "announce() {\n"                                                       \
    "  uid= gid=\n"                                                        \
    "  while read -r key _ value _; do\n"                                  \
    "    case $key in Uid:) uid=$value ;; Gid:) gid=$value; break ;; esac\n" \
    "  done 2>/dev/null </proc/$$/status\n"                                \
    "  if [ \"${uid:-0}\" = 0 ] || [ -e \"$2/.owner-$uid-$gid\" ]; then\n" \
    "    printf '\\001%s%s\\n' \"$1\" \"$3\"\n"                           \
    "  else\n"                                                             \
    "    printf '\\001%s %s %s%s\\n' \"$1\" \"$uid\" \"$gid\" \"$3\"\n"   \
    "    until [ -e \"$2/.owner-$uid-$gid\" ]; do sleep 0.02 || sleep 1; done 2>/dev/null\n" \
    "  fi\n"                                                               \
    "}\n"

/* Kill what the script left, but for the list $1: what is below process 1 or below $own,
 * and what that brought into the world meanwhile. */
#define SWEEP                                                              \
    "sweep() {\n"                                                          \
    "  spared=$1 found=yes\n"                                              \
    "  while [ \"$found\" ]; do\n"                                         \
    "    found= left=\n"                                                   \
    "    for entry in /proc/[0-9]*; do\n"                                  \
    "      pid=${entry#/proc/}\n"                                          \
    "      case $spared in *\" $pid \"*) continue ;; esac\n"               \
    "      is_keepers \"$pid\" && continue\n"                              \
    "      outermost \"$pid\"\n"                                           \
    "      case $top in 1|\"$own\") ;; *) continue ;; esac\n"              \
    "      if kill -KILL \"$pid\"; then spared=\"$spared$pid \" found=yes; else [ ! -e \"$entry\" ] || left=$pid; fi\n" \
    "    done 2>/dev/null\n"                                               \
    "  done\n"                                                             \
    "}\n"

/* `trap :`, not `trap ''`: an ignored signal would stay ignored in the script. One stream
 * for both outputs: two of them change places on their way to the log, and a secret
 * whose halves are on both would not be masked. */
const char shell_runner[] =
    ANNOUNCE
    STATUS
    IS_KEEPER
    OUTERMOST
    SWEEP
    "trap : TERM\n"
    "[ -z \"$1\" ] || announce \"$1\" \"$2\"\n"
    FIND_SHELL
    "\"$shell\" 2>&1\n"
    "code=$?\n"
    "is_keeper 1 || exit $code\n"
    "outermost $$\n"
    "own=$top\n"
    "sweep \"${chain}1 \"\n"
    "[ -z \"$1\" ] || [ -z \"$left\" ] || printf '\\001%s\\n' \"$1\"\n"
    "exit $code\n";

const char shell_direct[] =
    ANNOUNCE
    "[ -z \"$1\" ] || announce \"$1\" \"$2\" \" $$\"\n"
    FIND_SHELL
    "exec \"$shell\"\n";

/* printf is a builtin, so that the line is in no process's arguments. */
const char shell_client_config[] =
    "[ -d \"$1\" ] || exit 0\n"
    "umask \"$2\"\n"
    "IFS= read -r line && printf '%s\\n' \"$line\" >\"$1/config.json\"\n";

/* Our runner is one of those without a parent, its child is the outermost shell. */
const char shell_stopper[] =
    STATUS
    IS_KEEPER
    "is_keeper 1 || exit 1\n"
    "each() {\n"
    "  alive=\n"
    "  for entry in /proc/[0-9]*; do\n"
    "    pid=${entry#/proc/}\n"
    "    case $pid in 1|$$) continue ;; esac\n"
    "    is_keepers \"$pid\" && continue\n"
    "    status \"$pid\"\n"
    "    [ \"$state\" = Z ] || [ \"$parent\" = 0 ] || [ \"$parent\" = $$ ] && continue\n"
    "    child=$parent\n"
    "    status \"$child\"\n"
    "    [ \"$parent\" = 0 ] && [ \"$child\" != 1 ] && { kill \"-$2\" \"$pid\"; continue; }\n"
    "    alive=1\n"
    "    [ -z \"$1\" ] || kill \"-$1\" \"$pid\"\n"
    "  done 2>/dev/null\n"
    "}\n"
    "pause() { sleep 0.1 2>/dev/null || sleep 1 2>/dev/null; }\n"
    "[ \"$1\" != KILL ] || {\n"
    "  for look in 1 2 3 4 5 6 7 8 9 0; do\n"
    "    each KILL KILL\n"
    "    [ \"$alive\" ] || exit\n"
    "    pause\n"
    "  done\n"
    "  exit\n"
    "}\n"
    "each '' STOP\n"
    "each TERM STOP\n"
    "while [ \"$alive\" ]; do pause; each '' STOP; done\n"
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
    "  timeout 3 bash -c \"</dev/tcp/${address%:*}/${address##*:}\" 2>/dev/null || echo \"$address\" &\n"
    "done\n"
    "wait\n";
