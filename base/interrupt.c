#include "base/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

static sigset_t stop_signals(void)
{
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGHUP);
    return stops;
}

int interrupt_open(struct err *e)
{
    sigset_t stops = stop_signals();
    if (sigprocmask(SIG_BLOCK, &stops, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return err_set(e, ERR_SYSTEM, errno, "set up signals: %s", strerror(errno));

    int fd = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_set(e, ERR_SYSTEM, errno, "open a descriptor for signals: %s", strerror(errno));
    return fd;
}

int interrupt_add(int fd, int number, struct err *e)
{
    sigset_t all = stop_signals(), blocked;
    if (sigprocmask(SIG_BLOCK, NULL, &blocked) < 0)
        return err_set(e, ERR_SYSTEM, errno, "set up signals: %s", strerror(errno));
    sigaddset(&blocked, number);
    for (int i = 1; i < NSIG; i++)
        if (sigismember(&blocked, i) == 1)
            sigaddset(&all, i);
    if (sigprocmask(SIG_SETMASK, &blocked, NULL) < 0 || signalfd(fd, &all, 0) < 0)
        return err_set(e, ERR_SYSTEM, errno, "set up signals: %s", strerror(errno));
    return 0;
}

void interrupt_default(void)
{
    sigset_t stops = stop_signals();
    (void)sigprocmask(SIG_UNBLOCK, &stops, NULL);
}

int interrupt_take(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}
