/* stages/shell.h: the few lines of POSIX shell that run inside of containers.
 *
 * They need nothing of an image but `sh` (contract 2.14): only builtins, and
 * /proc, which every container has. */
#ifndef STAGES_SHELL_H
#define STAGES_SHELL_H

/* The program that is a container's first process where it can be (executor/init/); else the keeper is. */
#define SHELL_INIT "atelier-init"

/* A container's first process, or its init's first: waits for its end, and buries what
 * nobody else does. Its stdin is kept open by the daemon (OpenStdin) and never written
 * to, so `read` waits without a `sleep`. */
extern const char shell_keeper[];

/* What an exec runs, as `sh -c shell_runner atelier [MARK FOLDER]`: finds the image's
 * best shell, lets it read the script from stdin, then ends what the script left
 * behind, so that no background process holds the job open or is still there when
 * after_script begins. What other execs started stays: somebody may look around in
 * the container. All output is on stdout. Exits with the script's code.
 * With a MARK, which it prints after a byte 1 (an ENTRYPOINT that only shows its command
 * cannot do so), it has two wishes to whoever reads: "MARK UID GID" for the build FOLDER,
 * which is not yet that user's; the script begins when it is (shell_giver). And a
 * second MARK at the end for those processes that it may not kill, being another
 * user's (shell_stopper KILL). */
extern const char shell_runner[];

/* The same where atelier-init started it, and ends what the script leaves: it becomes the image's best shell. Behind
 * its MARK is also its process id, "MARK [UID GID] PID". */
extern const char shell_direct[];

/* Gives what is in the build folder to the user whom the job's image runs as, as
 * `sh -c shell_giver atelier FOLDER UID GID PROJECT`, by root in the helper's container. The
 * empty folder `.owner-UID-GID` in it says that all of it is done. */
extern const char shell_giver[];

/* Before the first of a job's scripts, in the helper's container, as `sh -c shell_taker
 * atelier FOLDER PROJECT RUNNER` (one of the two above): makes the build folder root's where an earlier
 * job's user has it, or where the project's folder is somebody else's because a script
 * gave it away: git in the job's image would call it of dubious ownership. And removes
 * what is no folder on the way to the project's. */
extern const char shell_taker[];

/* Keeps what it reads on stdin, one line, as `sh -c shell_client_config atelier FOLDER
 * UMASK` in FOLDER/config.json. Does nothing without the folder: it is a mount in memory,
 * and the line is secret. */
extern const char shell_client_config[];

/* Ends a running script in order, as `sh -c shell_stopper atelier`, started by root
 * in the same container: every process of the script gets TERM, so that traps run;
 * the outermost shell is stopped meanwhile, because bash would print the whole
 * script, exported secrets included, when the part that it waits for is killed by
 * a signal (gitlab-runner #39005). When all others are gone, it is killed.
 * `sh -c shell_stopper atelier KILL` kills them all at once. */
extern const char shell_stopper[];

/* What a person's exec runs, as `sh -c shell_visitor atelier [FOLDER…] -- [COMMAND…]`: goes
 * to the first of the folders that is there, and becomes the command, without one
 * the image's best shell. */
extern const char shell_visitor[];

/* Asks TCP ports, as `sh -c shell_unanswered atelier ADDRESS:PORT…`, and prints those
 * that do not answer. For atelier/helper alone: it needs bash and timeout. */
extern const char shell_unanswered[];

#endif
