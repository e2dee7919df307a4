/* cache/helper/statement.h: where artifacts come from, as an in-toto statement among them (contract 3.7). */
#ifndef CACHE_HELPER_STATEMENT_H
#define CACHE_HELPER_STATEMENT_H

#include "cache/archive/format.h"
#include "cache/helper/job_credentials.h"

struct statement_options {
    bool wanted;
    int64_t runner_id;
    const char *repo_url, *repo_digest, *job_name, *executor, *runner_name, *started_at, *ended_at, *schema_version;
    struct strvec parameters;
};

#define STATEMENT_FLAG(base, name, type, member) \
    { name, NULL, NULL, type, (base) + offsetof(struct statement_options, member), "for the statement of where files come from" }

/* Rows of a command's flags; `base` is the offset of its struct statement_options. */
#define STATEMENT_FLAGS(base)                                                                                          \
    { "generate-artifacts-metadata", NULL, NULL, FLAG_SWITCH, (base) + offsetof(struct statement_options, wanted),     \
      "add a statement of where the files come from" },                                                                \
    STATEMENT_FLAG(base, "runner-id", FLAG_NUMBER, runner_id),                                                         \
    STATEMENT_FLAG(base, "repo-url", FLAG_TEXT, repo_url), STATEMENT_FLAG(base, "repo-digest", FLAG_TEXT, repo_digest), \
    STATEMENT_FLAG(base, "job-name", FLAG_TEXT, job_name), STATEMENT_FLAG(base, "executor-name", FLAG_TEXT, executor), \
    STATEMENT_FLAG(base, "runner-name", FLAG_TEXT, runner_name),                                                       \
    STATEMENT_FLAG(base, "started-at", FLAG_TEXT, started_at), STATEMENT_FLAG(base, "ended-at", FLAG_TEXT, ended_at),   \
    STATEMENT_FLAG(base, "schema-version", FLAG_TEXT, schema_version),                                                 \
    STATEMENT_FLAG(base, "metadata-parameter", FLAG_LIST, parameters)

/* When it is wanted, and the format is zip: write `<name>-metadata.json` into the folder `root`, and put its name
 * among the sorted `names`, whose regular files it lists by their SHA-256. */
int statement_add(const struct helper *h, const struct statement_options *o, const struct job_credentials *job,
                  const char *name, enum archive_format format, const char *root, struct strvec *names, struct err *e);

#endif
