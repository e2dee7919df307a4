#include "cache/helper/job_credentials.h"

int job_credentials_check(const struct job_credentials *c, struct err *e)
{
    if (!c->url || !*c->url || !c->token || !*c->token)
        return err_set(e, ERR_USAGE, 0, "Missing runner credentials");
    if (c->id <= 0)
        return err_set(e, ERR_USAGE, 0, "Missing build ID");
    return 0;
}

struct transfer job_credentials_transfer(const struct helper *h, const struct job_credentials *c)
{
    return (struct transfer){
        .ca_file = c->ca_file,
        .cert_file = c->cert_file,
        .key_file = c->key_file,
        .report = &h->report,
        .interrupt_fd = h->interrupt_fd,
    };
}
