/* Connections to a daemon and its answers, by tests/support/scripted_daemon.py: what a real one does not do on
 * request. */
#include "engine/container.h"
#include "engine/image.h"
#include "engine/network.h"
#include "engine/volume.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "tests/support/scripted.h"

/* --- where the daemon is, and what it speaks --- */

static const struct {
    const char *host, *cert_path;
    bool verify;
    enum err_kind kind;
    const char *says;
} endpoints[] = {
    { "unix:///nowhere/docker.sock", NULL, false, ERR_SYSTEM, "there is no such socket: is dockerd" },
    { "unix://docker.sock", NULL, false, ERR_CONFIG, "not an absolute path" },
    { "unix://", NULL, false, ERR_CONFIG, "not an absolute path" },
    { "tcp://", NULL, false, ERR_CONFIG, "not tcp://host" },
    { "tcp://:2375", NULL, false, ERR_CONFIG, "not tcp://host" },
    { "tcp://h:1/path", NULL, false, ERR_CONFIG, "not tcp://host" },
    { "tcp://127.0.0.1:1", NULL, false, ERR_SYSTEM, "Docker at tcp://127.0.0.1:1: " },
    { "tcp://[::1]:1", NULL, false, ERR_SYSTEM, "Docker at tcp://[::1]:1: " },
    { "tcp://127.0.0.1:1", "/nowhere", true, ERR_CONFIG, "DOCKER_CERT_PATH '/nowhere' has no ca.pem" },
    { "ssh://host", NULL, false, ERR_CONFIG,
      "DOCKER_HOST 'ssh://host' is of a kind that is not spoken here" },
    { "fd://", NULL, false, ERR_CONFIG, "give unix:///path or tcp://host:port" },
    { "\x1b[1m", NULL, false, ERR_CONFIG, "'\\x1b[1m'" },
};

static void test_endpoints(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
        const struct engine_endpoint there = { endpoints[i].host, endpoints[i].cert_path,
                                               endpoints[i].verify };
        auto_engine *d = NULL;
        auto_err e = ERR_INIT;
        assert_int_equal(engine_open(&there, &d, &e), -1);
        assert_null(d);
        assert_says(&e, endpoints[i].kind, endpoints[i].says);
    }
}

static void test_endpoint_from_env(void **state)
{
    (void)state;
    char host[] = "DOCKER_HOST=tcp://h:1", more[] = "DOCKER_HOSTS=x", verify[] = "DOCKER_TLS_VERIFY=1";
    char no_host[] = "DOCKER_HOST=", no_verify[] = "DOCKER_TLS_VERIFY=", certs[] = "DOCKER_CERT_PATH=/c";
    char *set[] = { more, host, verify, certs, NULL }, *empty[] = { no_host, no_verify, NULL };
    struct engine_endpoint p;
    engine_endpoint_from_env(&p, set);
    assert_string_equal(p.host, "tcp://h:1");
    assert_string_equal(p.cert_path, "/c");
    assert_true(p.tls_verify);
    engine_endpoint_from_env(&p, empty);
    assert_null(p.host);
    assert_null(p.cert_path);
    assert_false(p.tls_verify);
}

/* A socket that somebody has bound, and for which nobody listens. */
static void test_refused_and_forbidden(void **state)
{
    (void)state;
    auto_free char *path = xasprintf("/tmp/test_engine.%d", (int)getpid());
    auto_free char *host = xasprintf("unix://%s", path);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strncat(address.sun_path, path, sizeof(address.sun_path) - 1);
    auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);

    const struct engine_endpoint there = { .host = host };
    auto_engine *d = NULL;
    auto_err e = ERR_INIT;
    assert_int_equal(engine_open(&there, &d, &e), -1);
    assert_says(&e, ERR_SYSTEM, "nothing listens on the socket: start dockerd");

    bool is_root = geteuid() == 0;
    assert_int_equal(chmod(path, 0), 0);
    if (is_root)
        assert_int_equal(seteuid(65534), 0);
    assert_int_equal(engine_open(&there, &d, &e), -1);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    assert_says(&e, ERR_SYSTEM, "no permission: run as root, or add the user");
    (void)unlink(path);
}

static const struct {
    const char *script, *version, *says;
} versions[] = {
    { "", "1.41", NULL },
    { "> GET /_ping\n header Api-Version: 1.47\n 200 OK\n", "1.47", NULL },
    { "> GET /_ping\n header Api-Version: 1.52\n 200 OK\n", "1.52", NULL },
    { "> GET /_ping\n header Api-Version: 1.60\n 200 OK\n> GET /_ping\n 200 OK\n", "1.52", NULL },
    { "> GET /_ping\n header Api-Version: 1.60\n 200 OK\n"
      "> GET /_ping\n 400 {\"message\":\"client version 1.52 is too old. Minimum supported API version is "
      "1.54\"}\n",
      NULL, "speaks API 1.60 and no longer 1.52, the newest known here: update atelier" },
    { "> GET /_ping\n header Api-Version: 1.40\n 200 OK\n", NULL,
      "speaks API 1.40; at least 1.41 is needed" },
    { "> GET /_ping\n header Api-Version: 2.0\n 200 OK\n", NULL, "is no Docker Engine" },
    { "> GET /_ping\n 200 <html>hello</html>\n", NULL, "is no Docker Engine" },
    { "> GET /_ping\n 500 {\"message\":\"not\\ntoday\\u001b[31m\"}\n", NULL,
      "ask Docker for its version: not\\ntoday\\x1b[31m" },
    { "> GET /_ping\n cut\n", NULL, "docker.sock: GET /_ping: the connection was closed without an answer" },
    { "> GET /_ping\n 200 chunked\n raw \"O\"\n cut\n", NULL, "docker.sock: GET /_ping: " },
};

static void test_versions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        struct scripted s;
        scripted_start(&s, versions[i].script);
        const struct engine_endpoint there = { .host = s.host };
        auto_err e = ERR_INIT;
        int result = engine_open(&there, &s.engine, &e);
        if (versions[i].says)
            assert_says(&e, ERR_SYSTEM, versions[i].says);
        else
            check(result, &e);
        if (versions[i].version)
            assert_string_equal(engine_version(s.engine), versions[i].version);
        scripted_stop(&s);
    }
}

static void test_second_connection(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> GET /containers/x/json\n 200 {\"Id\":\"x\"}\n");
    auto_err e = ERR_INIT;
    auto_engine *again = NULL;
    auto_json *x = NULL;
    check(engine_again(s.engine, &again, &e), &e);
    assert_string_equal(engine_version(again), "1.41");
    assert_true(engine_is_local(again));
    check(container_inspect(again, "x", &x, &e), &e);
    assert_string_equal(json_text(x, "Id"), "x");
    scripted_stop(&s);
}

/* --- answers --- */

static const struct {
    const char *answer;
    enum err_kind kind;
    int code;
    const char *says;
} refusals[] = {
    { "404 {\"message\":\"No such container: x\"}", ERR_NOT_FOUND, 404,
      "inspect container 'x': No such container: x" },
    { "409 {\"message\":\"busy\"}", ERR_CONFLICT, 409, "inspect container 'x': busy" },
    { "500 {\"message\":\"line\\nline\\r\\n\"}", ERR_SYSTEM, 500, "'x': line\\nline" },
    { "503 Service Unavailable", ERR_SYSTEM, 503, "'x': Service Unavailable" },
    { "500 {\"cause\":\"odd\"}", ERR_SYSTEM, 500, "'x': {\"cause\":\"odd\"}" },
    { "500 ", ERR_SYSTEM, 500, "'x': the daemon answered with status 500 and no reason" },
    { "301 ", ERR_SYSTEM, 301, "status 301" },
    { "200 {\"Id\":", ERR_SYSTEM, 0, "'x': the daemon's answer is not JSON" },
    { "cut", ERR_SYSTEM, 52,
      "inspect container 'x': GET /v1.41/containers/x/json: the connection was closed" },
    { "200 chunked\n json {\"Id\":\"x\"}\n cut", ERR_SYSTEM, 18, "closed in the middle of the answer" },
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        auto_free char *script = xasprintf(">> GET /containers/x/json\n %s\n", refusals[i].answer);
        struct scripted s;
        scripted_open(&s, script);
        auto_err e = ERR_INIT;
        auto_json *x = NULL;
        assert_int_equal(container_inspect(s.engine, "x", &x, &e), -1);
        assert_null(x);
        assert_says(&e, refusals[i].kind, refusals[i].says);
        assert_int_equal(e.code, refusals[i].code);
        scripted_stop(&s);
    }
}

static void test_long_reason_is_cut(void **state)
{
    (void)state;
    auto_strbuf script = STRBUF_TEXT;
    strbuf_puts(&script, "> GET /containers/x/json\n 502 <html>");
    for (int i = 0; i < 20000; i++)
        strbuf_puts(&script, "wrong ");
    struct scripted s;
    scripted_open(&s, strbuf_text(&script));
    auto_err e = ERR_INIT;
    auto_json *x = NULL;
    assert_int_equal(container_inspect(s.engine, "x", &x, &e), -1);
    assert_true(strlen(err_text(&e)) < 1100);
    scripted_stop(&s);
}

static void test_what_is_fine(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s,
                  "> POST /containers/running/start\n 304\n"
                  "> DELETE /containers/gone?force=1&v=1\n 404 {\"message\":\"No such container\"}\n"
                  "> DELETE /containers/going*\n 409 {\"message\":\"removal of x is already in progress\"}\n"
                  "> DELETE /containers/stuck*\n 409 {\"message\":\"driver failed\"}\n"
                  "> POST /containers/dead/kill?signal=TERM\n 409 {\"message\":\"x is not running\"}\n"
                  "> DELETE /networks/n\n 404\n"
                  "> GET /networks/n\n 404 {\"message\":\"network n not found\"}\n"
                  "> DELETE /volumes/v\n 404\n"
                  "> DELETE /images/h%3A1%2Fi%3At\n 404\n"
                  "> POST /containers/create?name=c*\n 201 {\"Warnings\":[]}\n"
                  "> GET /volumes*\n 200 {\"Volumes\":null}\n");
    auto_err e = ERR_INIT;
    auto_json *config = json_object();
    auto_json *none = NULL;
    auto_free char *id = NULL;
    const struct strvec labels = STRVEC_INIT;
    check(container_start(s.engine, "running", &e), &e);
    check(container_remove(s.engine, "gone", &e), &e);
    check(container_remove(s.engine, "going", &e), &e);
    assert_int_equal(container_remove(s.engine, "stuck", &e), -1);
    assert_says(&e, ERR_CONFLICT, "remove container 'stuck': driver failed");
    err_release(&e);
    check(container_kill(s.engine, "dead", "TERM", &e), &e);
    check(network_remove(s.engine, "n", &e), &e);
    check(volume_remove(s.engine, "v", &e), &e);
    check(volume_list(s.engine, &labels, &none, &e), &e);
    assert_int_equal(json_array_size(none), 0);
    assert_true(json_is_array(none));
    check(image_remove(s.engine, "h:1/i:t", &e), &e);
    assert_int_equal(container_create(s.engine, "c", NULL, config, &id, &e), -1);
    assert_says(&e, ERR_SYSTEM, "create container 'c': the daemon's answer has no id");
    assert_null(id);
    scripted_stop(&s);
}

/* Podman 4 has its own status for it. */
static void test_name_that_is_taken(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> POST /containers/create?name=c\n 409 {\"message\":\"Conflict. The name is in use\"}\n"
                      "> POST /containers/create?name=c\n 500 {\"message\":\"the name \\\"c\\\" is already in use by 1\"}\n"
                      "> POST /containers/create?name=c\n 500 {\"message\":\"no space left on device\"}\n");
    static const enum err_kind kinds[] = { ERR_CONFLICT, ERR_CONFLICT, ERR_SYSTEM };
    auto_json *config = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        auto_err e = ERR_INIT;
        auto_free char *id = NULL;
        assert_int_equal(container_create(s.engine, "c", NULL, config, &id, &e), -1);
        assert_says(&e, kinds[i], "create container 'c': ");
    }
    scripted_stop(&s);
}

static void test_side_by_side(void **state)
{
    (void)state;
    /* None is answered before all have been asked: one after the other it would never end. */
    struct scripted s;
    scripted_open(&s, "> POST /containers/a/start\n together 4\n 204\n"
                      "> POST /containers/b/start\n together 4\n 404 {\"message\":\"No such container: b\"}\n"
                      ">> POST /containers/c/start\n together 4\n cut\n"
                      "> POST /containers/d/start\n together 4\n 304\n");
    const char *const ids[] = { "a", "b", "c", "d" };
    struct err errs[ARRAY_SIZE(ids)] = { 0 };
    assert_int_equal(container_start_all(s.engine, ids, errs, ARRAY_SIZE(ids)), -1);
    assert_int_equal(errs[0].kind, ERR_NONE);
    assert_says(&errs[1], ERR_NOT_FOUND, "start container 'b': No such container: b");
    assert_says(&errs[2], ERR_SYSTEM, "start container 'c': ");
    assert_int_equal(errs[3].kind, ERR_NONE);
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        err_release(&errs[i]);
    check(container_remove_all(s.engine, NULL, NULL, 0), NULL);
    scripted_stop(&s);
}

static void test_network_is_emptied_first(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(
        &s, "> GET /networks/n\n 200 {\"Containers\":{\"c1\":{},\"c2\":{}}}\n"
            "> POST /networks/n/disconnect\n has \"Force\":true\n 200\n"
            "> POST /networks/n/disconnect\n has \"Container\":\"c2\"\n 500 {\"message\":\"not connected\"}\n"
            "> DELETE /networks/n\n 403 {\"message\":\"network n has active endpoints\"}\n");
    auto_err e = ERR_INIT;
    assert_int_equal(network_remove(s.engine, "n", &e), -1);
    assert_says(&e, ERR_SYSTEM, "remove network 'n': network n has active endpoints");
    scripted_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_endpoint_from_env),
        cmocka_unit_test(test_refused_and_forbidden),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_second_connection),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_long_reason_is_cut),
        cmocka_unit_test(test_what_is_fine),
        cmocka_unit_test(test_name_that_is_taken),
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_network_is_emptied_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
