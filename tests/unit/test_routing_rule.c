/* What `traefik.frontend.rule` becomes: a row for each matcher and modifier of Traefik 1, and for each of its oddities. */
#include "stages/deploy/routing_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *v1, *v2, *v3; /* v3: NULL when it is the same */
} matchers[] = {
    { "Host:a.io", "Host(`a.io`)", NULL },
    { "Host: A.io", "Host(`a.io`)", NULL },
    { "Host:a.io,b.io", "Host(`a.io`,`b.io`)", "(Host(`a.io`) || Host(`b.io`))" },
    { "HostRegexp:a.io,{sub:[a-z]+}.a.io", "HostRegexp(`a.io`,`{sub:[a-z]+}.a.io`)",
      "(Host(`a.io`) || HostRegexp(`^[a-z]+\\.a\\.io$`))" },
    { "HostRegexp:{sub}.a.io", "HostRegexp(`{sub}.a.io`)", "HostRegexp(`^[^.]+\\.a\\.io$`)" },
    { "HostRegexp:{s:www|api}.a.io", "HostRegexp(`{s:www|api}.a.io`)", "HostRegexp(`^(?:www|api)\\.a\\.io$`)" },
    { "Path:/x,/y", "Path(`/x`,`/y`)", "(Path(`/x`) || Path(`/y`))" },
    { "Path:/a/{c}/{id:[0-9]+}", "Path(`/a/{c}/{id:[0-9]+}`)", "PathRegexp(`^/a/[^/]+/[0-9]+$`)" },
    { "Path:/a/{id:[0-9]{3}}.x", "Path(`/a/{id:[0-9]{3}}.x`)", "PathRegexp(`^/a/[0-9]{3}\\.x$`)" },
    { "PathPrefix:/p", "PathPrefix(`/p`)", NULL },
    { "PathPrefix:/a/{c}", "PathPrefix(`/a/{c}`)", "PathRegexp(`^/a/[^/]+`)" },
    { "PathStrip:/x", "Path(`/x`)", NULL },
    { "PathStripRegex:/a/{id:[0-9]+}", "Path(`/a/{id:[0-9]+}`)", "PathRegexp(`^/a/[0-9]+$`)" },
    { "PathPrefixStrip:/p,/q", "PathPrefix(`/p`,`/q`)", "(PathPrefix(`/p`) || PathPrefix(`/q`))" },
    { "PathPrefixStripRegex:/a/{c}", "PathPrefix(`/a/{c}`)", "PathRegexp(`^/a/[^/]+`)" },
    { "Headers:K,V,K2,V2", "Headers(`K`,`V`) && Headers(`K2`,`V2`)", "Header(`K`,`V`) && Header(`K2`,`V2`)" },
    { "HeadersRegexp:K,a.*", "HeadersRegexp(`K`,`a.*`)", "HeaderRegexp(`K`,`a.*`)" },
    { "Method:GET,post", "Method(`GET`,`POST`)", "(Method(`GET`) || Method(`POST`))" },
    { "Query:foo=bar,b=c", "Query(`foo=bar`,`b=c`)", "Query(`foo`,`bar`) && Query(`b`,`c`)" },
    { "Query:a=b=c=d", "Query(`a=b`,`c=d`)", "Query(`a`,`b`) && Query(`c`,`d`)" },
    { "Query:id={n:[0-9]+}", "Query(`id={n:[0-9]+}`)", "QueryRegexp(`id`,`^[0-9]+$`)" },
    { "AddPrefix:/x", "PathPrefix(`/`)", NULL },
    { "ReplacePath:/x", "PathPrefix(`/`)", NULL },
    { "ReplacePathRegex:^/api/(.*) /$1", "PathPrefix(`/`)", NULL },
    /* parts */
    { "Host:a.io;PathPrefix:/ws/", "Host(`a.io`) && PathPrefix(`/ws/`)", NULL },
    { ";;Host:a.io;;PathPrefix:/ws/;", "Host(`a.io`) && PathPrefix(`/ws/`)", NULL },
    { "Host:a.io,b.io;Path:/x,/y", "Host(`a.io`,`b.io`) && Path(`/x`,`/y`)",
      "(Host(`a.io`) || Host(`b.io`)) && (Path(`/x`) || Path(`/y`))" },
    { " Host : a.io , b.io ; PathPrefix:/x ", "Host(`a.io`,`b.io`) && PathPrefix(`/x`)",
      "(Host(`a.io`) || Host(`b.io`)) && PathPrefix(`/x`)" },
    { "Host:a.io;AddPrefix:/x", "Host(`a.io`)", NULL },
    { "Host:,a.io,,", "Host(`a.io`)", NULL },
    /* a colon in a value stays, empty fields between colons do not */
    { "Headers:K,a:b", "Headers(`K`,`a:b`)", "Header(`K`,`a:b`)" },
    { "Headers:K,a::b:", "Headers(`K`,`a:b`)", "Header(`K`,`a:b`)" },
    { "::Host::a.io", "Host(`a.io`)", NULL },
};

static void test_matchers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(matchers); i++)
        for (int to = ROUTING_TRAEFIK2; to <= ROUTING_TRAEFIK3; to++) {
            auto_routing_rule r = ROUTING_RULE_INIT;
            auto_err e = ERR_INIT;
            const char *want = to == ROUTING_TRAEFIK3 && matchers[i].v3 ? matchers[i].v3 : matchers[i].v2;
            if (routing_rule_read(matchers[i].v1, (enum routing)to, &r, &e) < 0)
                fail_msg("%s: %s", matchers[i].v1, err_text(&e));
            if (strcmp(r.text, want) != 0)
                fail_msg("%s: %s, not %s", matchers[i].v1, r.text, want);
        }
}

static const struct {
    const char *v1, *strip, *strip_regex, *add_prefix, *replace_path, *replace_regex, *replacement; /* NULL: none */
} modifiers[] = {
    { "Host:a.io" },
    { "PathStrip:/x", .strip = "/x" },
    { "PathPrefixStrip:/p,/pq,/long", .strip = "/long /pq /p" },
    { "PathStrip:/x;PathPrefixStrip:/p", .strip = "/p" },
    { "PathPrefixStrip:/p;PathStrip:/x", .strip = "/x" },
    { "PathStripRegex:/a/{id:[0-9]+}", .strip_regex = "/a/[0-9]+" },
    { "PathPrefixStripRegex:/a/{c}", .strip_regex = "/a/[^/]+" },
    { "PathPrefixStripRegex:/{c},/v1.0/{c}", .strip_regex = "/v1\\.0/[^/]+ /[^/]+" },
    { "PathPrefixStrip:/p;PathPrefixStripRegex:/{c}", .strip = "/p", .strip_regex = "/[^/]+" },
    { "AddPrefix:/x,/y", .add_prefix = "/y" },
    { "AddPrefix:/x;AddPrefix:/z", .add_prefix = "/z" },
    { "ReplacePath:/x,/y", .replace_path = "/y" },
    { "ReplacePathRegex:^/api/(.*) /$1", .replace_regex = "^/api/(.*)", .replacement = "/$1" },
};

static void assert_text(const char *rule, const char *what, const char *got, const char *want)
{
    if (strcmp(got ? got : "", want ? want : "") != 0)
        fail_msg("%s: %s is %s, not %s", rule, what, got ? got : "nothing", want ? want : "nothing");
}

static void test_modifiers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(modifiers); i++) {
        auto_routing_rule r = ROUTING_RULE_INIT;
        auto_err e = ERR_INIT;
        if (routing_rule_read(modifiers[i].v1, ROUTING_TRAEFIK3, &r, &e) < 0)
            fail_msg("%s: %s", modifiers[i].v1, err_text(&e));
        auto_free char *strip = strvec_join(&r.strip, " ");
        auto_free char *regex = strvec_join(&r.strip_regex, " ");
        assert_text(modifiers[i].v1, "strip", strip, modifiers[i].strip);
        assert_text(modifiers[i].v1, "strip_regex", regex, modifiers[i].strip_regex);
        assert_text(modifiers[i].v1, "add_prefix", r.add_prefix, modifiers[i].add_prefix);
        assert_text(modifiers[i].v1, "replace_path", r.replace_path, modifiers[i].replace_path);
        assert_text(modifiers[i].v1, "replace_regex", r.replace_regex, modifiers[i].replace_regex);
        assert_text(modifiers[i].v1, "replacement", r.replacement, modifiers[i].replacement);
    }
}

static const struct {
    const char *v1, *message;
} refused[] = {
    { "", "it is empty" },
    { ";;", "it is empty" },
    { "Host:a.io; ", "`` is no matcher of Traefik 1" },
    { "host:a.io", "`host` is no matcher of Traefik 1; did you mean `Host`?" },
    { "PathPrefx:/a", "`PathPrefx` is no matcher of Traefik 1; did you mean `PathPrefix`?" },
    { "a.io", "`a.io` is no matcher of Traefik 1" },
    { "Host", "Host: it has no value" },
    { "Host:", "Host: it has no value" },
    { "Host:,", "Host: it has no value" },
    { "Host: ,a.io", "Host: a value is empty" },
    { "Host:caf\xc3\xa9.io", "Host: `caf\xc3\xa9.io` is not ASCII; write the host's name as it is asked for (xn--\xe2\x80\xa6)" },
    { "HostRegexp:caf\xc3\xa9.{x}", "HostRegexp: `caf\xc3\xa9.{x}` is not ASCII; write the host's name as it is asked for (xn--\xe2\x80\xa6)" },
    { "Headers:K", "Headers: it takes pairs: name,value" },
    { "Query:a", "Query: it takes pairs: name=value" },
    { "Host:a`b", "back-ticks and control characters cannot be in it" },
    { "Path:/{a", "Path: `/{a`: a { without its }, or with nothing between" },
    { "Path:/{}", "Path: `/{}`: a { without its }, or with nothing between" },
    { "Path:/a}", "Path: `/a}`: a } without its {" },
    { "PathPrefixStrip:/{c}", "PathPrefixStrip: `/{c}` is a template: write PathPrefixStripRegex" },
    { "ReplacePathRegex:^/a", "ReplacePathRegex: it takes an expression, one space and what to put there" },
    { "ReplacePathRegex:^/a b c", "ReplacePathRegex: it takes an expression, one space and what to put there" },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        auto_routing_rule r = ROUTING_RULE_INIT;
        auto_err e = ERR_INIT;
        if (routing_rule_read(refused[i].v1, ROUTING_TRAEFIK3, &r, &e) == 0)
            fail_msg("%s: taken", refused[i].v1);
        assert_string_equal(err_text(&e), refused[i].message);
        assert_int_equal(e.kind, ERR_JOB);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matchers),
        cmocka_unit_test(test_modifiers),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
