/* tests/support/plan_case.h: a job's plan, from a configuration and from what the server says of the job.
 *
 * Include after cmocka.h. Both are written with ' for ". */
#ifndef TESTS_PLAN_CASE_H
#define TESTS_PLAN_CASE_H

#include "executor/config.h"
#include "stages/plan.h"
#include "tests/support/expect.h"

#define NOW INT64_C(1700000000)

struct fixture {
    struct config config;
    struct job job;
    struct place place;
    struct host_settings host;
    struct plan plan;
};

static inline void fixture_release(struct fixture *f)
{
    config_release(&f->config);
    job_release(&f->job);
    place_release(&f->place);
    plan_release(&f->plan);
}

#define auto_fixture __attribute__((cleanup(fixture_release))) struct fixture

/* -1: there is no such plan. The configuration and the job are the test's own, and must be right. */
static inline int fixture_make(struct fixture *f, const char *config, const char *response, char *const *env, struct err *e)
{
    auto_free char *yaml = expect_text(config ? config : "");
    auto_free char *text = expect_text(response);

    if (config_read_text("c.yml", yaml, strlen(yaml), env, &f->config, e) < 0 || job_from_env(env, &f->job, e) < 0 ||
        job_add_response_text(&f->job, text, strlen(text), e) < 0)
        fail_msg("the row itself: %s", err_text(e));
    place_of(&f->job, "/b", "/c", &f->place);
    f->host = (struct host_settings){
        .image = f->config.image,
        .helper_image = f->config.helper_image,
        .docker_socket = "/run/docker.sock",
        .pull_policy = &f->config.pull_policy,
        .allowed_pull_policies = &f->config.allowed_pull_policies,
        .volumes = f->config.storage == STORAGE_VOLUMES,
    };
    return plan_make(&f->job, &f->place, &f->config.kinds, &f->host, NOW, &f->plan, e);
}

#endif
