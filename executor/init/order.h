/* executor/init/order.h: what `run` and a container's first process, atelier-init, say to each other.
 *
 * They speak over a socket of packets in a folder that is mounted in this one container; each message is one packet
 * of a fixed size, in the machine's own byte order: both are on one machine. What has no fixed size, and what has no
 * size at all, goes as descriptors with the message that starts a script.
 *
 *     run                                              atelier-init
 *      | <- struct order_hello ------------------------ |   at once, to whoever is outside of the container
 *      | -- ORDER_START: stdin, output, words --------> |   forks, and becomes the image's ENTRYPOINT or its shell
 *      | -- ORDER_SHELL: the shell's process id ------> |   where an ENTRYPOINT may stand before it
 *      | -- ORDER_STOP -------------------------------> |   TERM, as stages/shell.h's stopper does
 *      | <- ORDER_ENDED or ORDER_REFUSED -------------- |   when nothing of the script is left
 *
 * Whoever connects from inside of the container is sent away: it could only ask for what it can do itself. When `run`
 * goes away, whatever it had started is killed.
 *
 * The program is static and of nothing but the C library; so is this file. */
#ifndef EXECUTOR_INIT_ORDER_H
#define EXECUTOR_INIT_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORDER_FOLDER  "/run/atelier/init" /* in the container: this one's alone */
#define ORDER_SOCKET  "socket"            /* in that folder */
#define ORDER_PROGRAM "/run/atelier/atelier-init"
#define ORDER_VERSION 1
#define ORDER_WORDS_MAX ((size_t)16 << 20)

struct order_hello {
    uint32_t version;
    uint32_t uid, gid;   /* whom a script runs as when no ENTRYPOINT changes that */
    uint32_t entrypoint; /* the container has one: it is put before the words */
    uint32_t shell;      /* there is an `sh` in PATH */
};

enum order_kind {
    ORDER_START = 's',   /* value: how many of the words are arguments; none: the image's best shell */
    ORDER_SHELL = 'p',   /* value: its process id */
    ORDER_STOP = 't',
    ORDER_ENDED = 'e',   /* value: the exit code; left: processes that atelier-init may not kill */
    ORDER_REFUSED = 'r', /* value: errno: the program could not be executed */
};

struct order {
    uint32_t kind;
    int32_t value;
    uint32_t left;
};

/* The descriptors of ORDER_START. */
enum order_fd { ORDER_STDIN, ORDER_OUTPUT, ORDER_WORDS, ORDER_FDS };

/* A program's arguments and the variables that it gets besides the container's. */
struct order_words {
    char **argv; /* NULL-terminated, after `room` entries for others */
    char **env;  /* NULL-terminated */
};

/* Read `arguments` arguments and any number of NAME=VALUE, each ended by a NUL; both lists point into `data`. -1 when
 * that is not what stands there. `argv` and `env` are the caller's to free(). */
int order_words_read(char *data, size_t len, size_t arguments, size_t room, struct order_words *out);

#endif
