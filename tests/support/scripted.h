/* tests/support/scripted.h: scripted_daemon.py for the length of one test, and an engine that is connected to it.
 *
 * Include after cmocka.h. */
#ifndef TESTS_SCRIPTED_H
#define TESTS_SCRIPTED_H

#include "base/file.h"
#include "base/process.h"
#include "engine/engine.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

struct scripted {
    char *folder, *socket, *host;
    struct process process;
    struct engine *engine; /* NULL until scripted_open() */
};

static inline void check(int result, const struct err *e)
{
    if (result < 0)
        fail_msg("%s", err_text(e));
}

static inline void scripted_start(struct scripted *s, const char *script)
{
    auto_err e = ERR_INIT;
    *s = (struct scripted){ .process = PROCESS_INIT };
    check(dir_temporary("/tmp", "test_engine.", &s->folder, &e), &e);
    s->socket = xasprintf("%s/docker.sock", s->folder);
    s->host = xasprintf("unix://%s", s->socket);
    auto_free char *file = xasprintf("%s/script", s->folder);
    check(file_write(file, script, strlen(script), 0600, &e), &e);
    const char *const argv[] = { "python3", TEST_SOURCE_DIR "/support/scripted_daemon.py", s->socket, file,
                                 NULL };
    const struct process_spec spec = { .argv = argv, .in = PROCESS_NULL };
    check(process_start(&spec, &s->process, &e), &e);
    for (int i = 0; i < 24000 && access(s->socket, F_OK) < 0; i++)
        (void)poll(NULL, 0, 5);
}

static inline void scripted_open(struct scripted *s, const char *script)
{
    scripted_start(s, script);
    auto_err e = ERR_INIT;
    const struct engine_endpoint there = { .host = s->host };
    check(engine_open(&there, &s->engine, &e), &e);
}

/* The script was followed to its end, and nothing else was asked. */
static inline void scripted_stop(struct scripted *s)
{
    auto_err e = ERR_INIT;
    int status = -1;
    engine_close(s->engine);
    process_kill(&s->process, false, SIGTERM);
    check(process_wait(&s->process, 120000, &status, &e), &e);
    check(dir_remove(s->folder, &e), &e);
    process_release(&s->process);
    free(s->folder);
    free(s->socket);
    free(s->host);
    assert_int_equal(process_exit_code(status), 0);
}

static inline void assert_says(const struct err *e, enum err_kind kind, const char *text)
{
    if (e->kind != kind || !strstr(err_text(e), text))
        fail_msg("kind %d instead of %d, '%s' instead of '%s'", (int)e->kind, (int)kind, err_text(e), text);
}

#endif
