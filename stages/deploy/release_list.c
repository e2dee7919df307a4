#include "stages/deploy/release_list.h"

#include <time.h>

static void add_line(const struct release *r, bool serves, struct strvec *out)
{
    char when[32] = "?";
    time_t moment = (time_t)r->when;
    struct tm tm;

    if (localtime_r(&moment, &tm))
        (void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
    strvec_pushf(out, "%s %4d  %s  %-8.8s  %s  %s  %s", serves ? "*" : " ", r->number, when, *r->commit ? r->commit : "-",
                 *r->ref ? r->ref : "-", *r->who ? r->who : "-", r->result);
}

void release_list_lines(const struct releases *all, struct strvec *out)
{
    const struct release *live = releases_live(all);

    for (size_t i = all->n; i-- > 0;)
        add_line(&all->items[i], &all->items[i] == live, out);
}

int release_list_say(const struct deploy_context *c, const struct voice *v, struct err *e)
{
    auto_releases all = { 0 };
    auto_strvec lines = STRVEC_INIT;

    if (releases_read(c->engine, c->who->unit, &all, e) < 0)
        return -1;
    release_list_lines(&all, &lines);
    if (lines.n == 0)
        voice_info(v, "Nothing was deployed yet: %s in %s", c->who->project, c->who->environment);
    for (size_t i = 0; i < lines.n; i++)
        voice_info(v, "%s", lines.items[i]);
    return 0;
}
