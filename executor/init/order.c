#include "executor/init/order.h"

#include <stdlib.h>
#include <string.h>

/* -1: the last one does not end. */
static long count(const char *data, size_t len)
{
    long n = 0;

    if (len > ORDER_WORDS_MAX || (len > 0 && data[len - 1] != '\0'))
        return -1;
    for (size_t at = 0; at < len; at += strlen(data + at) + 1)
        n++;
    return n;
}

static bool is_variable(const char *text)
{
    return *text != '=' && strchr(text, '=');
}

int order_words_read(char *data, size_t len, size_t arguments, size_t room, struct order_words *out)
{
    long n = count(data, len);

    if (n < 0 || arguments > (size_t)n)
        return -1;
    char **argv = calloc(room + arguments + 1, sizeof(*argv));
    char **env = calloc((size_t)n - arguments + 1, sizeof(*env));
    bool good = argv && env;
    for (size_t i = 0, at = 0; good && at < len; at += strlen(data + at) + 1, i++) {
        if (i < arguments)
            argv[room + i] = data + at;
        else if (is_variable(data + at))
            env[i - arguments] = data + at;
        else
            good = false;
    }
    if (!good) {
        free(argv);
        free(env);
        return -1;
    }
    *out = (struct order_words){ argv, env };
    return 0;
}
