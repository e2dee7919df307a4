#include "executor/init/script.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const script_shells[] = { "/usr/local/bin/bash", "/usr/bin/bash", "/bin/bash",       "/usr/local/bin/sh",
                                      "/usr/bin/sh",         "/bin/sh",       "/busybox/sh", NULL };

bool script_has_sh(void)
{
    const char *path = getenv("PATH");
    char file[4096];

    for (; path && *path; path += strspn(path, ":")) {
        size_t len = strcspn(path, ":");
        if ((size_t)snprintf(file, sizeof(file), "%.*s/sh", (int)len, path) < sizeof(file) && access(file, X_OK) == 0)
            return true;
        path += len;
    }
    return false;
}

/* --- in the child --- */

static void reset_signals(void)
{
    sigset_t none;

    (void)sigemptyset(&none);
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL); /* the C library refuses its own two, SIGKILL and SIGSTOP */
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Ours to the end of the process. */
static int read_words(int fd, size_t arguments, size_t room, struct order_words *out)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    size_t len = st.st_size > 0 ? (size_t)st.st_size : 0;
    char *data = len <= ORDER_WORDS_MAX ? malloc(len + 1) : NULL;
    if (!data || pread(fd, data, len, 0) != (ssize_t)len || order_words_read(data, len, arguments, room, out) < 0) {
        errno = EPROTO;
        return -1;
    }
    return 0;
}

static void become_shell(void)
{
    static const char none[] = "shell not found\n";

    for (const char *const *shell = script_shells; *shell; shell++)
        if (access(*shell, X_OK) == 0) {
            (void)execl(*shell, *shell, (char *)NULL);
            return;
        }
    (void)!write(STDERR_FILENO, none, sizeof(none) - 1);
    _exit(1);
}

static void become(const struct setting *setting, const int fds[ORDER_FDS], size_t arguments)
{
    struct order_words words;
    size_t n = setting->entrypoint_n;

    reset_signals();
    (void)setsid();
    (void)!chdir(setting->folder); /* where it was taken away we stay in it */
    if (read_words(fds[ORDER_WORDS], arguments, n, &words) < 0 || dup2(fds[ORDER_STDIN], STDIN_FILENO) < 0 ||
        dup2(fds[ORDER_OUTPUT], STDOUT_FILENO) < 0 || dup2(fds[ORDER_OUTPUT], STDERR_FILENO) < 0)
        return;
    for (char **variable = words.env; *variable; variable++)
        (void)putenv(*variable);
    for (size_t i = 0; i < n; i++)
        words.argv[i] = setting->entrypoint[i];
    if (n + arguments == 0)
        become_shell();
    else
        (void)execvp(words.argv[0], words.argv);
}

/* --- in the parent --- */

pid_t script_start(const struct setting *setting, const int fds[ORDER_FDS], size_t arguments, int *refusal)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return 0;
    pid_t pid = fork();
    if (pid == 0) {
        become(setting, fds, arguments);
        int why = errno;
        (void)!write(ends[1], &why, sizeof(why));
        _exit(127);
    }
    (void)close(ends[1]);
    *refusal = ends[0];
    if (pid < 0) {
        int why = errno;
        (void)close(ends[0]);
        *refusal = -1;
        errno = why;
    }
    return pid > 0 ? pid : 0;
}
