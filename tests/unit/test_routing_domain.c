/* Whom a target's owner lets route what. */
#include "stages/deploy/routing_domain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#define OTHER "the host name 'b.io' is not for this project; this target routes a.io, *.a.io to a project, and nothing else"
#define ALL   "the rule takes requests to any host"
#define WHAT  "the rule cannot be read"

static const struct {
    const char *rule;
    const char *want; /* NULL: it is allowed */
} rules[] = {
    { "Host(`a.io`)", NULL },
    { " host( `A.io` , `x.a.io` ) ", NULL },
    { "HOST(\"x.a.io\")&&PathPrefix(`/`)", NULL },
    { "PathPrefix(`/`) && (Method(`GET`) || Path(`/)`)) && Host(`a.io`)", NULL },
    { "Host(`a.io`) && !Host(`x.a.io`)", NULL },
    { "(Host(`a.io`) && Path(`/`)) || (Host(`x.a.io`))", NULL },
    { "Host(`a.io`) || Path(`/`) && Host(`x.a.io`)", NULL },
    { "Host(`b.io`)", OTHER },
    { "Host(`a.io`,`b.io`)", OTHER },
    { "Host(`a.io`) || Host(`b.io`)", OTHER },
    { "Host(`a.io`) && Host(`b.io`)", OTHER },
    { "Host(`xa.io`)", "the host name 'xa.io'" },
    { "Host(``)", "the host name ''" },
    { "PathPrefix(`/`)", ALL },
    { "Host(`a.io`) || PathPrefix(`/`)", ALL },
    { "PathPrefix(`/`) || Host(`a.io`)", ALL },
    { "Host(`a.io`) && Path(`/`) || Path(`/x`)", ALL },
    { "!Host(`a.io`)", ALL },
    { "!(Host(`a.io`))", ALL },
    { "HostRegexp(`a.io`)", ALL },
    { "HostSNI(`a.io`)", ALL },
    { "HostHeader(`a.io`)", ALL },
    { "Path(`Host(`)", ALL },
    { "Host()", ALL },
    { "", WHAT },
    { "Host", WHAT },
    { "Host(`a.io`", WHAT },
    { "Host(`a.io", WHAT },
    { "Host(`a.io` `a.io`)", WHAT },
    { "Host(\"a.io\\\\\")", WHAT },
    { "Host(a.io)", WHAT },
    { "Host(`a.io`) Host(`b.io`)", WHAT },
    { "Host(`a.io`) &", WHAT },
    { "Host(`a.io`) | Path(`/`)", WHAT },
    { "(Host(`a.io`)", WHAT },
};

static void test_rules(void **state)
{
    auto_strvec domains = STRVEC_INIT;

    (void)state;
    strvec_push(&domains, "a.io");
    strvec_push(&domains, "*.A.io");
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        auto_err e = ERR_INIT;
        const char *want = rules[i].want;
        int rc = routing_domains_check_rule(rules[i].rule, &domains, &e);
        if (rc != (want ? -1 : 0) || (want && strncasecmp(err_text(&e), want, strlen(want)) != 0))
            fail_msg("%s: %s", rules[i].rule, err_text(&e));
        if (want)
            assert_int_equal(e.kind, ERR_JOB);
    }
}

static void test_depth_has_an_end(void **state)
{
    auto_strvec domains = STRVEC_INIT;
    auto_err e = ERR_INIT;
    char deep[4001];

    (void)state;
    memset(deep, '(', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    assert_int_equal(routing_domains_check_rule(deep, &domains, &e), -1);
    memset(deep, '!', sizeof(deep) - 1);
    err_release(&e);
    assert_int_equal(routing_domains_check_rule(deep, &domains, &e), -1);
}

static const struct {
    const char *labels[4];
    const char *want;
} labels[] = {
    { { "traefik.frontend.rule=Host:a.io,x.a.io;PathPrefix:/x" }, NULL },
    { { "traefik.frontend.rule=Host:a.io,b.io" }, "traefik.frontend.rule: the host name 'b.io'" },
    { { "traefik.frontend.rule=PathPrefix:/" }, "traefik.frontend.rule: " ALL },
    { { "traefik.frontend.rule=HostRegexp:{x:.*}.a.io" }, "traefik.frontend.rule: " ALL },
    { { "traefik.one.frontend.rule=Host:a.io", "traefik.two.frontend.rule=Host:b.io" }, "traefik.two.frontend.rule: the host name 'b.io'" },
    { { "traefik.http.routers.r.rule=Host(`a.io`)", "traefik.http.routers.q.rule=Host(`b.io`)" },
      "traefik.http.routers.q.rule: the host name 'b.io'" },
    { { "Traefik.HTTP.Routers.r.Rule=Path(`/`)" }, "Traefik.HTTP.Routers.r.Rule: " ALL },
    { { "traefik.http.routers.r.rule=Host(`a.io`)", "traefik.http.routers.r.tls.domains[0].sans=x.a.io, b.io" },
      "traefik.http.routers.r.tls.domains[0].sans: the host name 'b.io'" },
    { { "traefik.http.routers.r.rule=Host(`a.io`)", "traefik.http.routers.r.tls.domains[0].main=*.a.io" }, NULL },
};

static void test_labels(void **state)
{
    struct target target = { .routing = ROUTING_TRAEFIK3 };

    (void)state;
    strvec_push(&target.domains, "a.io");
    strvec_push(&target.domains, "*.a.io");
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        auto_strvec list = STRVEC_INIT;
        auto_err e = ERR_INIT;
        const struct routing_from from = { .labels = &list, .name = "s", .unit = "u", .to = target.routing, .target = &target };
        for (size_t k = 0; k < ARRAY_SIZE(labels[i].labels) && labels[i].labels[k]; k++)
            strvec_push(&list, labels[i].labels[k]);
        int rc = routing_domains_check(&from, &e);
        if (rc != (labels[i].want ? -1 : 0) || (rc < 0 && strncmp(err_text(&e), labels[i].want, strlen(labels[i].want)) != 0))
            fail_msg("%s: %s", labels[i].labels[0], err_text(&e));
    }
    strvec_release(&target.domains);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rules), cmocka_unit_test(test_depth_has_an_end),
                                        cmocka_unit_test(test_labels) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
