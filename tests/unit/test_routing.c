/* All labels of a container, as the target's proxy gets them. */
#include "stages/deploy/routing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define R "traefik.http.routers."
#define S "traefik.http.services."
#define M "traefik.http.middlewares."
#define ON "traefik.enable=true\n"

struct row {
    enum routing to;
    int64_t generation;
    const char *entrypoints, *certresolver, *network; /* of the target; NULL: none */
    const char *labels;                               /* with a line break between them */
    const char *want;                                 /* NULL: an error */
    const char *message;
};

static const struct row rows[] = {
    /* Routage: "vous pouvez combiner ces clés dans votre docker-compose.yml en les séparant par un ;" */
    { ROUTING_TRAEFIK2, 0, .labels = "traefik.enable=true\ntraefik.frontend.rule=Host:a.io;PathPrefix:/ws/", .want =
      ON R "web.rule=Host(`a.io`) && PathPrefix(`/ws/`)\n" R "web.priority=25\n" R "web.service=web\n"
      S "web.loadbalancer.passhostheader=true\n" },
    { ROUTING_TRAEFIK1, 0, .labels = "traefik.frontend.rule=Host:a.io;PathPrefix:/ws/\ntraefik.frontend.priority=2", .want =
      ON "traefik.frontend.rule=Host:a.io;PathPrefix:/ws/\ntraefik.frontend.priority=2\n" },
    /* a release's names and priority */
    { ROUTING_TRAEFIK1, 7, .labels = "traefik.frontend.rule=Host:a.io\ntraefik.port=80\nx=y", .want =
      ON "traefik.frontend.rule=Host:a.io\ntraefik.port=80\ntraefik.backend=web_7\ntraefik.frontend.priority=9000007\nx=y\n" },
    { ROUTING_TRAEFIK1, 7, .labels = "traefik.frontend.rule=Host:a.io\ntraefik.backend=pool\ntraefik.frontend.priority=2", .want =
      ON "traefik.frontend.rule=Host:a.io\ntraefik.backend=unit_pool_7\ntraefik.frontend.priority=2000007\n" },
    { ROUTING_TRAEFIK1, 7, .labels = "traefik.frontend.rule=Host:a.io\ntraefik.frontend.priority=0", .want =
      ON "traefik.frontend.rule=Host:a.io\ntraefik.backend=web_7\ntraefik.frontend.priority=9000007\n" },
    { ROUTING_TRAEFIK1, 7, .labels = "traefik.frontend.rule=Host:a.io\ntraefik.frontend.priority=-1", .want =
      ON "traefik.frontend.rule=Host:a.io\ntraefik.backend=web_7\ntraefik.frontend.priority=9000007\n" },
    { ROUTING_TRAEFIK3, 7, .labels = "traefik.frontend.rule=Host:a.io\ntraefik.port=80\ntraefik.backend=pool\n"
                                     "traefik.frontend.auth.basic=a:$x$y", .want =
      ON R "web_7.rule=Host(`a.io`)\n" R "web_7.priority=9000007\n" R "web_7.service=unit_pool_7\n"
      R "web_7.middlewares=web_auth_7\n" M "web_auth_7.basicauth.users=a:$x$y\n"
      S "unit_pool_7.loadbalancer.server.port=80\n" S "unit_pool_7.loadbalancer.passhostheader=true\n" },
    { ROUTING_TRAEFIK2, 1000000, .labels = "traefik.frontend.rule=Host:a.io", .message =
      "release 1000000: routers tell releases below 1000000 apart" },
    { ROUTING_TRAEFIK3, 999999, .labels = "traefik.frontend.rule=Host:a.io\ntraefik.frontend.priority=1000000000000", .want =
      ON R "web_999999.rule=Host(`a.io`)\n" R "web_999999.priority=1000000000000999999\n" R "web_999999.service=web_999999\n"
      S "web_999999.loadbalancer.passhostheader=true\n" },
    /* the order of middlewares, whatever the order of labels */
    { ROUTING_TRAEFIK3, 0, .labels =
      "traefik.frontend.rateLimit.rateSet.b.burst=1\ntraefik.frontend.rateLimit.rateSet.a.burst=1\ntraefik.backend.maxconn.amount=1\n"
      "traefik.backend.buffering.retryExpression=e\ntraefik.backend.circuitbreaker.expression=e\ntraefik.frontend.auth.basic=a:b\n"
      "traefik.frontend.passTLSClientCert.pem=true\ntraefik.frontend.headers.frameDeny=true\ntraefik.frontend.redirect.regex=r\n"
      "traefik.frontend.whiteList.sourceRange=::/0\ntraefik.frontend.errors.e.query=/\ntraefik.frontend.rule="
      "Host:a.io;ReplacePath:/r;ReplacePathRegex:a b;AddPrefix:/a;PathPrefixStrip:/p;PathPrefixStripRegex:/q", .want =
      ON R "web.rule=Host(`a.io`) && PathPrefix(`/p`) && PathPrefix(`/q`)\n" R "web.priority=101\n" R "web.service=web\n"
      R "web.middlewares=web_errors-e,web_allow,web_redirect,web_headers,web_certificate,web_auth,web_stripregex,web_strip,"
      "web_addprefix,web_replaceregex,web_replacepath,web_breaker,web_buffering,web_connections,web_rate-b,web_rate-a\n"
      M "web_rate-b.ratelimit.burst=1\n" M "web_rate-a.ratelimit.burst=1\n" M "web_connections.inflightreq.amount=1\n"
      M "web_buffering.buffering.retryexpression=e\n" M "web_breaker.circuitbreaker.expression=e\n" M "web_auth.basicauth.users=a:b\n"
      M "web_certificate.passtlsclientcert.pem=true\n" M "web_headers.headers.framedeny=true\n" M "web_redirect.redirectregex.regex=r\n"
      M "web_allow.ipallowlist.sourcerange=::/0\n" M "web_errors-e.errors.query=/\n" M "web_stripregex.stripprefixregex.regex=/q\n"
      M "web_strip.stripprefix.prefixes=/p\n" M "web_addprefix.addprefix.prefix=/a\n" M "web_replaceregex.replacepathregex.regex=a\n"
      M "web_replaceregex.replacepathregex.replacement=b\n" M "web_replacepath.replacepath.path=/r\n"
      S "web.loadbalancer.passhostheader=true\n" },
    /* entry points: a router for plain requests, one for TLS; the redirect is for the plain one */
    { ROUTING_TRAEFIK3, 4, "web websecure", "le", "proxy", "traefik.frontend.rule=Host:a.io\ntraefik.docker.network=other\n"
      "traefik.frontend.redirect.entryPoint=https", .want =
      ON "traefik.docker.network=proxy\n" R "web_4.rule=Host(`a.io`)\n" R "web_4.priority=9000004\n" R "web_4.service=web_4\n"
      R "web_4.entrypoints=web\n" R "web_4.middlewares=web_redirect_4\n" R "web_tls_4.rule=Host(`a.io`)\n"
      R "web_tls_4.priority=9000004\n" R "web_tls_4.service=web_4\n" R "web_tls_4.entrypoints=websecure\n" R "web_tls_4.tls=true\n"
      R "web_tls_4.tls.certresolver=le\n" M "web_redirect_4.redirectscheme.scheme=https\n"
      S "web_4.loadbalancer.passhostheader=true\n" },
    { ROUTING_TRAEFIK2, 0, "plain secret:tls", .labels = "traefik.frontend.rule=Host:a.io\ntraefik.frontend.entryPoints=https", .want =
      ON R "web_tls.rule=Host(`a.io`)\n" R "web_tls.priority=9\n" R "web_tls.service=web\n" R "web_tls.entrypoints=secret\n"
      R "web_tls.tls=true\n" S "web.loadbalancer.passhostheader=true\n" },
    { ROUTING_TRAEFIK2, 0, "plain secret:tls", .labels = "traefik.frontend.rule=Host:a.io\ntraefik.frontend.entryPoints=plain", .want =
      ON R "web.rule=Host(`a.io`)\n" R "web.priority=9\n" R "web.service=web\n" R "web.entrypoints=plain\n"
      S "web.loadbalancer.passhostheader=true\n" },
    { ROUTING_TRAEFIK2, 0, "web", .labels = "traefik.frontend.rule=Host:a.io\ntraefik.frontend.entryPoints=http,https", .message =
      "traefik.frontend.entryPoints: the target has no entry point `https`; it has web" },
    { ROUTING_TRAEFIK2, 0, NULL, "le", .labels = "traefik.frontend.rule=Host:a.io", .want =
      ON R "web.rule=Host(`a.io`)\n" R "web.priority=9\n" R "web.service=web\n" R "web_tls.rule=Host(`a.io`)\n" R "web_tls.priority=9\n"
      R "web_tls.service=web\n" R "web_tls.tls=true\n" R "web_tls.tls.certresolver=le\n" S "web.loadbalancer.passhostheader=true\n" },
    /* segments inherit what is said for the container, and it has no router of its own */
    { ROUTING_TRAEFIK2, 2, .labels = "traefik.port=80\ntraefik.frontend.rule=Host:a.io\ntraefik.admin.port=81\n"
      "traefik.admin.frontend.rule=Host:b.io\ntraefik.api.frontend.priority=5\ntraefik.backend.healthcheck.port=82", .want =
      ON R "web_admin_2.rule=Host(`b.io`)\n" R "web_admin_2.priority=9000002\n" R "web_admin_2.service=web_admin_2\n"
      S "web_admin_2.loadbalancer.server.port=81\n" S "web_admin_2.loadbalancer.healthcheck.port=82\n"
      S "web_admin_2.loadbalancer.passhostheader=true\n" R "web_api_2.rule=Host(`a.io`)\n" R "web_api_2.priority=5000002\n"
      R "web_api_2.service=web_api_2\n" S "web_api_2.loadbalancer.server.port=80\n" S "web_api_2.loadbalancer.healthcheck.port=82\n"
      S "web_api_2.loadbalancer.passhostheader=true\n" },
    { ROUTING_TRAEFIK1, 2, .labels = "traefik.frontend.rule=Host:a.io\ntraefik.admin.port=81", .want =
      ON "traefik.admin.port=81\ntraefik.frontend.rule=Host:a.io\ntraefik.admin.backend=web_admin_2\n"
      "traefik.admin.frontend.priority=9000002\n" },
    { ROUTING_TRAEFIK2, 0, .labels = "traefik.admin.port=81", .message = "traefik.admin.frontend.rule is missing; "
      "write it (Host:${CI_ENVIRONMENT_DOMAIN}), or traefik.enable: 'false'" },
    /* pages of errors: its own backend has a name in this release */
    { ROUTING_TRAEFIK2, 3, .labels = "traefik.frontend.rule=Host:a.io\ntraefik.backend=b\ntraefik.frontend.errors.e.backend=b", .want =
      ON R "web_3.rule=Host(`a.io`)\n" R "web_3.priority=9000003\n" R "web_3.service=unit_b_3\n" R "web_3.middlewares=web_errors-e_3\n"
      M "web_errors-e_3.errors.service=unit_b_3\n" S "unit_b_3.loadbalancer.passhostheader=true\n" },
    { ROUTING_TRAEFIK2, 3, .labels = "traefik.frontend.rule=Host:a.io\ntraefik.frontend.errors.e.backend=b", .message =
      "traefik.frontend.errors.e.backend: pages of another service cannot be found across releases; name this one's own traefik.backend" },
    /* labels of Traefik 2 and 3: passed on, what they define renamed wherever it is named */
    { ROUTING_TRAEFIK3, 0, .labels = R "a.rule=Host(`a.io`)\n" R "a.priority=3", .want = ON R "a.rule=Host(`a.io`)\n" R "a.priority=3\n" },
    { ROUTING_TRAEFIK3, 6, .labels =
      R "a.rule=Host(`a.io`)\n" R "a.middlewares=c@docker, auth@file,other\n" R "a.service=s\n" R "b.rule=Host(`b.io`)\n" R "b.priority=3\n"
      R "b.service=elsewhere@file\n" M "c.chain.middlewares=d\n" M "d.errors.service=s\n" M "d.errors.query=s\n" S "s.loadbalancer.server.port=80", .want =
      ON R "unit_a_6.rule=Host(`a.io`)\n" R "unit_a_6.priority=12000006\n" R "unit_a_6.middlewares=unit_c_6@docker,auth@file,other\n"
      R "unit_a_6.service=unit_s_6\n" R "unit_b_6.rule=Host(`b.io`)\n" R "unit_b_6.priority=3000006\n" R "unit_b_6.service=elsewhere@file\n"
      M "unit_c_6.chain.middlewares=unit_d_6\n" M "unit_d_6.errors.service=unit_s_6\n" M "unit_d_6.errors.query=s\n"
      S "unit_s_6.loadbalancer.server.port=80\n" },
    { ROUTING_TRAEFIK2, 6, .labels = "Traefik.HTTP.Routers.a.Rule=Host(`a.io`)\nTRAEFIK.http.routers.a.PRIORITY=-2", .want =
      ON R "unit_a_6.Rule=Host(`a.io`)\n" R "unit_a_6.priority=-1999994\n" },
    { ROUTING_TRAEFIK2, 6, .labels = R "a.entrypoints=web", .message =
      R "a.entrypoints: the router has no rule; write " R "a.rule" },
    { ROUTING_TRAEFIK2, 6, .labels = S "a.loadbalancer.server.port=80", .message =
      "traefik.http.…: there is no router; write " R "NAME.rule" },
    { ROUTING_TRAEFIK2, 6, .labels = R "a.rule=Path(`/`)\n" R "a.service=api@internal", .message =
      R "a.service: what is Traefik's own cannot be routed to" },
    { ROUTING_TRAEFIK2, 6, .labels = "traefik.tcp.routers.a.rule=HostSNI(`*`)", .message =
      "traefik.tcp.routers.a.rule: only HTTP is routed here (traefik.http.…)" },
    { ROUTING_TRAEFIK2, 6, .labels = R "a=x", .message =
      R "a: it is traefik.http.routers, services or middlewares, a name, and an option" },
    { ROUTING_TRAEFIK1, 0, .labels = R "a.rule=x", .message =
      R "a.rule: the target's proxy is Traefik 1; write traefik.frontend.rule, traefik.port and so on" },
    /* both generations */
    { ROUTING_TRAEFIK1, 0, .labels = R "a.rule=x\ntraefik.port=80", .message =
      "traefik.port is of Traefik 1, and " R "a.rule of Traefik 2: a container has one kind of them" },
    /* no route */
    { ROUTING_TRAEFIK2, 1, NULL, NULL, "proxy", "a=b", .want = "a=b\ntraefik.enable=false\n" },
    { ROUTING_TRAEFIK1, 1, .labels = "", .want = "traefik.enable=false\n" },
    { ROUTING_TRAEFIK1, 1, .labels = "traefik.enable=false\ntraefik.frontend.rule=Host:a.io", .want = "traefik.enable=false\n" },
    { ROUTING_TRAEFIK2, 1, .labels = "traefik.enable=true", .message = "traefik.frontend.rule is missing; "
      "write it (Host:${CI_ENVIRONMENT_DOMAIN}), or traefik.enable: 'false'" },
    { ROUTING_NONE, 1, .labels = "traefik.frontend.rule=nonsense\na=b", .want = "traefik.frontend.rule=nonsense\na=b\n" },
    /* a rule that Traefik 1 would not take is not passed on either */
    { ROUTING_TRAEFIK1, 0, .labels = "traefik.frontend.rule=a.io", .message =
      "traefik.frontend.rule: `a.io` is no matcher of Traefik 1" },
};

static void split(const char *text, char separator, struct strvec *out)
{
    const char between[] = { separator, '\0' };

    while (text && *(text += strspn(text, between))) {
        size_t len = strcspn(text, between);
        strvec_give(out, xstrndup(text, len));
        text += len;
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In one order, for labels have none. */
static char *sorted(struct strvec *v)
{
    if (v->n > 1)
        qsort(v->items, v->n, sizeof(*v->items), compare);
    return strvec_join(v, "\n");
}

static void check(const struct row *row)
{
    auto_strvec labels = STRVEC_INIT, want = STRVEC_INIT, out = STRVEC_INIT;
    auto_free char *network = xstrdup(row->network ? row->network : "");
    auto_free char *certresolver = xstrdup(row->certresolver ? row->certresolver : "");
    struct target target = { .network = network, .certresolver = certresolver };
    const struct routing_from from = { .labels = &labels, .name = "web", .unit = "unit", .to = row->to, .target = &target,
                                       .generation = row->generation };
    auto_err e = ERR_INIT;
    bool routed = false;

    split(row->labels, '\n', &labels);
    split(row->want, '\n', &want);
    split(row->entrypoints, ' ', &target.entrypoints);
    int done = routing_labels(&from, &out, &routed, &e);
    strvec_release(&target.entrypoints);
    if (row->message) {
        if (done == 0 || strcmp(err_text(&e), row->message) != 0)
            fail_msg("%s: %s, not %s", row->labels, done ? err_text(&e) : "taken", row->message);
        return;
    }
    auto_free char *got_text = sorted(&out);
    auto_free char *want_text = sorted(&want);
    if (done < 0 || strcmp(got_text, want_text) != 0)
        {
        print_error("%s\n--- and not\n%s\n", got_text, want_text);
        fail_msg("%s: %s", row->labels, err_text(&e));
    }
    if (routed != (strvec_has(&out, "traefik.enable=true")))
        fail_msg("%s: routed: %d", row->labels, routed);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check(&rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
