#include "cache/helper/selection.h"

#include "cache/select/expand.h"
#include "cache/select/select.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int selection_make(const struct helper *h, struct selection *s, char **root, struct strvec *names, struct err *e)
{
    const struct select_rules rules = { .paths = &s->paths, .excludes = &s->excludes, .untracked = s->untracked };
    char *here = getcwd(NULL, 0);

    if (!here)
        return err_set(e, ERR_SYSTEM, errno, "the current folder: %s", strerror(errno));
    *root = here;
    expand_paths(&s->paths, h->env, &h->report);
    expand_paths(&s->excludes, h->env, &h->report);
    return select_files(here, &rules, &h->report, names, e);
}
