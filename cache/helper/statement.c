#include "cache/helper/statement.h"

#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PIECE 65536

static const char *text(const char *option)
{
    return option ? option : "";
}

static void cleanup_digest(EVP_MD_CTX **c)
{
    EVP_MD_CTX_free(*c);
}

/* The SHA-256 of a regular file of the tree, 64 digits; NULL when it is none, or went away. */
static char *digest_of(int root, const char *name)
{
    __attribute__((cleanup(cleanup_digest))) EVP_MD_CTX *c = EVP_MD_CTX_new();
    auto_close int fd = openat(root, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    auto_free char *piece = xmalloc(PIECE);
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct stat st;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !c || !EVP_DigestInit_ex(c, EVP_sha256(), NULL))
        return NULL;
    while ((n = read(fd, piece, PIECE)) > 0)
        if (!EVP_DigestUpdate(c, piece, (size_t)n))
            return NULL;
    if (n < 0 || !EVP_DigestFinal_ex(c, sum, &len))
        return NULL;
    return hex_text(sum, len);
}

static json_t *subjects(int root, const struct strvec *names)
{
    json_t *list = json_array();

    for (size_t i = 0; i < names->n; i++) {
        auto_free char *digest = digest_of(root, names->items[i]);
        if (digest)
            json_array_append_new(list, json_pack("{s:s, s:{s:s}}", "name", names->items[i], "digest", "sha256", digest));
    }
    return list;
}

/* Of what a job was given, the names alone: values may be secret. */
static json_t *external_parameters(const struct statement_options *o)
{
    json_t *parameters = json_pack("{s:s, s:s}", "entryPoint", text(o->job_name), "source", text(o->repo_url));

    for (size_t i = 0; i < o->parameters.n; i++)
        json_object_set_new(parameters, o->parameters.items[i], json_string(""));
    return parameters;
}

static json_t *predicate(const struct statement_options *o, const struct job_credentials *job)
{
    struct utsname host;
    auto_free char *builder = xasprintf("%s/-/runners/%lld", text(o->repo_url), (long long)o->runner_id);
    auto_free char *id = xasprintf("%lld", (long long)job->id);
    const char *architecture = uname(&host) == 0 ? host.machine : "";

    return json_pack("{s:{s:s, s:o, s:{s:s, s:s, s:s, s:s}, s:[{s:s, s:{s:s}}]}, s:{s:{s:s, s:{s:s}}, s:{s:s, s:s, s:s}}}",
                     "buildDefinition", "buildType", "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v" ATELIER_VERSION
                     "/PROVENANCE.md", "externalParameters", external_parameters(o), "internalParameters", "name",
                     text(o->runner_name), "executor", text(o->executor), "architecture",
                     strcmp(architecture, "x86_64") == 0 ? "amd64" : architecture, "job", id, "resolvedDependencies",
                     "uri", text(o->repo_url), "digest", "sha256", text(o->repo_digest), "runDetails", "builder", "id",
                     builder, "version", "gitlab-runner", ATELIER_VERSION, "metadata", "invocationID", id, "startedOn",
                     text(o->started_at), "finishedOn", text(o->ended_at));
}

static void insert_sorted(struct strvec *names, const char *name)
{
    size_t i = names->n;

    if (strvec_has(names, name))
        return;
    strvec_push(names, name);
    for (; i > 0 && strcmp(names->items[i - 1], names->items[i]) > 0; i--) {
        char *later = names->items[i];
        names->items[i] = names->items[i - 1];
        names->items[i - 1] = later;
    }
}

static int write_statement(const struct helper *h, const struct statement_options *o, const struct job_credentials *job,
                           const char *name, int root, struct strvec *names, struct err *e)
{
    const char *slash = strrchr(name, '/');
    auto_free char *file = xasprintf("%s-metadata.json", slash ? slash + 1 : name);
    auto_json *statement =
        json_pack("{s:s, s:s, s:o, s:o}", "_type", "https://in-toto.io/Statement/v0.1", "predicateType",
                  "https://slsa.dev/provenance/v1", "subject", subjects(root, names), "predicate", predicate(o, job));
    auto_free char *json = statement ? json_dumps(statement, JSON_INDENT(1)) : NULL;

    report_line(&h->report, LOG_INFO, "Generating artifacts statement");
    if (!json)
        return err_set(e, ERR_JOB, 0, "the statement of where the files come from cannot be made: a name is no UTF-8 text");
    auto_close int fd = openat(root, file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_set(e, ERR_SYSTEM, errno, "write '%s': %s", file, strerror(errno));
    if (fd_write(fd, json, strlen(json), e) < 0)
        return -1;
    insert_sorted(names, file);
    return 0;
}

int statement_add(const struct helper *h, const struct statement_options *o, const struct job_credentials *job,
                  const char *name, enum archive_format format, const char *root, struct strvec *names, struct err *e)
{
    if (!o->wanted || format != FORMAT_ZIP || names->n == 0)
        return 0;
    auto_close int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_set(e, ERR_SYSTEM, errno, "open '%s': %s", root, strerror(errno));
    if (*text(o->schema_version) && strcmp(o->schema_version, "v1") != 0) {
        auto_free char *shown = text_quote(o->schema_version);
        report_line(&h->report, LOG_WARNING, "Unknown schema version %s, using v1", shown);
    }
    return write_statement(h, o, job, name, dir, names, e);
}
