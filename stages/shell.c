#include "stages/shell.h"

#define KEEPER_BEGINS "trap 'exit 0' TERM"

const char shell_keeper[] = KEEPER_BEGINS "\n"
                            "while read -r _ || sleep 3600; do :; done\n";

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

/* Whoever signals all processes must be sure of where it is, and spare the keeper.
 * The command line of process 1 tells both (`read` leaves its NULs out): it is our
 * keeper, or an init that was given the keeper to run (`init: true`), or that of a
 * host whose process namespace the container shares. An init's first child is the
 * keeper, and the lowest number above 1 is always its: the kernel gives no number
 * below 300 a second time (RESERVED_PIDS), and without keeper there is no container. */
#define FIND_KEEPER                                                        \
    "find_keeper() {\n"                                                    \
    "  keeper= first=\n"                                                   \
    "  read -r first 2>/dev/null </proc/1/cmdline\n"                       \
    "  case $first in\n"                                                   \
    "    sh*\"" KEEPER_BEGINS "\") keeper=1 ;;\n"                          \
    "    *\"" KEEPER_BEGINS "\")\n"                                        \
    "      for entry in /proc/[0-9]*; do\n"                                \
    "        pid=${entry#/proc/}\n"                                        \
    "        [ \"$pid\" = 1 ] || [ \"$pid\" -gt \"${keeper:-$pid}\" ] || keeper=$pid\n" \
    "      done ;;\n"                                                      \
    "  esac\n"                                                             \
    "  [ \"$keeper\" ]\n"                                                  \
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

const char shell_giver[] = GIVE "cd \"$1\" && give \"$2\" \"$3\"\n";

const char shell_taker[] =
    GIVE
    "take() {\n"
    "  for given in .owner-*; do [ ! -e \"$given\" ] || break; done\n"
    "  if [ -e \"$given\" ] || { [ -d \"$1\" ] && [ ! -O \"$1\" ]; }; then give 0 0 2>/dev/null; fi\n"
    "}\n"
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
    "    printf '\\001%s\\n' \"$1\"\n"                                     \
    "  else\n"                                                             \
    "    printf '\\001%s %s %s\\n' \"$1\" \"$uid\" \"$gid\"\n"             \
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
    "      outermost \"$pid\"\n"                                           \
    "      case $top in 1|\"$own\") ;; *) continue ;; esac\n"              \
    "      if kill -KILL \"$pid\"; then spared=\"$spared$pid \" found=yes; else [ ! -e \"$entry\" ] || left=$pid; fi\n" \
    "    done 2>/dev/null\n"                                               \
    "  done\n"                                                             \
    "}\n"

/* `trap :`, not `trap ''`: an ignored signal would stay ignored in the script. */
const char shell_runner[] =
    FIND_KEEPER
    ANNOUNCE
    STATUS
    OUTERMOST
    SWEEP
    "trap : TERM\n"
    "[ -z \"$1\" ] || announce \"$1\" \"$2\"\n"
    FIND_SHELL
    "\"$shell\"\n"
    "code=$?\n"
    "find_keeper || exit $code\n"
    "outermost $$\n"
    "own=$top\n"
    "sweep \"${chain}1 $keeper \"\n"
    "[ -z \"$1\" ] || [ -z \"$left\" ] || printf '\\001%s\\n' \"$1\"\n"
    "exit $code\n";

/* printf is a builtin, so that the line is in no process's arguments. */
const char shell_client_config[] =
    "[ -d \"$1\" ] || exit 0\n"
    "umask \"$2\"\n"
    "IFS= read -r line && printf '%s\\n' \"$line\" >\"$1/config.json\"\n";

/* Our runner is one of those without a parent, its child is the outermost shell. */
const char shell_stopper[] =
    FIND_KEEPER
    "find_keeper || exit 1\n"
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
    "[ \"$1\" != KILL ] || { each KILL KILL; each KILL KILL; exit; }\n"
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
