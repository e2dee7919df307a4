/* What the jobs of a file are, once it is read. */
#include "stages/pipeline/ci_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, struct ci_file *out, struct err *e)
{
    return ci_file_parse("ci.yml", text, strlen(text), NULL, out, e);
}

/* One of job "j": "key|prefix|files|fallbacks|paths|untracked|policy|when". */
static char *describe_cache(const struct ci_cache *c)
{
    auto_free char *files = strvec_join(&c->key_files, ",");
    auto_free char *fallbacks = strvec_join(&c->fallback_keys, ",");
    auto_free char *paths = strvec_join(&c->paths, ",");

    return xasprintf("%s|%s|%s%s|%s|%s|%s|%s|%s", c->key ? c->key : "", c->key_prefix ? c->key_prefix : "",
                     c->key_by_commits ? "@" : "", files, fallbacks, paths, c->untracked ? "untracked" : "",
                     c->policy ? c->policy : "", ci_when_name(c->when));
}

static const struct {
    const char *text, *want; /* all of the job's caches, a blank between them */
} caches[] = {
    { "j: {script: a}", "" },
    { "cache: {paths: [v]}\nj: {script: a}", "||||v|||on_success" },
    { "default: {cache: {paths: [v]}}\nj: {script: a}", "||||v|||on_success" },
    { "cache: {paths: [v]}\nj: {script: a, cache: []}", "" },
    { "cache: {paths: [v]}\nj: {script: a, cache: null}", "||||v|||on_success" }, /* nothing was said */
    { "j: {script: a, cache: {key: $CI_JOB_NAME, paths: [v], policy: $P, when: always, unprotect: true}}",
      "$CI_JOB_NAME||||v||$P|always" },
    { "j: {script: a, cache: [{key: '1', untracked: true}, {key: {files: [a, b], prefix: p}, paths: [c, d], policy: pull,"
      " fallback_keys: [x, y]}]}", "1|||||untracked||on_success |p|a,b|x,y|c,d||pull|on_success" },
    { "j: {script: a, cache: {key: {files_commits: [a]}, paths: [c], when: on_failure}}", "||@a||c|||on_failure" },
};

static void test_caches(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(caches); i++) {
        auto_ci_file f = CI_FILE_INIT;
        auto_err e = ERR_INIT;
        auto_strvec each = STRVEC_INIT;
        if (parse(caches[i].text, &f, &e) < 0)
            fail_msg("%s: %s", caches[i].text, err_text(&e));
        for (size_t k = 0; k < f.jobs[0].n_caches; k++)
            strvec_give(&each, describe_cache(&f.jobs[0].caches[k]));
        auto_free char *is = strvec_join(&each, " ");
        assert_string_equal(is, caches[i].want);
        assert_int_equal(f.warnings.n, 0);
    }
}

static void test_artifacts(void **state)
{
    static const char text[] =
        "stages: [x, y]\n"
        "default: {artifacts: {paths: [d]}}\n"
        "a: {stage: x, script: a}\n"
        "artifacts: {stage: x, script: a, artifacts: {paths: [p, q], exclude: [r], untracked: true, name: n, when: always,\n"
        "  reports: {junit: j.xml, dotenv: [a.env, b.env], coverage_report: {coverage_format: jacoco, path: c.xml}}}}\n"
        "b: {stage: y, script: a, dependencies: [artifacts, a], artifacts: {}}\n"
        "c: {stage: y, script: a, dependencies: []}\n";
    auto_ci_file f = CI_FILE_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    if (parse(text, &f, &e) < 0)
        fail_msg("%s", err_text(&e));
    assert_int_equal(f.n, 4);
    assert_string_equal(f.jobs[0].artifacts.paths.items[0], "d");
    const struct ci_artifacts *a = &f.jobs[1].artifacts;
    assert_int_equal(a->paths.n, 2);
    assert_string_equal(a->exclude.items[0], "r");
    assert_true(a->untracked);
    assert_string_equal(a->name, "n");
    assert_int_equal(a->when, WHEN_ALWAYS);
    assert_int_equal(a->n_reports, 3);
    assert_string_equal(a->reports[0].kind->file, "junit.xml");
    assert_int_equal(a->reports[1].paths.n, 2);
    assert_string_equal(a->reports[2].kind->name, "jacoco");
    assert_string_equal(a->reports[2].paths.items[0], "c.xml");
    assert_int_equal(f.jobs[2].dependencies.n, 2);
    assert_int_equal(f.jobs[2].artifacts.paths.n, 0);
    assert_true(f.jobs[3].has_dependencies);
    assert_int_equal(f.jobs[3].dependencies.n, 0);
}

static void test_what_has_no_effect_in_only_and_type(void **state)
{
    auto_ci_file f = CI_FILE_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    assert_int_equal(parse("j: {script: a, type: nope, stage: test, only: {refs: [web], changes: [x]}}", &f, &e), 0);
    assert_string_equal(f.stages.items[f.jobs[0].stage], "test");
    assert_int_equal(f.warnings.n, 2);
    assert_string_equal(f.warnings.items[0], "ci.yml:1:16: keyword `type` in job `j` has no effect here: it is an old name "
                                             "of `stage`, and `stage` is there");
    assert_string_equal(f.warnings.items[1],
                        "ci.yml:1:47: `web` in `only` of job `j` lets in pipelines that --event web makes");
}

/* "name|alias|entrypoint|command|pull policy|platform|user|variables" of each, in lines. */
static char *describe_services(const struct ci_job *j)
{
    auto_strvec lines = STRVEC_INIT;

    for (size_t i = 0; i < j->n_services; i++) {
        const struct ci_service *s = &j->services[i];
        auto_free char *entrypoint = strvec_join(&s->image.entrypoint, ",");
        auto_free char *command = strvec_join(&s->command, ",");
        auto_free char *policy = strvec_join(&s->image.pull_policy, ",");
        strvec_pushf(&lines, "%s|%s|%s%s|%s|%s|%s|%s|%zu", s->image.name, s->alias ? s->alias : "",
                     s->image.has_entrypoint ? "=" : "", entrypoint, command, policy,
                     s->image.platform ? s->image.platform : "", s->image.user ? s->image.user : "", s->variables.n);
    }
    return strvec_join(&lines, "\n");
}

static const struct {
    const char *text, *want;
} services[] = {
    { "j: {script: a}", "" },
    { "services: [a, 'b:1']\nj: {script: a}", "a|||||||0\nb:1|||||||0" },
    { "default: {services: [d]}\nj: {script: a}", "d|||||||0" },
    { "services: [g]\nj: {script: a, services: [own]}", "own|||||||0" },
    { "services: [g]\nj: {script: a, services: []}", "" },
    { "j: {script: a, services: [{name: i, alias: x, entrypoint: [''], command: [c, d], pull_policy: never}]}",
      "i|x|=|c,d|never|||0" },
    { "j: {script: a, services: [{name: i, alias: 'x y', pull_policy: [always, if-not-present], variables: {A: b, C: d},\n"
      "  docker: {platform: p/q, user: '7'}}]}", "i|x y|||always,if-not-present|p/q|7|2" },
};

static void test_services(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
        auto_ci_file f = CI_FILE_INIT;
        auto_err e = ERR_INIT;
        if (parse(services[i].text, &f, &e) < 0)
            fail_msg("%s: %s", services[i].text, err_text(&e));
        auto_free char *is = describe_services(&f.jobs[0]);
        assert_string_equal(is, services[i].want);
    }
}

/* Which of branch main, branch fix and tag v1 the job is for. */
static const struct {
    const char *text, *want;
} refs[] = {
    { "j: {script: a}", "main fix v1" },
    { "j: {script: a, only: [main]}", "main" },
    { "j: {script: a, only: []}", "" },
    { "j: {script: a, only: [branches]}", "main fix" },
    { "j: {script: a, only: [tags, fix]}", "fix v1" },
    { "j: {script: a, except: [tags]}", "main fix" },
    { "j: {script: a, only: [branches], except: [main]}", "fix" },
    { "j: {script: a, only: {refs: [/^v/]}}", "v1" },
    { "j: {script: a, only: {changes: [x]}}", "main fix v1" },
    { "j: {script: a, only: [web]}", "" },
    { "j: {script: a, except: [web, pushes]}", "" },
    { "j: {script: a, only: ['main@group/project', 'fix@other/project']}", "main" },
};

static void test_refs(void **state)
{
    static const struct ref_facts all[] = {
        { "main", false, "group/project", NULL }, { "fix", false, "group/project", NULL }, { "v1", true, "group/project", NULL }
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refs); i++) {
        auto_ci_file f = CI_FILE_INIT;
        auto_err e = ERR_INIT;
        auto_strvec in = STRVEC_INIT;
        if (parse(refs[i].text, &f, &e) < 0)
            fail_msg("%s: %s", refs[i].text, err_text(&e));
        for (size_t k = 0; k < ARRAY_SIZE(all); k++)
            if (ci_job_is_for(&f.jobs[0], &all[k]))
                strvec_push(&in, all[k].name);
        auto_free char *is = strvec_join(&in, " ");
        if (strcmp(is, refs[i].want) != 0)
            fail_msg("%s: %s", refs[i].text, is);
    }
}

static void test_variables(void **state)
{
    static const char text[] = "variables:\n  A: x\n  B: 1\n  C: {value: '$A', description: d, expand: false}\n"
                               "  D: {description: d}\n  E: 'true'\nj: {script: a, variables: {A: y}}\n";
    auto_ci_file f = CI_FILE_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    assert_int_equal(parse(text, &f, &e), 0);
    assert_int_equal(f.variables.n, 5);
    assert_string_equal(variables_value(&f.variables, "B"), "1");
    assert_int_equal(variables_find(&f.variables, "B")->flags, VARIABLE_PUBLIC);
    assert_int_equal(variables_find(&f.variables, "C")->flags, VARIABLE_PUBLIC | VARIABLE_RAW);
    assert_string_equal(variables_value(&f.variables, "D"), "");
    assert_string_equal(variables_value(&f.variables, "E"), "true");
    assert_string_equal(variables_value(&f.jobs[0].variables, "A"), "y");
}

static void test_environment_and_exit_codes(void **state)
{
    static const char text[] = "a: {script: x, environment: prod, allow_failure: {exit_codes: 3}}\n"
                               "b: {script: x, environment: {name: n, url: u, action: stop, deployment_tier: other},\n"
                               "    allow_failure: {exit_codes: [1, 2]}}\n";
    auto_ci_file f = CI_FILE_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    assert_int_equal(parse(text, &f, &e), 0);
    assert_string_equal(f.jobs[0].environment.name, "prod");
    assert_int_equal(f.jobs[0].n_allowed_codes, 1);
    assert_int_equal(f.jobs[0].allowed_codes[0], 3);
    assert_string_equal(f.jobs[1].environment.url, "u");
    assert_string_equal(f.jobs[1].environment.action, "stop");
    assert_string_equal(f.jobs[1].environment.tier, "other");
    assert_int_equal(f.jobs[1].n_allowed_codes, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caches),
        cmocka_unit_test(test_artifacts),
        cmocka_unit_test(test_what_has_no_effect_in_only_and_type),
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_refs),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_environment_and_exit_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
