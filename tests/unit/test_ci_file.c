#include "stages/pipeline/ci_file.h"

#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, struct ci_file *out, struct err *e)
{
    return ci_file_parse("ci.yml", text, strlen(text), NULL, out, e);
}

/* One job "j", written down as "stage|when|allowed|image|entrypoint|script;…|after;…". */
static char *describe(const struct ci_file *f)
{
    const struct ci_job *j = &f->jobs[0];
    auto_free char *script = strvec_join(&j->script, ";");
    auto_free char *after = strvec_join(&j->after_script, ";");
    auto_free char *entrypoint = strvec_join(&j->image.entrypoint, ",");

    return xasprintf("%s|%s|%s|%s|%s%s|%s|%s", f->stages.items[j->stage], ci_when_name(j->when),
                     j->allow_failure ? "yes" : "no", j->image.name ? j->image.name : "",
                     j->image.has_entrypoint ? "=" : "", entrypoint, script, after);
}

static const struct {
    const char *text, *want;
} good[] = {
    { "j: {script: make}", "test|on_success|no|||make|" },
    { "j: {script: [a, [b, [c]], d]}", "test|on_success|no|||a;b;c;d|" },
    { "j:\n  script:\n    - |\n      a\n      b\n", "test|on_success|no|||a\nb\n|" },
    { "stages: [x]\nj: {stage: x, script: a}", "x|on_success|no|||a|" },
    { "stages: [x, x]\nj: {stage: .post, script: a}", ".post|on_success|no|||a|" },
    { "stages: [.post, x, .pre]\nj: {stage: .pre, script: a}", ".pre|on_success|no|||a|" },
    { "image: i\nbefore_script: [b]\nafter_script: [z]\nj: {script: a}", "test|on_success|no|i||b;a|z" },
    { "default: {image: i, before_script: b, after_script: z}\nj: {script: a}", "test|on_success|no|i||b;a|z" },
    { "default: {image: d}\nbefore_script: [g]\nj: {script: a}", "test|on_success|no|d||g;a|" },
    { "stages: [[x, [y]], z]\nj: {stage: y, script: a}", "y|on_success|no|||a|" },
    { "default: {image: d, before_script: [b], after_script: [z]}\n"
      "j: {script: a, image: i, before_script: [], after_script: []}", "test|on_success|no|i||a|" },
    { "j: {script: a, image: {name: i, entrypoint: ['']}}", "test|on_success|no|i|=|a|" },
    { "j: {script: a, image: {name: i, entrypoint: [/bin/sh, -c]}}", "test|on_success|no|i|=/bin/sh,-c|a|" },
    { "j: {script: a, when: manual}", "test|manual|yes|||a|" },
    { "j: {script: a, when: manual, allow_failure: false}", "test|manual|no|||a|" },
    { "j: {script: a, when: always, allow_failure: yes}", "test|always|yes|||a|" },
    { "j: {script: a, when: on_failure}", "test|on_failure|no|||a|" },
    { ".hidden: {nonsense: 1}\nj: {script: a}", "test|on_success|no|||a|" },
    { "stages: [x]\nj: {type: x, script: a}", "x|on_success|no|||a|" },
    { ".base: &base {image: i, stage: build}\nj: {<<: *base, script: a}", "build|on_success|no|i||a|" },
    { ".cmds: &cmds [a, b]\nj: {script: [*cmds, c]}", "test|on_success|no|||a;b;c|" },
};

static void test_good_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        auto_ci_file f = CI_FILE_INIT;
        auto_err e = ERR_INIT;
        if (parse(good[i].text, &f, &e) < 0)
            fail_msg("%s: %s", good[i].text, err_text(&e));
        assert_int_equal(f.n, 1);
        auto_free char *is = describe(&f);
        assert_string_equal(is, good[i].want);
        assert_int_equal(f.warnings.n, 0);
    }
}

/* What is wrong, where, and what to do. */
static const struct {
    const char *text, *message; /* how the message begins */
} bad[] = {
    { "", "ci.yml: there is no job in it" },
    { "[a]", "ci.yml: there is no job in it: it is a list" },
    { "stages: [a]", "ci.yml: there is no job in it" },
    { ".j: {script: a}", "ci.yml: there is no job in it" },
    { "j: {script: a", "ci.yml:" },
    { "j: {stage: test}", "ci.yml:1:1: job `j` has no `script`; add one, or hide the job: `.j`" },
    { "j: {script: []}", "ci.yml:1:1: job `j` has no `script`" },
    { "j: {script: }", "ci.yml:1:1: job `j` has no `script`" },
    { "before_script: [b]\nj: {image: i}", "ci.yml:2:1: job `j` has no `script`" },
    { "j: make", "ci.yml:1:1: `j` is neither a keyword nor a job" },
    { "varaibles: {A: b}", "ci.yml:1:1: `varaibles` is neither a keyword nor a job with a `script`; did you mean `variables`?" },
    { "j: {script: a, sript: b}", "ci.yml:1:16: unknown keyword `sript` in job `j`; did you mean `script`?" },
    { "j: {script: a, qqqqqq: b}", "ci.yml:1:16: unknown keyword `qqqqqq` in job `j`" },
    { "default: {script: a}", "ci.yml:1:11: unknown keyword `script`" },
    { "j: {script: a, rules: [], only: [main]}", "ci.yml:1:27: `only` may not be used with `rules`; write it as a rule" },
    { "j: {script: a, rules: [{iff: $X}]}", "ci.yml:1:25: unknown keyword `iff` in job `j`; did you mean `if`?" },
    { "j: {script: a, rules: [{if: $X = 1}]}", "ci.yml:1:29: the condition `$X = 1`: at character 4: " },
    { "j: {script: a, rules: [{when: sometimes}]}", "ci.yml:1:31: `when: sometimes` is none of " },
    { "j: {script: a, rules: [{changes: x}]}", "ci.yml:1:34: `changes` is text here; it must be a list of paths" },
    { "j: {script: a, rules: [{changes: {compare_to: x}}]}", "ci.yml:1:34: `changes` has no `paths`" },
    { "j: {script: a, rules: [{exists: {paths: [x], ref: b}}]}", "ci.yml:1:46: `ref` in `exists` wants a `project`" },
    { "j: {script: a, rules: [{exists: {project: a/b}}]}", "ci.yml:1:33: `exists` has no `paths`" },
    { "workflow: {rules: [{when: manual}]}\nj: {script: a}", "ci.yml:1:27: `when: manual` is neither always nor never" },
    { "j: {script: a, needs: [k]}", "ci.yml:1:24: job `j`: undefined need: `k`" },
    { "build app: {script: a, parallel: 2}\nj: {script: a, needs: [buildapp]}",
      "ci.yml:2:24: job `j`: undefined need: `buildapp`; there is no such job; did you mean `build app`?" },
    { "build: {stage: build, script: a}\nj: {script: a, dependencies: [biuld]}",
      "ci.yml:2:30: `dependencies` of job `j` names `biuld`, and there is no such job; did you mean `build`?" },
    { "j: {script: a, needs: [{job: k, optional: x}]}", "ci.yml:1:43: `optional` is text here; it must be true or false" },
    { "j: {script: a, needs: [{artifacts: true}]}", "ci.yml:1:24: `needs` has a map without `job`" },
    { "j: {script: a, needs: [[[[[[[[[[[k]]]]]]]]]]]}", "ci.yml:1:33: `needs` has lists more than 10 deep" },
    { "j: {script: a, rules: []}", "ci.yml:1:23: `rules` has no rule, and GitLab wants one" },
    { "workflow: {rules: []}\nj: {script: a}", "ci.yml:1:19: `rules` has no rule" },
    { "k: {script: a, parallel: {matrix: [{A: [x]}]}}\n"
      "j: {script: a, parallel: {matrix: [{A: [x]}]}, needs: [{job: k, parallel: {matrix: [{A: '$[[ matrix.B ]]'}]}}]}",
      "ci.yml:2:89: `$[[ matrix.B ]]`: the job's own `parallel:matrix` has no such variable" },
    { "k: {script: a, parallel: {matrix: [{A: [x]}]}}\n"
      "j: {script: a, needs: [{job: k, parallel: {matrix: [{A: '$[[matrix.A]]'}]}}]}",
      "ci.yml:2:57: `$[[ matrix.A ]]`: the job's own `parallel:matrix` has no such variable" },
    { "k: {script: a, parallel: {matrix: [{A: ['$[[ inputs.A ]]']}]}}",
      "ci.yml:1:41: `$[[ inputs.A ]]`: only `matrix.NAME` can stand here" },
    { "k: {script: a}\nj: {script: a, needs: [k, k]}", "ci.yml:2:27: `j` has the following needs duplicated: k" },
    { "stages: [x, y]\nj: {stage: x, script: a, needs: [k]}\nk: {stage: y, script: a}",
      "ci.yml:2:34: job `j`: need `k` is not defined in current or prior stages" },
    { "j: {script: a, parallel: 0}", "ci.yml:1:26: `parallel` is a number from 1 to 200, or a map with `matrix`" },
    { "j: {script: a, parallel: 201}", "ci.yml:1:26: `parallel` is a number from 1 to 200" },
    { "j: {script: a, parallel: {matrix: []}}", "ci.yml:1:35: `matrix` is a list here" },
    { "j: {script: a, parallel: {matrix: [{A: []}]}}", "ci.yml:1:40: `A` in `matrix` has no values" },
    { "j: {script: a, retry: 3}", "ci.yml:1:23: `retry` is 0, 1 or 2, or a map with such a `max`" },
    { "j: {script: a, retry: {max: 1, when: script_failur}}", "ci.yml:1:38: `retry` has no `when: script_failur`; did you mean `script_failure`?" },
    { "j: {script: a, timeout: soon}", "ci.yml:1:25: `timeout: soon` is no length of time" },
    { "j: {script: a, inherit: {defaults: false}}", "ci.yml:1:26: unknown keyword `defaults` in job `j`; did you mean `default`?" },
    { "j: {script: a, hooks: {post: a}}", "ci.yml:1:24: unknown keyword `post` in job `j`" },
    { "j: {script: a, only: main}", "ci.yml:1:22: `only` is text here; it must be a list of branches and tags" },
    { "j: {script: a, only: [[main]]}", "ci.yml:1:23: `only` is a list here" },
    { "j: {script: a, except: [null]}", "ci.yml:1:25: `except` is nothing here; it must be a name or a /regular expression/" },
    { "j: {script: a, only: {refs: main}}", "ci.yml:1:29: `only` is text here" },
    { "j: {script: a, only: {branches: [x]}}", "ci.yml:1:23: unknown keyword `branches` in job `j`" },
    { "j: {script: a, only: {variables: [$X &&]}}", "ci.yml:1:35: the condition `$X &&`: at character 6: " },
    { "j: {script: a, only: [/(/]}", "ci.yml:1:23: the regular expression `/(/` in `only`: " },
    { "j: {script: a, except: ['/(?!x)/']}", "ci.yml:1:25: the regular expression `/(?!x)/` in `except`: `(?!` is not supported in it" },
    { "j: {script: a, type: nope}", "ci.yml:1:22: job `j`: there is no stage `nope`" },
    { "services: x\nj: {script: a}", "ci.yml:1:11: `services` is text here; it must be a list of images" },
    { "services: [null]\nj: {script: a}", "ci.yml:1:12: a service is nothing here" },
    { "services: [{alias: x}]\nj: {script: a}", "ci.yml:1:12: `services` has no `name`" },
    { "services: [{name: x, aliass: x}]\nj: {script: a}", "ci.yml:1:22: unknown keyword `aliass`; did you mean `alias`?" },
    { "services: [{name: x, variables: {A: [b]}}]\nj: {script: a}", "ci.yml:1:37: `A` is a list here" },
    { "services: [{name: x, pull_policy: sometimes}]\nj: {script: a}", "ci.yml:1:35: `pull_policy` is `sometimes`" },
    { "j: {script: a, image: {name: x, docker: y}}", "ci.yml:1:41: `docker` is text here; it must be a map" },
    { "j: {script: a, image: {name: x, docker: {usr: y}}}", "ci.yml:1:42: unknown keyword `usr` in job `j`; did you mean `user`?" },
    { "j: {script: a, stage: nope}",
      "ci.yml:1:23: job `j`: there is no stage `nope`; the stages are .pre, build, test, deploy, .post" },
    { "stages: [x]\nj: {script: a}", "ci.yml:2:1: job `j` says no `stage`" },
    { "stages: x\nj: {script: a}", "ci.yml:1:9: `stages` is text; it must be a list of names" },
    { "stages: [[1]]\nj: {script: a}", "ci.yml:1:11: `stages` is a number here; it must be a list of names" },
    { "j: {script: a, when: never}", "ci.yml:1:22: `when: never` is only for rules" },
    { "j: {script: a, when: delayed}", "ci.yml:1:22: `when: delayed` wants a `start_in`" },
    { "j: {script: a, when: sometimes}", "ci.yml:1:22: `when: sometimes` is none of " },
    { "j: {script: a, allow_failure: maybe}", "ci.yml:1:31: `allow_failure` is true, false" },
    { "j: {script: a, allow_failure: {exit_codes: [x]}}", "ci.yml:1:45: an exit code is a number" },
    { "j: {script: a, allow_failure: {exit_codes: 256}}", "ci.yml:1:44: an exit code is a number" },
    { "j: {script: [a: b]}", "ci.yml:1:14: `script` has a map here: a command with `: ` in it must be quoted" },
    { "j: {script: [!reference [x, script]]}", "ci.yml:1:14: `!reference [x, script]` could not be found" },
    { "j: {script: [null]}", "ci.yml:1:14: `script` is nothing here" },
    { "j: {script: [[[[[[[[[[[a]]]]]]]]]]]}", "ci.yml:1:23: `script` has lists more than 10 deep" },
    { "j: {script: a, image: [x]}", "ci.yml:1:23: `image` is a list here" },
    { "j: {script: a, image: {entrypoint: [x]}}", "ci.yml:1:23: `image` has no `name`" },
    { "j: {script: a, image: {name: x, user: y}}", "ci.yml:1:33: unknown keyword `user` in job `j`" },
    { "j: {script: a, image: ''}", "ci.yml:1:23: `image` is empty" },
    { "variables: {A: 2024-01-31}\nj: {script: a}", "ci.yml:1:16: variable `A` is a date" },
    { "j: {script: a, variables: {A: {value: x, options: [x]}}}", "ci.yml:1:42: unknown keyword `options` in job `j`" },
    { "variables: {A: [x]}\nj: {script: a}", "ci.yml:1:16: `A` is a list here" },
    { "variables: {A-B: x}\nj: {script: a}", "ci.yml:1:13: variable `A-B`: a name has only letters" },
    { "variables: {A: {value: x, expnad: no}}\nj: {script: a}", "ci.yml:1:27: unknown keyword `expnad`; did you mean `expand`?" },
    { "variables: {A: {value: x, expand: 7}}\nj: {script: a}", "ci.yml:1:35: `expand` of variable `A` must be" },
    { "variables: [x]\nj: {script: a}", "ci.yml:1:12: `variables` is a list here" },
    { "j: {script: a, environment: {url: u}}", "ci.yml:1:29: `environment` has no `name`" },
    { "default: [x]\nj: {script: a}", "ci.yml:1:10: `default` is a list" },
    { "j: {script: a, cache: x}", "ci.yml:1:23: `cache` is text here; it must be a map, or a list of maps" },
    { "j: {script: a, cache: [{}, {}, {}, {}, {}]}", "ci.yml:1:23: 5 caches; a job can have 4" },
    { "j: {script: a, cache: {path: [x]}}", "ci.yml:1:24: unknown keyword `path` in job `j`; did you mean `paths`?" },
    { "j: {script: a, cache: {key: a/b}}", "ci.yml:1:29: `key` is `a/b`; it cannot have a /" },
    { "j: {script: a, cache: {key: a%2Fb}}", "ci.yml:1:29: `key` is `a%2Fb`; it cannot have a /" },
    { "j: {script: a, cache: {key: ..}}", "ci.yml:1:29: `key` is `..`; it cannot be made of dots alone" },
    { "j: {script: a, cache: {fallback_keys: [a, b/c]}}", "ci.yml:1:39: `fallback_keys` is `b/c`" },
    { "j: {script: a, cache: {key: {prefix: x}}}", "ci.yml:1:29: `key` is a map here; it must have `files`" },
    { "j: {script: a, cache: {key: {files: []}}}", "ci.yml:1:37: `files` has 0 names; it must have one or two" },
    { "j: {script: a, cache: {key: {files: [a, b, c]}}}", "ci.yml:1:37: `files` has 3 names" },
    { "j: {script: a, cache: {key: {files: [a], files_commits: [a]}}}", "ci.yml:1:29: `key` is a map here" },
    { "j: {script: a, cache: {policy: pul}}", "ci.yml:1:32: `policy` is `pul`; it can be pull, push and pull-push" },
    { "j: {script: a, cache: {when: manual}}", "ci.yml:1:30: `when: manual` is none of on_success, on_failure and always" },
    { "j: {script: a, cache: {untracked: often}}", "ci.yml:1:35: `untracked` is text here; it must be true or false" },
    { "j: {script: a, artifacts: [x]}", "ci.yml:1:27: `artifacts` is a list here" },
    { "j: {script: a, artifacts: {pathes: [x]}}", "ci.yml:1:28: unknown keyword `pathes` in job `j`; did you mean `paths`?" },
    { "j: {script: a, artifacts: {reports: {junti: x}}}", "ci.yml:1:38: unknown report `junti`; did you mean `junit`?" },
    { "j: {script: a, artifacts: {reports: {coverage_report: x}}}", "ci.yml:1:55: `coverage_report` is text here" },
    { "j: {script: a, artifacts: {reports: {coverage_report: {path: x}}}}", "ci.yml:1:55: `coverage_report` wants a" },
    { "j: {script: a, dependencies: k}", "ci.yml:1:30: `dependencies` is text here; it must be a list of jobs" },
    { "j: {script: a, dependencies: [k]}", "ci.yml:1:30: `dependencies` of job `j` names `k`, and there is no such job" },
    { "k: {script: a}\nl: {script: a}\nj: {script: a, needs: [l], dependencies: [l, k]}",
      "ci.yml:3:42: `dependencies` of job `j` names `k`, which is not part of its `needs`" },
    { "k: {stage: deploy, script: a}\nj: {script: a, dependencies: [k]}",
      "ci.yml:2:30: `dependencies` of job `j` names `k`, which is in no earlier stage" },
};

static void test_bad_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        auto_ci_file f = CI_FILE_INIT;
        auto_err e = ERR_INIT;
        if (parse(bad[i].text, &f, &e) == 0)
            fail_msg("%s: taken", bad[i].text);
        assert_int_equal(e.kind, ERR_JOB);
        if (strncmp(err_text(&e), bad[i].message, strlen(bad[i].message)) != 0)
            fail_msg("%s: %s", bad[i].text, err_text(&e));
        assert_null(f.jobs);
    }
}

static const struct {
    const char *text, *warning; /* the only one */
} warned[] = {
    { "default: {tags: [x]}\nj: {script: a}", "ci.yml:1:11: keyword `tags` has no effect here: every job runs on this machine" },
    { "j: {script: a, artifacts: {expire_in: 1 day}}",
      "ci.yml:1:28: keyword `expire_in` in job `j` has no effect here: artifacts stay until the project's next pipeline" },
    { "j: {script: a, needs: [{project: a/b, job: k, ref: main, artifacts: true}]}", "ci.yml:1:25: keyword `project` in job `j` has no effect here" },
    { "j: {script: a, only: {kubernetes: active}}",
      "ci.yml:1:23: keyword `kubernetes` in job `j` has no effect here: whether there is a cluster decides nothing here" },
    { "default: {id_tokens: {T: {aud: x}}}\nj: {script: a}", "ci.yml:1:11: keyword `id_tokens` has no effect here" },
    { "j: {script: a, tags: [x]}\nk: {script: a, tags: [y]}", "ci.yml:1:16: keyword `tags` in job `j` has no effect here" },
    { "variables: {A: }\nj: {script: a}", "ci.yml:1:13: variable `A` has no value, which GitLab refuses: it is empty here" },
    { "k: {script: a}\nj: {script: a, dependencies: [k]}",
      "ci.yml:2:30: `dependencies` of job `j` names `k`, which is in the same stage: nothing is taken from it" },
    { "j: {script: a}\nj: {script: b}", "ci.yml:2:1: the key 'j' is there twice: this one wins over that of line 1" },
    { "j: {script: a, parallel: {matrix: [{A-B: [x, y]}]}}",
      "ci.yml:1:1: `A-B` in `matrix` is no name that a shell's variable can have" },
};

static void test_warnings(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(warned); i++) {
        auto_ci_file f = CI_FILE_INIT;
        auto_err e = ERR_INIT;
        if (parse(warned[i].text, &f, &e) < 0)
            fail_msg("%s: %s", warned[i].text, err_text(&e));
        if (f.warnings.n != 1 || strncmp(f.warnings.items[0], warned[i].warning, strlen(warned[i].warning)) != 0)
            fail_msg("%s: %zu: %s", warned[i].text, f.warnings.n, f.warnings.n ? f.warnings.items[0] : "");
    }
}

/* All that is wrong, in one reading. */
static const struct {
    const char *text, *problems; /* their beginnings' places, a blank between them */
} checked[] = {
    { "j: {script: a, data: x, when: soon, variables: y}\nk: {script: {a: b}}", "1:16 1:48 1:31 2:13" },
    { "j: {extends: .none, script: a}\nk: {extends: j, script: a}\nl: {extends: .nothing}", "1:14 3:14" },
    { "a: {extends: b}\nb: {extends: a}\nc: {script: !reference [.none, script]}", "2:14 3:13" },
    { "j: {script: !reference [.none, script]}\nk: {script: !reference [.none, script]}", "1:13 2:13" },
    { "include: [a.yml, b.yml]\nj: {extends: .x}", "1:11 1:18" },
};

static void test_all_problems(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(checked); i++) {
        auto_ci_file f = CI_FILE_INIT;
        auto_strvec problems = STRVEC_INIT, places = STRVEC_INIT;
        assert_int_equal(ci_file_check("f", checked[i].text, strlen(checked[i].text), NULL, &f, &problems), -1);
        for (size_t k = 0; k < problems.n; k++)
            strvec_give(&places, xstrndup(problems.items[k] + 2, strcspn(problems.items[k] + 2, " ") - 1));
        auto_free char *is = strvec_join(&places, " ");
        auto_free char *texts = strvec_join(&problems, "\n");
        if (strcmp(is, checked[i].problems) != 0)
            fail_msg("%s: %s\n%s", checked[i].text, is, texts);
    }
}

static void test_ten_thousand_jobs(void **state)
{
    auto_strbuf text = STRBUF_TEXT;
    auto_ci_file f = CI_FILE_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    for (int i = 0; i < 10000; i++)
        strbuf_printf(&text, "job%d: {script: a}\n", i);
    assert_int_equal(parse(strbuf_text(&text), &f, &e), 0);
    assert_int_equal(f.n, 10000);
}

/* A job that needs a server is one of the pipeline, but cannot run. */
static void test_barred(void **state)
{
    static const char *const bodies[] = { "script: a, secrets: {}", "script: a, id_tokens: {}", "run: []" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        auto_ci_file f = CI_FILE_INIT;
        auto_err e = ERR_INIT;
        auto_free char *text = xasprintf("j: {%s}", bodies[i]);
        if (parse(text, &f, &e) < 0)
            fail_msg("%s", err_text(&e));
        assert_non_null(strstr(f.jobs[0].barred, "in job `j` is not supported yet: "));
        assert_int_equal(f.warnings.n, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_barred),
        cmocka_unit_test(test_good_files),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_all_problems),
        cmocka_unit_test(test_ten_thousand_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
