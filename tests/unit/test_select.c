#include "cache/select/select.h"

#include "cache/select/rule.h"
#include "cache/select/walk.h"

#include "base/file.h"
#include "base/process.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

/* A folder with a project's folder and a file outside of it. */
struct tree {
    char *top, *root;
};

static void make(const struct tree *t, const char *path)
{
    auto_free char *whole = xasprintf("%s/%s", t->root, path);
    auto_free char *folder = xstrdup(whole);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(dir_make(folder, 0755, NULL), 0);
    if (whole[strlen(whole) - 1] != '/')
        assert_int_equal(file_write(whole, "x", 1, 0644, NULL), 0);
}

static void link_to(const struct tree *t, const char *target, const char *path)
{
    auto_free char *whole = xasprintf("%s/%s", t->root, path);
    assert_int_equal(symlink(target, whole), 0);
}

static int setup(void **state)
{
    static const char *const files[] = {
        "src/a/b/y.c", "src/a/b/y.o",        "src/a/x.o",        "src-old/z.o",       "lib/l.o",
        "lib/.hid",    "node_modules/m/n.o", "build/out/i.html", "sp ace/new\nline",  "odd/\xff",
        "odd/a*b",     "odd/axb",            "empty/",           "../outside/secret/s.o",
    };
    struct tree *t = xcalloc(1, sizeof(*t));
    assert_int_equal(dir_temporary("/tmp", "atelier-test-", &t->top, NULL), 0);
    t->root = xasprintf("%s/project", t->top);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        make(t, files[i]);
    link_to(t, "build/out", "public");
    link_to(t, "../outside", "out");
    link_to(t, "../../..", "lib/up");
    link_to(t, "nowhere", "dangling");
    auto_free char *absolute = xasprintf("%s/build", t->root), *fifo = xasprintf("%s/odd/fifo", t->root);
    link_to(t, absolute, "inside");
    assert_int_equal(mkfifo(fifo, 0644), 0);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct tree *t = *state;
    assert_int_equal(dir_remove(t->top, NULL), 0);
    free(t->top);
    free(t->root);
    free(t);
    return 0;
}

/* Texts separated by '|'. */
static void split(const char *text, struct strvec *out)
{
    while (*text) {
        size_t len = strcspn(text, "|");
        strvec_give(out, xstrndup(text, len));
        text += len + (text[len] == '|');
    }
}

/* The names joined by '|', and the lines without their padding; $ROOT for the root. */
static void run(const struct tree *t, const char *paths, const char *excludes, bool untracked, char **names,
                char **lines)
{
    auto_strvec wanted = STRVEC_INIT, left_out = STRVEC_INIT, found = STRVEC_INIT;
    auto_err e = ERR_INIT;
    struct report r = { .fd = memfd_create("report", MFD_CLOEXEC) };
    split(paths, &wanted);
    split(excludes, &left_out);
    struct select_rules rules = { .paths = &wanted, .excludes = &left_out, .untracked = untracked };
    if (select_files(t->root, &rules, &r, &found, &e) < 0)
        fail_msg("%s", err_text(&e));
    *names = strvec_join(&found, "|");

    auto_free char *path = xasprintf("/proc/self/fd/%d", r.fd), *text = NULL;
    auto_strbuf out = STRBUF_TEXT;
    assert_int_equal(file_read(path, 1 << 16, &text, NULL, NULL), 0);
    (void)close(r.fd);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        char *last = end;
        while (last > line && last[-1] == ' ')
            last--;
        *last = '\0';
        char *root = strstr(line, t->root);
        if (root)
            strbuf_printf(&out, "%.*s$ROOT%s\n", (int)(root - line), line, root + strlen(t->root));
        else
            strbuf_printf(&out, "%s\n", line);
    }
    *lines = strbuf_take(&out);
}

#define FOUND(path, n) path ": found " #n " matching artifact files and directories\n"
#define NOTHING(path)                                                                                          \
    "WARNING: " path ": no matching files. Ensure that the artifact path is relative to the working directory " \
    "($ROOT)\n"
#define OUTSIDE(path) "WARNING: processPath: artifact path is not a subpath of project directory: " path "\n"

static const struct {
    const char *paths, *excludes, *names, *lines;
} rows[] = {
    { "lib", "", "lib|lib/.hid|lib/l.o|lib/up", FOUND("lib", 4) },
    { "./src//a/b/", "", "src/a/b|src/a/b/y.c|src/a/b/y.o", FOUND("./src//a/b/", 3) },
    { "src/../empty", "", "empty", FOUND("src/../empty", 1) },
    { "src/**/*.o", "", "src/a/b/y.o|src/a/x.o", FOUND("src/**/*.o", 2) },
    { "src*/*.o", "", "src-old/z.o", FOUND("src*/*.o", 1) },
    /* sorted by bytes: '-' comes before '/'; twice found is stored once */
    { "src|src-old|src/a/x.o", "", "src|src-old|src-old/z.o|src/a|src/a/b|src/a/b/y.c|src/a/b/y.o|src/a/x.o",
      FOUND("src", 6) FOUND("src-old", 2) FOUND("src/a/x.o", 1) },
    /* an entry is found again by each folder above it that matches */
    { "src/a/**", "", "src/a|src/a/b|src/a/b/y.c|src/a/b/y.o|src/a/x.o", FOUND("src/a/**", 11) },
    { "**/b/**", "", "src/a/b|src/a/b/y.c|src/a/b/y.o", FOUND("**/b/**", 5) },
    { "{lib,src-old}/*.o", "", "lib/l.o|src-old/z.o", FOUND("{lib,src-old}/*.o", 2) },
    { "src/a/{b/,x.o}", "", "src/a/b|src/a/b/y.c|src/a/b/y.o|src/a/x.o", FOUND("src/a/{b/,x.o}", 4) },
    { "src/a/{x.o/,b}", "", "src/a/b|src/a/b/y.c|src/a/b/y.o", FOUND("src/a/{x.o/,b}", 3) },
    { "odd/a\\*b", "", "odd/a*b", FOUND("odd/a\\*b", 1) },
    { "odd", "", "odd|odd/a*b|odd/axb|odd/fifo|odd/\xff", FOUND("odd", 5) },
    { "sp ace/*", "", "sp ace/new\nline", FOUND("sp ace/*", 1) },
    { "sp ace/new\nline", "", "sp ace/new\nline", FOUND("sp ace/new\\nline", 1) },
    /* what cannot be */
    { "|nope|*.nope", "", "", "WARNING: No matching files. Path is empty.\n" NOTHING("nope") NOTHING("*.nope") },
    { "..|../outside|/etc|src/../../x|*/../../x", "", "",
      OUTSIDE("..") OUTSIDE("../outside") OUTSIDE("/etc") OUTSIDE("src/../../x") OUTSIDE("*/../../x") },
    { "lib/[", "", "", "WARNING: lib/[: syntax error in pattern\n" },
    { "src/a/x.o/**|src/a/x.o/y", "", "", NOTHING("src/a/x.o/**") NOTHING("src/a/x.o/y") },
    /* links: kept as such, followed only before a pattern, and only inside */
    { "public|dangling|out", "", "dangling|out|public", FOUND("public", 1) FOUND("dangling", 1) FOUND("out", 1) },
    { "public/*", "", "public/i.html", FOUND("public/*", 1) },
    { "inside/out/i.html", "", "inside/out/i.html", FOUND("inside/out/i.html", 1) },
    { "out/secret|out/**|lib/up/x*", "", "",
      "WARNING: out/secret: not supported: outside build directory\n"
      "WARNING: out/**: not supported: outside build directory\n"
      "WARNING: lib/up/x*: not supported: outside build directory\n" },
    { "*/secret|p*/i.html|**/i.html", "", "build/out/i.html",
      NOTHING("*/secret") NOTHING("p*/i.html") FOUND("**/i.html", 1) },
    { "\\.\\./outside|\\../*|src/\\./a", "", "",
      "WARNING: \\.\\./outside: not supported: a backslash before '.' or '/'\n"
      "WARNING: \\../*: not supported: a backslash before '.' or '/'\n"
      "WARNING: src/\\./a: not supported: a backslash before '.' or '/'\n" },
    /* excludes: of whole names, the first that fits; a folder's leaves what is in it */
    { "src", "**/*.o|src/a/*", "src|src/a|src/a/b/y.c",
      FOUND("src", 3) "**/*.o: excluded 2 files\nsrc/a/*: excluded 1 files\n" },
    { "src/a/b", "*.o|./src/a//b/y.c", "src/a/b|src/a/b/y.o",
      FOUND("src/a/b", 2) "./src/a//b/y.c: excluded 1 files\n" },
    { "src/a/b", "src/**", "", NOTHING("src/a/b") "src/**: excluded 3 files\n" },
    { "src/a/**", "**/y.*", "src/a|src/a/b|src/a/x.o", FOUND("src/a/**", 5) "**/y.*: excluded 6 files\n" },
    { "src/a/b", "[|**/y.c|../x|**/y.o", "src/a/b|src/a/b/y.o",
      "WARNING: isExcluded: [: syntax error in pattern\n"
      "WARNING: isExcluded: artifact path is not a subpath of project directory: ../x\n" FOUND("src/a/b", 2)
      "**/y.c: excluded 1 files\n" },
};

static void test_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *names = NULL, *lines = NULL;
        run(*state, rows[i].paths, rows[i].excludes, false, &names, &lines);
        if (strcmp(names, rows[i].names) != 0 || strcmp(lines, rows[i].lines) != 0)
            fail_msg("'%s' without '%s':\nwanted %s\n%s\ngot    %s\n%s", rows[i].paths, rows[i].excludes,
                     rows[i].names, rows[i].lines, names, lines);
    }
}

/* Everything, in three ways that find the same; "." is counted and is no name. */
static void test_everything(void **state)
{
    const struct tree *t = *state;
    const char *const ways[] = { ".", t->root, "src/.." };
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        auto_free char *names = NULL, *lines = NULL;
        run(t, ways[i], "", false, &names, &lines);
        assert_non_null(strstr(lines, ": found 31 matching artifact files and directories\n"));
        assert_true(strncmp(names, "build|build/out|build/out/i.html|dangling|empty|inside|lib|", 59) == 0);
    }
}

static void git(const struct tree *t, const char *const *argv)
{
    auto_err e = ERR_INIT;
    auto_strbuf out = STRBUF_TEXT;
    if (process_capture(argv, t->root, NULL, &out, &e) < 0)
        fail_msg("%s", err_text(&e));
}
#define GIT(t, ...) git((t), (const char *const[]){ "git", __VA_ARGS__, NULL })

static void test_untracked(void **state)
{
    const struct tree *t = *state;
    auto_free char *names = NULL, *lines = NULL, *none = NULL, *refused = NULL;
    run(t, "", "", true, &none, &refused);
    assert_string_equal(none, "");
    assert_non_null(strstr(refused, "WARNING: untracked: 'git' ended with 128: fatal: not a git repository"));

    GIT(t, "init", "-q");
    GIT(t, "add", "src", "node_modules", "build", "odd", "src-old", "lib/up", "out", "inside", "public");
    make(t, ".gitignore");
    make(t, "nested/file");
    GIT(t, "init", "-q", "nested");
    /* what the project's own settings would have git start */
    auto_free char *mark = xasprintf("%s/fell-into-it", t->top), *trap = xasprintf("touch '%s'", mark);
    GIT(t, "config", "core.fsmonitor", trap);
    run(t, "", "lib/l*", true, &names, &lines);
    assert_string_equal(names, ".gitignore|dangling|lib/.hid|nested|sp ace/new\nline");
    assert_string_equal(lines, "untracked: found 5 files\nlib/l*: excluded 1 files\n");
    assert_int_equal(access(mark, F_OK), -1);
}

static void test_untracked_nothing(void **state)
{
    const struct tree *t = *state;
    auto_free char *names = NULL, *lines = NULL;
    GIT(t, "init", "-q");
    run(t, "", "**", true, &names, &lines);
    assert_string_equal(names, "");
    assert_string_equal(lines, "WARNING: untracked: no files\n**: excluded 17 files\n");
}

/* Deeper than a walk goes: said in a line, and all that is above is there. */
static void test_too_deep(void **state)
{
    const struct tree *t = *state;
    auto_strbuf path = STRBUF_TEXT;
    auto_free char *names = NULL, *lines = NULL;
    strbuf_puts(&path, "deep/");
    for (int i = 0; i < WALK_DEPTH; i++)
        strbuf_puts(&path, "d/");
    strbuf_puts(&path, "lost");
    make(t, strbuf_text(&path));
    run(t, "deep", "", false, &names, &lines);
    assert_string_equal(lines, "WARNING: deep: folders are nested deeper than 400: what is below is left out\n"
                               "deep: found 401 matching artifact files and directories\n");
}

static void test_no_root(void **state)
{
    auto_err e = ERR_INIT;
    auto_strvec out = STRVEC_INIT;
    struct report r = { .fd = STDERR_FILENO };
    struct select_rules rules = { 0 };
    (void)state;
    assert_int_equal(select_files("/tmp/there/is/none", &rules, &r, &out, &e), -1);
    assert_int_equal(e.kind, ERR_SYSTEM);
}

static void test_rules(void **state)
{
    static const struct {
        const char *root, *rule, *clean;
    } cleaned[] = {
        { "/b", "a//b/./c/", "a/b/c" }, { "/b", ".", "." },       { "/b", "/b", "." },
        { "/b", "/b/x", "x" },          { "/b", "/bx", NULL },    { "/b", "../b/x", "x" },
        { "/b", "../c", NULL },         { "/b", "a/../..", NULL }, { "/", "/../etc", "etc" },
        { "/b/", "x/../y", "y" },       { "/b", "a/*/../c", "a/c" }, { "/b", "...", "..." },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cleaned); i++) {
        auto_free char *got = NULL;
        auto_err e = ERR_INIT;
        int result = rule_clean(cleaned[i].root, cleaned[i].rule, &got, &e);
        if (result < 0 ? cleaned[i].clean != NULL : !cleaned[i].clean || strcmp(got, cleaned[i].clean) != 0)
            fail_msg("'%s' in '%s': %s", cleaned[i].rule, cleaned[i].root, result < 0 ? err_text(&e) : got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(test_untracked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_untracked_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_deep, setup, teardown),
        cmocka_unit_test(test_no_root),
        cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
