/* Any text with variables: a result within its limit or a reason, and no secret unless it says so. */
#include "stages/deploy/interpolate.h"

#include <stdint.h>
#include <string.h>

static const char secret_value[] = "\x01secret"; /* with what no text of its own is made to have */

static void require(bool promise)
{
    if (!promise)
        abort();
}

static const char *find(void *ctx, const char *name, bool *secret)
{
    (void)ctx;
    require(*name && !strpbrk(name, "${}:-?+ "));
    *secret = *name == 'S';
    return *name == 'S' ? secret_value : *name == 'A' ? "$A ${" : *name == 'E' ? "" : NULL;
}

static void check_texts(const struct strvec *texts)
{
    for (size_t i = 0; i < texts->n; i++) {
        require(*texts->items[i]);
        for (const unsigned char *p = (const unsigned char *)texts->items[i]; *p; p++)
            require(*p >= 0x20 && *p != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct compose_variables v = { find, NULL, NULL, NULL };
    auto_free char *text = xstrndup((const char *)data, size);
    auto_interpolated i = { 0 };

    interpolate(text, &v, &i);
    require(i.text && strlen(i.text) <= INTERPOLATED_MAX && i.unset.n <= 20);
    check_texts(&i.unset);
    check_texts(&i.problems);
    if (!strchr(text, *secret_value))
        require(i.secret || !strstr(i.text, secret_value));
    if (!strchr(text, '$'))
        require(i.problems.n + i.unset.n > 0 || strcmp(i.text, text) == 0);
    return 0;
}
