/* Each label of Traefik 1 beside Host:a.io, and the label of Traefik 2 and 3 that it becomes; a row for each. */
#include "stages/deploy/routing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define S "traefik.http.services.web.loadbalancer."
#define M "traefik.http.middlewares.web_"
#define F "traefik.frontend."
#define B "traefik.backend."

static const struct {
    const char *v1;         /* labels with a line break between them */
    const char *v2, *v3;    /* one that there must be; v3: NULL when it is the same, "" when Traefik 3 has none */
    const char *middleware; /* in the router's list; NULL: none */
} rows[] = {
    { "traefik.port=9000", S "server.port=9000" },
    { "traefik.protocol=https", S "server.scheme=https" },
    { F "passHostHeader=false", S "passhostheader=false" },
    { B "responseForwarding.flushInterval=10ms", S "responseforwarding.flushinterval=10ms" },
    { B "loadbalancer.stickiness=true", S "sticky.cookie=true" },
    { B "loadbalancer.sticky=true", S "sticky.cookie=true" },
    { B "loadbalancer.stickiness.cookieName=c", S "sticky.cookie.name=c" },
    { B "loadbalancer.stickiness.secure=true", S "sticky.cookie.secure=true" },
    { B "loadbalancer.stickiness.httpOnly=true", S "sticky.cookie.httponly=true" },
    { B "loadbalancer.stickiness.sameSite=none", S "sticky.cookie.samesite=none" },
    { B "loadbalancer.method=wrr", S "passhostheader=true" },
    { B "healthcheck.path=/up", S "healthcheck.path=/up" },
    { B "healthcheck.interval=5s", S "healthcheck.interval=5s" },
    { B "healthcheck.port=81", S "healthcheck.port=81" },
    { B "healthcheck.scheme=http", S "healthcheck.scheme=http" },
    { B "healthcheck.hostname=h", S "healthcheck.hostname=h" },
    { B "healthcheck.headers=A:b||C:d", S "healthcheck.headers.C=d" },

    { F "errors.net.status=500-599", M "errors-net.errors.status=500-599", NULL, "web_errors-net" },
    { F "errors.net.query=/{status}.html", M "errors-net.errors.query=/{status}.html", NULL, "web_errors-net" },
    { F "errors.net.backend=pages", M "errors-net.errors.service=unit_pages", NULL, "web_errors-net" },
    { F "whiteList.sourceRange=10.0.0.0/8", M "allow.ipwhitelist.sourcerange=10.0.0.0/8",
      M "allow.ipallowlist.sourcerange=10.0.0.0/8", "web_allow" },
    { F "whitelistSourceRange=10.0.0.0/8", M "allow.ipwhitelist.sourcerange=10.0.0.0/8",
      M "allow.ipallowlist.sourcerange=10.0.0.0/8", "web_allow" },
    { F "redirect.entryPoint=https", M "redirect.redirectscheme.scheme=https", NULL, "web_redirect" },
    { F "redirect.entryPoint=https\n" F "redirect.permanent=true", M "redirect.redirectscheme.permanent=true", NULL, "web_redirect" },
    { F "redirect.regex=^http://(.*)\n" F "redirect.replacement=https://$1", M "redirect.redirectregex.replacement=https://$1",
      NULL, "web_redirect" },
    { F "redirect.permanent=true\n" F "redirect.regex=a", M "redirect.redirectregex.permanent=true", NULL, "web_redirect" },
    { F "headers.customRequestHeaders=A:b||X-C: d e", M "headers.headers.customrequestheaders.X-C=d e", NULL, "web_headers" },
    { F "headers.customResponseHeaders=A:", M "headers.headers.customresponseheaders.A=", NULL, "web_headers" },
    { F "headers.STSSeconds=31536000", M "headers.headers.stsseconds=31536000", NULL, "web_headers" },
    { F "headers.STSIncludeSubdomains=true", M "headers.headers.stsincludesubdomains=true", NULL, "web_headers" },
    { F "headers.STSPreload=true", M "headers.headers.stspreload=true", NULL, "web_headers" },
    { F "headers.forceSTSHeader=true", M "headers.headers.forcestsheader=true", NULL, "web_headers" },
    { F "headers.frameDeny=true", M "headers.headers.framedeny=true", NULL, "web_headers" },
    { F "headers.customFrameOptionsValue=SAMEORIGIN", M "headers.headers.customframeoptionsvalue=SAMEORIGIN", NULL, "web_headers" },
    { F "headers.contentTypeNosniff=true", M "headers.headers.contenttypenosniff=true", NULL, "web_headers" },
    { F "headers.browserXSSFilter=true", M "headers.headers.browserxssfilter=true", NULL, "web_headers" },
    { F "headers.customBrowserXSSValue=1", M "headers.headers.custombrowserxssvalue=1", NULL, "web_headers" },
    { F "headers.contentSecurityPolicy=default-src 'self'", M "headers.headers.contentsecuritypolicy=default-src 'self'", NULL,
      "web_headers" },
    { F "headers.publicKey=k", M "headers.headers.publickey=k", NULL, "web_headers" },
    { F "headers.referrerPolicy=origin", M "headers.headers.referrerpolicy=origin", NULL, "web_headers" },
    { F "headers.isDevelopment=true", M "headers.headers.isdevelopment=true", NULL, "web_headers" },
    { F "headers.allowedHosts=a,b", M "headers.headers.allowedhosts=a,b", NULL, "web_headers" },
    { F "headers.hostsProxyHeaders=X-H", M "headers.headers.hostsproxyheaders=X-H", NULL, "web_headers" },
    { F "headers.SSLProxyHeaders=X-P:https", M "headers.headers.sslproxyheaders.X-P=https", NULL, "web_headers" },
    { F "headers.SSLRedirect=true", M "headers.headers.sslredirect=true", "", "web_headers" },
    { F "headers.SSLTemporaryRedirect=true", M "headers.headers.ssltemporaryredirect=true", "", "web_headers" },
    { F "headers.SSLHost=h", M "headers.headers.sslhost=h", "", "web_headers" },
    { F "headers.SSLForceHost=true", M "headers.headers.sslforcehost=true", "", "web_headers" },
    { F "passTLSClientCert.pem=true", M "certificate.passtlsclientcert.pem=true", NULL, "web_certificate" },
    { F "passTLSClientCert.infos.subject.commonName=true", M "certificate.passtlsclientcert.info.subject.commonname=true", NULL,
      "web_certificate" },

    /* Authentification basique: one $ for each, as compose has made of two */
    { F "auth.basic=bob:$apr1$FNdSDLrp$TAXy/4ZjKQtNCupEyQ4tl1\n", M "auth.basicauth.users=bob:$apr1$FNdSDLrp$TAXy/4ZjKQtNCupEyQ4tl1",
      NULL, "web_auth" },
    { F "auth.basic=", S "passhostheader=true" }, /* "La valeur pourra être vide (pas d'authentification)" */
    { F "auth.basic.users=a:b,c:d", M "auth.basicauth.users=a:b,c:d", NULL, "web_auth" },
    { F "auth.basic.usersFile=/f", M "auth.basicauth.usersfile=/f", NULL, "web_auth" },
    { F "auth.basic.removeHeader=true", M "auth.basicauth.removeheader=true", NULL, "web_auth" },
    { F "auth.headerField=X-U\n" F "auth.basic.users=a:b", M "auth.basicauth.headerfield=X-U", NULL, "web_auth" },
    { F "auth.headerField=X-U\n" F "auth.digest.users=a:r:b", M "auth.digestauth.headerfield=X-U", NULL, "web_auth" },
    { F "auth.digest.usersFile=/f", M "auth.digestauth.usersfile=/f", NULL, "web_auth" },
    { F "auth.digest.removeHeader=true", M "auth.digestauth.removeheader=true", NULL, "web_auth" },
    { F "auth.forward.address=http://auth", M "auth.forwardauth.address=http://auth", NULL, "web_auth" },
    { F "auth.forward.authResponseHeaders=X-A,X-B", M "auth.forwardauth.authresponseheaders=X-A,X-B", NULL, "web_auth" },
    { F "auth.forward.trustForwardHeader=true", M "auth.forwardauth.trustforwardheader=true", NULL, "web_auth" },
    { F "auth.forward.tls.ca=/c", M "auth.forwardauth.tls.ca=/c", NULL, "web_auth" },
    { F "auth.forward.tls.caOptional=true", M "auth.forwardauth.tls.caoptional=true", "", "web_auth" },
    { F "auth.forward.tls.cert=/c", M "auth.forwardauth.tls.cert=/c", NULL, "web_auth" },
    { F "auth.forward.tls.key=/k", M "auth.forwardauth.tls.key=/k", NULL, "web_auth" },
    { F "auth.forward.tls.insecureSkipVerify=true", M "auth.forwardauth.tls.insecureskipverify=true", NULL, "web_auth" },

    { B "circuitbreaker.expression=NetworkErrorRatio() > 0.5", M "breaker.circuitbreaker.expression=NetworkErrorRatio() > 0.5", NULL,
      "web_breaker" },
    { B "buffering.maxRequestBodyBytes=1", M "buffering.buffering.maxrequestbodybytes=1", NULL, "web_buffering" },
    { B "buffering.memRequestBodyBytes=1", M "buffering.buffering.memrequestbodybytes=1", NULL, "web_buffering" },
    { B "buffering.maxResponseBodyBytes=1", M "buffering.buffering.maxresponsebodybytes=1", NULL, "web_buffering" },
    { B "buffering.memResponseBodyBytes=1", M "buffering.buffering.memresponsebodybytes=1", NULL, "web_buffering" },
    { B "buffering.retryExpression=IsNetworkError()", M "buffering.buffering.retryexpression=IsNetworkError()", NULL, "web_buffering" },
    { B "maxconn.amount=10", M "connections.inflightreq.amount=10", NULL, "web_connections" },
    { B "maxconn.amount=10\n" B "maxconn.extractorfunc=client.ip", M "connections.inflightreq.sourcecriterion.ipstrategy.depth=0", NULL,
      "web_connections" },
    { B "maxconn.extractorfunc=request.host\n" B "maxconn.amount=10", M "connections.inflightreq.sourcecriterion.requesthost=true", NULL,
      "web_connections" },
    { B "maxconn.extractorfunc=client.ip", S "passhostheader=true" },
    { F "rateLimit.rateSet.a.period=10s", M "rate-a.ratelimit.period=10s", NULL, "web_rate-a" },
    { F "rateLimit.rateSet.a.average=100", M "rate-a.ratelimit.average=100", NULL, "web_rate-a" },
    { F "rateLimit.rateSet.a.burst=200", M "rate-a.ratelimit.burst=200", NULL, "web_rate-a" },
    { F "rateLimit.extractorFunc=request.header.X-K\n" F "rateLimit.rateSet.a.burst=2",
      M "rate-a.ratelimit.sourcecriterion.requestheadername=X-K", NULL, "web_rate-a" },

    { "traefik.tags=web", "traefik.tags=web" }, /* no proxy of this kind reads it, but its owner's constraints may */
    { "traefik.domain=a.io", S "passhostheader=true" },
    { B "loadbalancer.swarm=false", S "passhostheader=true" },
    { F "passTLSCert=false", S "passhostheader=true" },
    { F "whiteList.useXForwardedFor=false", S "passhostheader=true" },
    { "TRAEFIK.docker.network=n", "TRAEFIK.docker.network=n" },
    { "sh.factory.cronjob.schedule=@daily", "sh.factory.cronjob.schedule=@daily" },
};

static void split_lines(const char *text, struct strvec *out)
{
    for (size_t len; *text; text += len + (text[len] == '\n')) {
        len = strcspn(text, "\n");
        if (len > 0)
            strvec_give(out, xstrndup(text, len));
    }
}

/* The labels of a container, on a target without anything of its own. */
static int route(const char *lines, enum routing to, struct strvec *out, struct err *e)
{
    static char nothing[] = "";
    const struct target target = { .network = nothing, .certresolver = nothing };
    auto_strvec labels = STRVEC_INIT;
    bool routed;

    strvec_push(&labels, "traefik.frontend.rule=Host:a.io");
    split_lines(lines, &labels);
    const struct routing_from from = { .labels = &labels, .name = "web", .unit = "unit", .to = to, .target = &target };
    return routing_labels(&from, out, &routed, e);
}

static void check_row(size_t i, enum routing to, const char *want)
{
    auto_strvec out = STRVEC_INIT;
    auto_err e = ERR_INIT;

    int done = route(rows[i].v1, to, &out, &e);
    if (done < 0 && *want)
        fail_msg("%s: %s", rows[i].v1, err_text(&e));
    if (!*want) {
        if (done == 0 || e.kind != ERR_JOB || !strstr(err_text(&e), "Traefik 3 has no such option"))
            fail_msg("%s: taken, or %s", rows[i].v1, err_text(&e));
        return;
    }
    auto_free char *all = strvec_join(&out, "\n");
    if (!strvec_has(&out, want))
        fail_msg("%s: no %s in\n%s", rows[i].v1, want, all);
    const char *list = strvec_env(&out, "traefik.http.routers.web.middlewares");
    if (strcmp(list ? list : "", rows[i].middleware ? rows[i].middleware : "") != 0)
        fail_msg("%s: middlewares are %s", rows[i].v1, list ? list : "none");
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        check_row(i, ROUTING_TRAEFIK2, rows[i].v2);
        check_row(i, ROUTING_TRAEFIK3, rows[i].v3 ? rows[i].v3 : rows[i].v2);
    }
}

static const struct {
    const char *v1, *message;
} refused[] = {
    { "traefik.weight=2", "traefik.weight: Traefik 2 and later have weights in their files alone; take it out" },
    { "traefik.port=http", "traefik.port: a port is a number from 1 to 65535" },
    { "traefik.portIndex=1", "traefik.portIndex: it is for other providers than Docker; write traefik.port" },
    { F "passTLSCert=true", F "passTLSCert: Traefik 2 and later have no such option; see traefik.frontend.passTLSClientCert.pem" },
    { B "loadbalancer.method=drr", B "loadbalancer.method: Traefik 2 and later balance by turns (wrr) alone; take it out" },
    { B "loadbalancer.swarm=true", B "loadbalancer.swarm: services of a swarm are not deployed by this" },
    { F "whiteList.useXForwardedFor=true", F "whiteList.useXForwardedFor: how many proxies are in front is not said by it; "
                                             "write the labels of Traefik 2 or 3, with ipstrategy.depth" },
    { F "redirect.regex=a\n" F "redirect.replacement={{.Request.Host}}",
      F "redirect.replacement: only Traefik 1 has templates in a replacement; write it with $1 and the like" },
    { F "redirect.regex=a\n" F "redirect.entryPoint=https",
      F "redirect.regex: another label asks for something else in its place; only one of them can be" },
    { F "auth.basic=a:b\n" F "auth.digest.users=a:b:c",
      F "auth.digest.users: another label asks for something else in its place; only one of them can be" },
    { B "maxconn.amount=1\n" B "maxconn.extractorfunc=x", B "maxconn.extractorfunc: it is request.host, client.ip or request.header.NAME" },
    { F "headers.customRequestHeaders=A", F "headers.customRequestHeaders: it is a list of NAME:VALUE with || between them" },
    { F "headers.customRequestHeaders=a.b:c", F "headers.customRequestHeaders: a header's name in a label has no dot, = or white space, "
                                              "and is not empty" },
    { F "priority=x", F "priority: a priority is a whole number" },
    { F "priority=1000000000001", F "priority: a priority is at most 1000000000000" },
    { F "entryPoints=ftp", F "entryPoints: the target has no entry point `ftp`; it has http, https" },
    { F "priorty=1", F "priorty: no label of Traefik 1; did you mean traefik.frontend.priority?" },
    { "traefik.enabled=true", "traefik.enabled: no label of Traefik 1; did you mean traefik.enable?" },
    { "traefik.http.routers.a.rule=x", "traefik.frontend.rule is of Traefik 1, and traefik.http.routers.a.rule of Traefik 2: "
                                       "a container has one kind of them" },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        auto_strvec out = STRVEC_INIT;
        auto_err e = ERR_INIT;
        if (route(refused[i].v1, ROUTING_TRAEFIK2, &out, &e) == 0)
            fail_msg("%s: taken", refused[i].v1);
        assert_string_equal(err_text(&e), refused[i].message);
        assert_int_equal(e.kind, ERR_JOB);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
