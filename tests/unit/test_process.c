#include "base/clock.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#define SHELL(script) (const char *const[]){ "sh", "-c", (script), NULL }

static int end_of(struct process *p)
{
    int status = -1;
    assert_int_equal(process_wait(p, 60000, &status, NULL), 0);
    assert_int_equal(p->pid, 0);
    return process_exit_code(status);
}

/* All that comes until the other end is closed. */
static char *drain(int fd)
{
    auto_strbuf text = STRBUF_TEXT;
    for (;;) {
        char chunk[256];
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n == 0)
            return strbuf_take(&text);
        if (n > 0)
            strbuf_putn(&text, chunk, (size_t)n);
        else
            assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 60000), 1);
    }
}

static const struct {
    const char *script;
    int code;
} ends[] = {
    { "exit 0", 0 },
    { "exit 7", 7 },
    { "exit 255", 255 },
    { "kill -TERM $$", 128 + SIGTERM },
    { "kill -KILL $$", 128 + SIGKILL },
};

static void test_exit_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        auto_process p = PROCESS_INIT;
        struct process_spec spec = { .argv = SHELL(ends[i].script) };
        assert_int_equal(process_start(&spec, &p, NULL), 0);
        assert_true(p.pid > 0 && p.pidfd >= 0 && p.out == -1 && p.err == -1);
        assert_int_equal(end_of(&p), ends[i].code);
    }
}

static const struct {
    const char *argv0, *dir;
    enum err_kind kind;
    int code;
    const char *text;
} refusals[] = {
    { "no-such-program", NULL, ERR_NOT_FOUND, ENOENT, "start 'no-such-program': No such file or directory" },
    { "/etc/passwd", NULL, ERR_SYSTEM, EACCES, "start '/etc/passwd': Permission denied" },
    { "true", "/no/such/folder", ERR_SYSTEM, ENOENT,
      "start 'true' in '/no/such/folder': No such file or directory" },
};

static void test_what_cannot_start(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        struct process p;
        auto_err e = ERR_INIT;
        struct process_spec spec = { .argv = (const char *const[]){ refusals[i].argv0, NULL },
                                     .dir = refusals[i].dir, .out = PROCESS_PIPE };
        assert_int_equal(process_start(&spec, &p, &e), -1);
        assert_string_equal(err_text(&e), refusals[i].text);
        assert_int_equal(e.kind, refusals[i].kind);
        assert_int_equal(e.code, refusals[i].code);
        assert_true(p.pid == 0 && p.out == -1 && p.pidfd == -1);
    }
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left to reap */
}

static const struct {
    const char *name, *script;
    enum process_stream out, err;
    const char *from_out, *from_err; /* NULL: no pipe */
} streams[] = {
    { "both", "echo o; echo e >&2", PROCESS_PIPE, PROCESS_PIPE, "o\n", "e\n" },
    { "merged", "echo o; echo e >&2", PROCESS_PIPE, PROCESS_MERGE, "o\ne\n", NULL },
    { "nowhere", "echo o; echo e >&2", PROCESS_NULL, PROCESS_PIPE, NULL, "e\n" },
    { "merged to nowhere", "echo e >&2", PROCESS_NULL, PROCESS_MERGE, NULL, NULL },
    { "no input", "cat; echo done", PROCESS_PIPE, PROCESS_NULL, "done\n", NULL },
};

static void test_streams(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
        auto_process p = PROCESS_INIT;
        struct process_spec spec = { .argv = SHELL(streams[i].script), .in = PROCESS_NULL, .out = streams[i].out,
                                     .err = streams[i].err };
        assert_int_equal(process_start(&spec, &p, NULL), 0);
        auto_free char *out = p.out >= 0 ? drain(p.out) : NULL;
        auto_free char *err = p.err >= 0 ? drain(p.err) : NULL;
        if (!out != !streams[i].from_out || (out && strcmp(out, streams[i].from_out) != 0) ||
            !err != !streams[i].from_err || (err && strcmp(err, streams[i].from_err) != 0))
            fail_msg("%s: '%s', '%s'", streams[i].name, out ? out : "-", err ? err : "-");
        assert_int_equal(end_of(&p), 0);
    }
}

static void test_environment_and_folder(void **state)
{
    (void)state;
    auto_strbuf out = STRBUF_INIT(100);
    char setting[] = "A=1";
    char *const env[] = { setting, NULL };
    assert_int_equal(process_capture(SHELL("echo $A$HOME; pwd"), "/usr", env, &out, NULL), 0);
    assert_string_equal(strbuf_text(&out), "1\n/usr\n");
}

/* Whatever is blocked or ignored here is not in the child. */
static void test_signals_are_reset(void **state)
{
    (void)state;
    sigset_t term, before;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &term, &before), 0);
    void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
    auto_strbuf out = STRBUF_INIT(200);
    const char *const argv[] = { "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status", NULL };
    int result = process_capture(argv, NULL, NULL, &out, NULL);
    (void)signal(SIGPIPE, handler);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
    assert_int_equal(result, 0);
    assert_string_equal(strbuf_text(&out), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void test_descriptors_stay_here(void **state)
{
    (void)state;
    auto_strbuf out = STRBUF_INIT(200);
    auto_close int ours = open("/dev/full", O_RDONLY | O_CLOEXEC);
    auto_close int librarys = open("/dev/full", O_RDONLY);
    assert_true(ours >= 0 && librarys >= 0);
    const char *const *argv = SHELL("ls -l /proc/self/fd | grep -c /dev/full; :");
    assert_int_equal(process_capture(argv, NULL, NULL, &out, NULL), 0);
    assert_string_equal(strbuf_text(&out), "0\n");

    auto_strbuf kept = STRBUF_INIT(200);
    const struct process_spec spec = { .argv = argv, .keep_fd = ours };
    const struct process_limits none = { .timeout_ms = -1, .stop_fd = -1 };
    assert_int_equal(process_collect(&spec, &none, &kept, NULL), 0);
    assert_string_equal(strbuf_text(&kept), "1\n");
}

static void test_wait_has_a_deadline(void **state)
{
    (void)state;
    auto_process p = PROCESS_INIT;
    struct process_spec spec = { .argv = (const char *const[]){ "sleep", "90", NULL } };
    int status;
    assert_int_equal(process_start(&spec, &p, NULL), 0);
    int64_t start = clock_ms();
    assert_int_equal(process_wait(&p, 50, &status, NULL), 1);
    assert_in_range(clock_ms() - start, 50, 60000);
    assert_int_equal(process_wait(&p, 0, &status, NULL), 1);
    process_kill(&p, false, SIGTERM);
    assert_int_equal(end_of(&p), 128 + SIGTERM);
    process_kill(&p, false, SIGKILL); /* of nobody: not of ourselves */
    process_kill(&p, true, SIGKILL);
}

/* Killed as a group, a child of the child goes too: its end of the pipe closes. */
static void test_groups(void **state)
{
    (void)state;
    static const bool by_release[] = { false, true };
    for (size_t i = 0; i < ARRAY_SIZE(by_release); i++) {
        auto_process p = PROCESS_INIT;
        struct process_spec spec = { .argv = SHELL("sleep 90 & echo ready; wait"), .new_group = true,
                                     .out = PROCESS_PIPE };
        assert_int_equal(process_start(&spec, &p, NULL), 0);
        assert_int_equal(getpgid(p.pid), p.pid);
        struct pollfd ready = { .fd = p.out, .events = POLLIN };
        assert_int_equal(poll(&ready, 1, 60000), 1);
        int out = take_fd(&p.out);
        if (by_release[i])
            process_release(&p);
        else
            process_kill(&p, true, SIGKILL);
        auto_free char *text = drain(out);
        (void)close(out);
        assert_string_equal(text, "ready\n");
    }
}

static void test_release(void **state)
{
    (void)state;
    struct process p = PROCESS_INIT;
    process_release(NULL);
    process_release(&p);
    struct process_spec spec = { .argv = (const char *const[]){ "sleep", "90", NULL }, .out = PROCESS_PIPE };
    assert_int_equal(process_start(&spec, &p, NULL), 0);
    pid_t pid = p.pid;
    process_release(&p);
    assert_int_equal(kill(pid, 0), -1);
    assert_true(p.pid == 0 && p.pidfd == -1 && p.out == -1);
}

static const struct {
    const char *name, *script;
    const char *wanted; /* stdout, or NULL and an error */
    const char *error;
    int code;
} captures[] = {
    { "text", "echo a; echo b", "a\nb\n", NULL, 0 },
    { "nothing", ":", "", NULL, 0 },
    { "stderr is not captured", "echo a; echo e >&2", "a\n", NULL, 0 },
    { "much on stderr does not block", "head -c 300000 /dev/zero >&2; echo a", "a\n", NULL, 0 },
    { "a child left behind", "sleep 90 & echo a", "a\n", NULL, 0 },
    { "failure", "echo out; echo >&2; echo 'no such thing' >&2; echo more >&2; exit 3", NULL,
      "'sh' ended with 3: no such thing", 3 },
    { "failure with colours", "printf '\\033[1mbad\\n' >&2; exit 1", NULL, "'sh' ended with 1: \\x1b[1mbad", 1 },
    { "silent failure", "exit 4", NULL, "'sh' ended with 4", 4 },
    { "killed", "kill -KILL $$", NULL, "'sh' ended with 137", 137 },
    { "too much", "head -c 1001 /dev/zero | tr '\\0' x", NULL, "'sh': wrote more than 1000 bytes", EFBIG },
    { "endless", "yes", NULL, "'sh': wrote more than 1000 bytes", EFBIG },
};

static void test_capture(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(captures); i++) {
        auto_strbuf out = STRBUF_INIT(1000);
        auto_err e = ERR_INIT;
        int64_t start = clock_ms();
        int got = process_capture(SHELL(captures[i].script), NULL, NULL, &out, &e);
        const char *wanted = captures[i].wanted;
        if (got != (wanted ? 0 : -1) || (wanted && strcmp(strbuf_text(&out), wanted) != 0))
            fail_msg("%s: %d '%s' '%s'", captures[i].name, got, strbuf_text(&out), err_text(&e));
        if (captures[i].error && (strcmp(err_text(&e), captures[i].error) != 0 || e.code != captures[i].code))
            fail_msg("%s: %d '%s'", captures[i].name, e.code, err_text(&e));
        assert_true(clock_ms() - start < 60000);
    }
}

static void test_capture_at_the_limit(void **state)
{
    (void)state;
    auto_strbuf out = STRBUF_INIT(200000);
    assert_int_equal(process_capture(SHELL("head -c 200000 /dev/zero"), NULL, NULL, &out, NULL), 0);
    assert_int_equal(out.len, 200000);
}

static const struct {
    const char *name, *script, *input;
    int64_t timeout_ms;
    bool stopped;
    const char *wanted; /* stdout, or NULL and an error */
    const char *error;
    enum err_kind kind;
} collects[] = {
    { "input", "cat; echo end", "one\ntwo\n", 60000, false, "one\ntwo\nend\n", NULL, ERR_NONE },
    { "no input to read", "cat; echo end", "", 60000, false, "end\n", NULL, ERR_NONE },
    { "input that nobody reads", "echo done", "text", 60000, false, "done\n", NULL, ERR_NONE },
    { "input, and a failure", "cat; exit 3", "text", 60000, false, NULL, "'sh' ended with 3", ERR_SYSTEM },
    { "its stderr is not asked for", "echo secret >&2; exit 3", "", 60000, false, NULL, "'sh' ended with 3", ERR_SYSTEM },
    { "too slow", "sleep 90", "", 100, false, NULL, "'sh': took longer than 100 ms", ERR_SYSTEM },
    { "too slow, and closed its output", "exec >&-; sleep 90", "", 100, false, NULL, "'sh': took longer than 100 ms",
      ERR_SYSTEM },
    { "stopped", "sleep 90", "", -1, true, NULL, "'sh': told to stop", ERR_CANCELLED },
};

static void test_collect(void **state)
{
    (void)state;
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
    for (size_t i = 0; i < ARRAY_SIZE(collects); i++) {
        print_message("    %s\n", collects[i].name);
        const struct process_spec spec = { .argv = SHELL(collects[i].script), .input = collects[i].input,
                                           .new_group = true, .err = PROCESS_NULL };
        const struct process_limits limits = { collects[i].timeout_ms, collects[i].stopped ? pipe_fds[0] : -1 };
        auto_strbuf out = STRBUF_INIT(1000);
        auto_err e = ERR_INIT;
        int64_t start = clock_ms();
        int got = process_collect(&spec, &limits, &out, &e);
        assert_int_equal(got, collects[i].wanted ? 0 : -1);
        assert_true(clock_ms() - start < 60000);
        assert_int_equal(e.kind, collects[i].kind);
        if (collects[i].wanted)
            assert_string_equal(strbuf_text(&out), collects[i].wanted);
        else
            assert_string_equal(err_text(&e), collects[i].error);
    }
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
}

/* ---- A copy of ourselves ---- */

static int await_stop(void *ctx, int stop_fd)
{
    const int *ours = ctx;
    char byte;
    bool closed = fcntl(*ours, F_GETFD) < 0 && errno == EBADF;
    (void)!write(STDOUT_FILENO, closed ? "closed" : "open", closed ? 6 : 4);
    return read(stop_fd, &byte, 1) == 0 ? 7 : 8;
}

/* Its standard output is a pipe of ours meanwhile. */
static int fork_into(process_fn *fn, void *ctx, struct process *p, int *out)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    int saved = dup(STDOUT_FILENO);
    assert_true(saved >= 0 && dup2(fds[1], STDOUT_FILENO) >= 0);
    int rc = process_fork(fn, ctx, p, NULL);
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    (void)close(saved);
    (void)close(fds[1]);
    *out = fds[0];
    return rc;
}

static void test_copy_ends_when_it_is_told(void **state)
{
    (void)state;
    auto_process p = PROCESS_INIT;
    auto_close int out = -1;
    auto_close int full = open("/dev/full", O_RDONLY);
    auto_close int ours = fcntl(full, F_DUPFD, 10); /* no number that the copy may have for something else */
    assert_int_equal(fork_into(await_stop, &ours, &p, &out), 0);
    int status;
    assert_int_equal(process_wait(&p, 100, &status, NULL), 1);
    (void)close(p.stop);
    p.stop = -1;
    auto_free char *said = drain(out);
    assert_string_equal(said, "closed");
    assert_int_equal(end_of(&p), 7);
}

static int answer(void *ctx, int stop_fd)
{
    char byte = 0;
    (void)ctx;
    while (read(stop_fd, &byte, 1) == 1)
        if (write(stop_fd, "answer", 6) != 6)
            return 9;
    return 7;
}

static void test_linked_copy_answers_until_it_is_told_to_end(void **state)
{
    (void)state;
    auto_process p = PROCESS_INIT;
    char said[6];
    int status;
    assert_int_equal(process_fork_linked(answer, NULL, &p, NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(write(p.stop, "?", 1), 1);
        assert_int_equal(recv(p.stop, said, sizeof(said), MSG_WAITALL), 6);
        assert_memory_equal(said, "answer", 6);
    }
    assert_int_equal(process_wait(&p, 100, &status, NULL), 1);
    process_tell(&p);
    assert_int_equal(end_of(&p), 7);
}

static int never_end(void *ctx, int stop_fd)
{
    (void)ctx;
    (void)stop_fd;
    return pause();
}

static void test_copy_that_does_not_end_is_killed(void **state)
{
    (void)state;
    auto_process p = PROCESS_INIT;
    auto_close int out = -1;
    assert_int_equal(fork_into(never_end, NULL, &p, &out), 0);
    process_stop(&p, 50);
    assert_int_equal(p.pid, 0);
    auto_free char *said = drain(out); /* nobody holds the other end any more */
    assert_string_equal(said, "");
    process_stop(&p, 50); /* of none */
}

/* Answers what it is told, until nobody tells it any more. */
static int echo_bytes(void *ctx, int line)
{
    const int *fds = ctx; /* kept, and not */
    char byte;

    (void)!write(STDOUT_FILENO, "log", 3);
    bool kept = fcntl(fds[0], F_GETFD) >= 0, closed = fcntl(fds[1], F_GETFD) < 0;
    (void)!write(line, kept && closed ? "y" : "n", 1);
    while (read(line, &byte, 1) == 1)
        (void)!write(line, &byte, 1);
    return 9;
}

static char next_byte(int fd)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    char byte = 0;

    assert_int_equal(poll(&wait, 1, 60000), 1);
    assert_int_equal(read(fd, &byte, 1), 1);
    return byte;
}

static void test_copy_that_is_followed(void **state)
{
    (void)state;
    auto_process p = PROCESS_INIT;
    auto_close int low = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    auto_close int high = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 20);
    auto_close int other = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 15);
    int fds[] = { low, other };
    const int kept[] = { low, high, -1 };
    char buf[8];
    assert_int_equal(process_fork_followed(echo_bytes, fds, kept, &p, NULL), 0);
    assert_int_equal(next_byte(p.stop), 'y');
    assert_int_equal(write(p.stop, "\2", 1), 1);
    assert_int_equal(next_byte(p.stop), 2);
    assert_int_equal(read(p.stop, buf, 1), -1); /* neither end of ours blocks */
    process_tell(&p);
    int status;
    assert_int_equal(process_wait(&p, 60000, &status, NULL), 0);
    assert_int_equal(process_exit_code(status), 9);
    assert_int_equal(read(p.out, buf, sizeof(buf)), 3);
    assert_memory_equal(buf, "log", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_what_cannot_start),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_environment_and_folder),
        cmocka_unit_test(test_signals_are_reset),
        cmocka_unit_test(test_descriptors_stay_here),
        cmocka_unit_test(test_wait_has_a_deadline),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_release),
        cmocka_unit_test(test_capture),
        cmocka_unit_test(test_capture_at_the_limit),
        cmocka_unit_test(test_collect),
        cmocka_unit_test(test_copy_ends_when_it_is_told),
        cmocka_unit_test(test_linked_copy_answers_until_it_is_told_to_end),
        cmocka_unit_test(test_copy_that_does_not_end_is_killed),
        cmocka_unit_test(test_copy_that_is_followed),
    };
    (void)setenv("PATH", "/usr/bin:/bin", 1); /* one that everybody may read */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
