#include "executor/init/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A chain of parents that is longer changed while it was read. */
#define DEPTH_MAX 100000

struct entry {
    pid_t pid, parent;
    bool dead; /* and not buried */
};

struct list {
    struct entry *items; /* by process id: /proc lists them so */
    size_t n, size;
};

static bool push(struct list *l, struct entry x)
{
    if (l->n == l->size) {
        size_t size = l->size ? l->size * 2 : 64;
        struct entry *items = realloc(l->items, size * sizeof(*items));
        if (!items)
            return false;
        l->items = items;
        l->size = size;
    }
    l->items[l->n++] = x;
    return true;
}

/* "PID (NAME) STATE PARENT …": the name may have anything in it, so from the last parenthesis. */
static bool read_entry(int proc, const char *name, struct entry *out)
{
    char path[32], text[512];
    const char *rest;

    (void)snprintf(path, sizeof(path), "%.16s/stat", name);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0)
        (void)close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    rest = strrchr(text, ')');
    if (!rest || rest[1] != ' ' || !rest[2] || rest[3] != ' ')
        return false;
    *out = (struct entry){ (pid_t)strtol(name, NULL, 10), (pid_t)strtol(rest + 4, NULL, 10),
                           rest[2] == 'Z' || rest[2] == 'X' };
    return true;
}

static bool read_all(struct list *out)
{
    DIR *dir = opendir("/proc");
    const struct dirent *d;
    struct entry x;
    bool good = dir != NULL;

    while (good && (d = readdir(dir)))
        if (d->d_name[0] >= '1' && d->d_name[0] <= '9' && read_entry(dirfd(dir), d->d_name, &x))
            good = push(out, x);
    if (dir)
        (void)closedir(dir);
    return good && out->n > 0;
}

static int by_pid(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return (x->pid > y->pid) - (x->pid < y->pid);
}

/* One whose parent has just gone is ours in a moment, if it is: the next look sees it. */
static bool is_below(const struct list *l, const struct entry *x, pid_t top)
{
    for (int depth = 0; x && depth < DEPTH_MAX; depth++) {
        if (x->parent == top)
            return true;
        const struct entry parent = { .pid = x->parent };
        x = x->parent > 0 ? bsearch(&parent, l->items, l->n, sizeof(parent), by_pid) : NULL;
    }
    return false;
}

bool tree_signal(int number, pid_t but, pid_t and_but, struct tree_count *out)
{
    struct list list = { 0 };
    pid_t self = getpid();
    bool good = read_all(&list);

    *out = (struct tree_count){ 0 };
    for (size_t i = 0; good && i < list.n; i++) {
        const struct entry *x = &list.items[i];
        if (x->dead || x->pid == self || x->pid == but || x->pid == and_but || !is_below(&list, x, self))
            continue;
        if (kill(x->pid, number) == 0)
            out->alive++;
        else if (errno == EPERM)
            out->denied++;
    }
    free(list.items);
    return good;
}
