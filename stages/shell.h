/* stages/shell.h: the few lines of POSIX shell that run inside of containers.
 *
 * They need nothing of an image but `sh` (contract 2.14): only builtins, and
 * /proc, which every container has. */
#ifndef STAGES_SHELL_H
#define STAGES_SHELL_H

/* An environment variable of a container: the umask of its scripts. */
#define SHELL_UMASK "ATELIER_UMASK"
/* An environment variable of one exec: a folder that is to be open to everybody
 * afterwards, where the container has a SHELL_UMASK: an earlier job whose user was
 * root may have left files there that a fetch does not write again. */
#define SHELL_OPEN "ATELIER_OPEN"

/* A container's first process: waits for its end. Its stdin is kept open by the
 * daemon (OpenStdin) and never written to, so `read` waits without a `sleep`. */
extern const char shell_keeper[];

/* What an exec runs, as `sh -c shell_runner atelier [MARK]`: prints MARK after a
 * byte 1 (which an ENTRYPOINT that only shows its command cannot do), finds the
 * image's best shell, lets it read the script from stdin, then ends what the
 * script left behind, so that no background process holds the job open or is
 * still there when after_script begins. What other execs started stays: somebody
 * may look around in the container. Exits with the script's code. */
extern const char shell_runner[];

/* Keeps what it reads on stdin, one line, as `sh -c shell_client_config atelier FOLDER
 * UMASK` in FOLDER/config.json. Does nothing without the folder: it is a mount in memory,
 * and the line is secret. */
extern const char shell_client_config[];

/* Ends a running script in order, as `sh -c shell_stopper atelier`, started by root
 * in the same container: every process of the script gets TERM, so that traps run;
 * the outermost shell is stopped meanwhile, because bash would print the whole
 * script, exported secrets included, when the part that it waits for is killed by
 * a signal (gitlab-runner #39005). When all others are gone, it is killed. */
extern const char shell_stopper[];

/* What a person's exec runs, as `sh -c shell_visitor atelier [FOLDER…] -- [COMMAND…]`: goes
 * to the first of the folders that is there, and becomes the command, without one
 * the image's best shell. */
extern const char shell_visitor[];

/* Asks TCP ports, as `sh -c shell_unanswered atelier ADDRESS:PORT…`, and prints those
 * that do not answer. For atelier/helper alone: it needs bash and timeout. */
extern const char shell_unanswered[];

#endif
