/* tests/fuzz/replay.c: runs a fuzz target over its saved corpus, as an ordinary test. */
#include "base/file.h"

#include <dirent.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *folder, const char *name)
{
    auto_err e = ERR_INIT;
    auto_free char *path = xasprintf("%s/%s", folder, name);
    auto_free char *text = NULL;
    size_t len = 0;

    if (file_read(path, (size_t)16 << 20, &text, &len, &e) < 0) {
        fprintf(stderr, "%s\n", err_text(&e));
        return -1;
    }
    /* Without the NUL behind it: nobody may read on there. */
    auto_free char *exact = xmalloc(len);
    if (len > 0)
        memcpy(exact, text, len);
    (void)LLVMFuzzerTestOneInput((const uint8_t *)exact, len);
    return 0;
}

int main(int argc, char **argv)
{
    int n = 0;
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;

    if (!dir) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.') {
            if (replay(argv[1], entry->d_name) < 0)
                return 1;
            n++;
        }
    (void)closedir(dir);
    printf("%d inputs\n", n);
    return n > 0 ? 0 : 1; /* an empty corpus tests nothing */
}
