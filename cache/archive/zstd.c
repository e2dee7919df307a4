#include "cache/archive/zstd.h"

#include <zstd.h>

struct zstd {
    ZSTD_CCtx *c;
    archive_sink_fn *sink;
    void *ctx;
    size_t size;
    char out[];
};

static int set(struct zstd *z, ZSTD_cParameter parameter, int value, const char *name, struct err *e)
{
    size_t rc = ZSTD_CCtx_setParameter(z->c, parameter, value);

    if (!ZSTD_isError(rc))
        return 0;
    return err_set(e, ERR_SYSTEM, 0, "zstd does not take %s=%d: %s", name, value, ZSTD_getErrorName(rc));
}

int zstd_open(int level, int threads, archive_sink_fn *sink, void *ctx, struct zstd **out, struct err *e)
{
    struct zstd *z = xcalloc(1, sizeof(*z) + ZSTD_CStreamOutSize());

    *z = (struct zstd){ .c = ZSTD_createCCtx(), .sink = sink, .ctx = ctx, .size = ZSTD_CStreamOutSize() };
    int rc = z->c ? 0 : err_set(e, ERR_SYSTEM, 0, "zstd has no memory to begin with");
    if (rc == 0)
        rc = set(z, ZSTD_c_compressionLevel, level, "level", e);
    if (rc == 0)
        rc = set(z, ZSTD_c_checksumFlag, 1, "checksum", e);
    if (rc == 0 && threads > 1 && zstd_threads() > 1)
        rc = set(z, ZSTD_c_nbWorkers, threads, "threads", e);
    if (rc < 0)
        zstd_close(z);
    else
        *out = z;
    return rc;
}

int zstd_put(struct zstd *z, const void *data, size_t len, bool last, struct err *e)
{
    ZSTD_inBuffer in = { data, len, 0 };
    size_t left;

    do {
        ZSTD_outBuffer to = { z->out, z->size, 0 };
        left = ZSTD_compressStream2(z->c, &to, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return err_set(e, ERR_SYSTEM, 0, "zstd: %s", ZSTD_getErrorName(left));
        if (to.pos > 0 && z->sink(z->ctx, z->out, to.pos, e) < 0)
            return -1;
    } while (in.pos < in.size || (last && left > 0));
    return 0;
}

void zstd_close(struct zstd *z)
{
    if (!z)
        return;
    (void)ZSTD_freeCCtx(z->c);
    free(z);
}

int zstd_threads(void)
{
    ZSTD_bounds workers = ZSTD_cParam_getBounds(ZSTD_c_nbWorkers);

    return !ZSTD_isError(workers.error) && workers.upperBound > 0 ? archive_threads() : 1;
}

const char *zstd_version(void)
{
    return ZSTD_versionString();
}
