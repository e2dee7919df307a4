/* Execs by a scripted daemon, and how one that hangs is ended, as other calls are. */
#include "engine/container.h"
#include "engine/event.h"
#include "engine/exec.h"
#include "engine/image.h"
#include "engine/passing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/support/scripted.h"

#define CREATE  "> POST /containers/c/exec\n 201 {\"Id\":\"e1\"}\n"
#define START   "> POST /exec/e1/start\n has {\"Detach\":false,\"Tty\":false}\n 200 stream\n"
#define NOT_YET "> GET /exec/e1/json\n 200 {\"Running\":true,\"ExitCode\":null}\n"
#define ENDED   "> GET /exec/e1/json\n 200 {\"Running\":false,\"Pid\":7,\"ExitCode\":"

static const struct {
    const char *script;
    int code; /* when it goes well */
    const char *heard;
    enum err_kind kind;
    const char *says;
} execs[] = {
    { CREATE START " stdout \"out\"\n stderr \"err\"\n" NOT_YET NOT_YET ENDED "3}\n", 3, "1:out 2:err ",
      ERR_NONE, NULL },
    { CREATE START " read \"exit\\n\"\n stdout \"bye\"\n" ENDED "0}\n", 0, "1:bye ", ERR_NONE, NULL },
    { CREATE START " raw \"\\u0001\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0009half\"\n cut\n", 0,
      "1:half ", ERR_SYSTEM, "the daemon closed the stream in the middle of a frame" },
    { CREATE START " raw \"a terminal's text\"\n", 0, "", ERR_SYSTEM, "the daemon's stream is broken" },
    { CREATE START " stdout \"x\"\n>> GET /exec/e1/json\n cut\n", 0, "1:x ", ERR_SYSTEM,
      "process's exit code" },
    { CREATE START ENDED "null}\n", 0, "", ERR_SYSTEM,
      "does not say how the process in container 'c' ended" },
    { "> POST /containers/c/exec\n 409 {\"message\":\"container c is not running\"}\n", 0, "", ERR_CONFLICT,
      "in container 'c': container c is not running" },
    { "> POST /containers/c/exec\n 404 {\"message\":\"No such container: c\"}\n", 0, "", ERR_NOT_FOUND,
      "No such container: c" },
    { CREATE "> POST /exec/e1/start\n 500 {\"message\":\"cgroup: out of pids\"}\n", 0, "", ERR_SYSTEM,
      "out of pids" },
    /* Docker 28 looks for the user before there is anything to start. */
    { "> POST /containers/c/exec\n 400 {\"message\":\"unable to find user x: no matching entries in passwd file\"}\n",
      0, "", ERR_JOB, "in container 'c': unable to find user x" },
    { "> POST /containers/c/exec\n 400 {\"message\":\"invalid JSON\"}\n", 0, "", ERR_SYSTEM, "invalid JSON" },
    { CREATE START
      " stdout \"OCI runtime exec failed: exec: \\\"sh\\\": executable file not found in $PATH: unknown\\r\\n\"\n"
      "> GET /exec/e1/json\n 200 {\"Running\":false,\"Pid\":0,\"ExitCode\":127}\n",
      0, NULL, ERR_JOB,
      "'sh' cannot be started in the container: OCI runtime exec failed: exec: \"sh\": exec" },
    { CREATE START /* crun */
      " stdout \"executable file `sh` not found in $PATH: No such file or directory: unknown\\r\\n\"\n"
      "> GET /exec/e1/json\n 200 {\"Running\":false,\"Pid\":0,\"ExitCode\":127}\n",
      0, NULL, ERR_JOB, "'sh' cannot be started in the container: executable file `sh`" },
    { CREATE START " stdout \"OCI runtime exec failed: fork: out of memory: unknown\\r\\n\"\n"
                   "> GET /exec/e1/json\n 200 {\"Running\":false,\"Pid\":0,\"ExitCode\":126}\n",
      0, NULL, ERR_SYSTEM, "'sh' cannot be started in the container: OCI runtime exec failed: fork" },
    { CREATE START " stdout \"OCI runtime exec failed: says a script\\r\\n\"\n" ENDED "127}\n", 127, NULL, ERR_NONE,
      NULL },
};

static int hear(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    (void)e;
    strbuf_printf(ctx, "%d:%.*s ", (int)kind, (int)len, data);
    return 0;
}

static ssize_t say_exit(void *ctx, char *buf, size_t size, struct err *e)
{
    (void)e;
    bool *said = ctx;
    if (*said || size < 5)
        return 0;
    *said = true;
    memcpy(buf, "exit\n", 5);
    return 5;
}

static int run_sh(struct engine *d, const struct engine_watch *watch, struct strbuf *heard, int *code,
                  struct err *e)
{
    auto_strvec argv = STRVEC_INIT;
    strvec_push(&argv, "sh");
    bool said = false;
    const struct exec_spec spec = {
        .argv = &argv, .input = say_exit, .input_ctx = &said, .sink = hear, .sink_ctx = heard, .watch = watch
    };
    return exec_run(d, "c", &spec, code, e);
}

static void test_execs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(execs); i++) {
        struct scripted s;
        scripted_open(&s, execs[i].script);
        auto_err e = ERR_INIT;
        auto_strbuf heard = STRBUF_TEXT;
        int code = -1;
        int result = run_sh(s.engine, NULL, &heard, &code, &e);
        if (execs[i].kind == ERR_NONE) {
            check(result, &e);
            assert_int_equal(code, execs[i].code);
        } else {
            assert_int_equal(result, -1);
            assert_says(&e, execs[i].kind, execs[i].says);
        }
        if (execs[i].heard)
            assert_string_equal(strbuf_text(&heard), execs[i].heard);
        scripted_stop(&s);
    }
}

/* A container that died takes its processes along, also those of which the daemon says that they run. */
static void test_lost_exec(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, CREATE START ">> GET /exec/e1/json\n 200 {\"Running\":true}\n"
                                   "> GET /containers/c/json\n 200 {\"State\":{\"Running\":false}}\n");
    auto_err e = ERR_INIT;
    auto_strbuf heard = STRBUF_TEXT;
    int code = -1;
    assert_int_equal(run_sh(s.engine, NULL, &heard, &code, &e), -1);
    assert_says(&e, ERR_SYSTEM, "container 'c' stopped, and the daemon does not know how its process ended");
    scripted_stop(&s);
}

struct stopping {
    const char *marks; /* a byte for each request that hangs */
    off_t hung;        /* enough of them */
};

static int stop_when_it_hangs(void *ctx, int64_t *next_ms, struct err *e)
{
    const struct stopping *s = ctx;
    struct stat st;
    *next_ms = 20;
    return stat(s->marks, &st) == 0 && st.st_size >= s->hung ? err_set(e, ERR_CANCELLED, 0, "told to stop") : 0;
}

static void test_watch_ends_what_hangs(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, CREATE START " stdout \"x\"\n hang\n"
                                   "> POST /containers/c/wait?condition=not-running\n 200 chunked\n hang\n"
                                   "> POST /images/create*\n hang\n"
                                   "> GET /events*\n 200 chunked\n hang\n");
    auto_err e = ERR_INIT;
    auto_strbuf heard = STRBUF_TEXT;
    const struct strvec labels = STRVEC_INIT;
    int code = -1;
    auto_free char *marks = xasprintf("%s.hung", s.socket);
    struct stopping stopping = { marks, 1 };
    const struct engine_watch watch = { stop_when_it_hangs, &stopping, -1 };
    const struct image_transfer t = { .watch = &watch };
    assert_int_equal(run_sh(s.engine, &watch, &heard, &code, &e), -1);
    assert_says(&e, ERR_CANCELLED, "told to stop");
    stopping.hung++;
    assert_int_equal(container_wait(s.engine, "c", &watch, &code, &e), -1);
    assert_says(&e, ERR_CANCELLED, "told to stop");
    stopping.hung++;
    assert_int_equal(image_pull(s.engine, "app", &t, &e), -1);
    assert_says(&e, ERR_CANCELLED, "told to stop");
    stopping.hung++;
    assert_int_equal(event_listen(s.engine, &labels, 0, NULL, NULL, &watch, &e), -1);
    assert_says(&e, ERR_CANCELLED, "told to stop");
    scripted_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_execs),
        cmocka_unit_test(test_lost_exec),
        cmocka_unit_test(test_watch_ends_what_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
