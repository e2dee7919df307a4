/* stages/pipeline/remote.h: the project's place on its server, from the address of its git remote. */
#ifndef STAGES_PIPELINE_REMOTE_H
#define STAGES_PIPELINE_REMOTE_H

#include <stdbool.h>

struct remote {
    char *protocol; /* "https" or "http": of the web pages, not of git */
    char *host;
    char *port; /* of the web pages: "443", "80", or what the address says */
    char *path; /* "group/project" */
};

/* Read "https://user:token@host:port/group/project.git", "ssh://git@host:22/…",
 * "git@host:group/project". Names and passwords in it are left out. false when the
 * address is none of these (a path, a URL without a host, "..", odd characters). */
bool remote_parse(const char *url, struct remote *out);
/* For a checkout without a usable remote: https://localhost/local/<the folder's name>. */
void remote_local(const char *top, struct remote *out);
/* "https://host[:port]", without a port that the protocol has anyway; the caller's. */
char *remote_server_url(const struct remote *r);
void remote_release(struct remote *r);

#endif
