#include "cache/transfer/meter.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/strbuf.h"

#include <unistd.h>

#define LEAST_MS    1000 /* no log bears more */
#define TERMINAL_MS 100
#define BAR_WIDTH   30

static const char *in_units(int64_t bytes, int digits, char *buf, unsigned len)
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
    double value = (double)bytes;
    size_t unit = 0;

    for (; value >= 1000 && unit + 1 < ARRAY_SIZE(units); unit++)
        value /= 1000;
    (void)snprintf(buf, len, "%.*f %s", unit == 0 ? 0 : digits, value, units[unit]);
    return buf;
}

const char *meter_size(int64_t bytes, char *buf, unsigned len)
{
    return in_units(bytes, 2, buf, len);
}

void meter_begin(struct meter *m, const char *label, int64_t frequency_ms, int64_t total)
{
    bool terminal = isatty(STDOUT_FILENO);
    int64_t every = frequency_ms > 0 && frequency_ms < LEAST_MS ? LEAST_MS : frequency_ms;

    *m = (struct meter){
        .fd = STDOUT_FILENO,
        .label = label,
        .every_ms = terminal ? TERMINAL_MS : every,
        .total = total,
        .bar = terminal,
        .began = clock_ms(),
    };
}

static void draw_bar(const struct meter *m, struct strbuf *out)
{
    int64_t filled = m->total > 0 ? m->done * BAR_WIDTH / m->total : 0;

    if (!m->bar || m->total <= 0)
        return;
    strbuf_puts(out, " [");
    for (int i = 0; i < BAR_WIDTH; i++)
        strbuf_putc(out, i < filled ? '#' : ' ');
    strbuf_puts(out, "]");
}

static void show(struct meter *m)
{
    char done[32], total[32], rate[32];
    int64_t ms = clock_ms() - m->began;
    auto_strbuf line = STRBUF_TEXT;

    m->shown = clock_ms();
    m->started = true;
    (void)in_units(ms > 0 ? m->done * 1000 / ms : m->done, 1, rate, sizeof(rate));
    strbuf_printf(&line, "\r%s", m->label);
    draw_bar(m, &line);
    strbuf_printf(&line, " %s%s%s (%s/s)%16s", meter_size(m->done, done, sizeof(done)), m->total > 0 ? "/" : "",
                  m->total > 0 ? meter_size(m->total, total, sizeof(total)) : "", rate, "");
    (void)fd_write(m->fd, line.data, line.len, NULL);
}

void meter_add(struct meter *m, int64_t bytes)
{
    m->done += bytes;
    if (m->every_ms > 0 && clock_ms() - (m->started ? m->shown : m->began) >= m->every_ms)
        show(m);
}

void meter_end(struct meter *m)
{
    if (m->every_ms <= 0)
        return;
    show(m);
    (void)fd_write(m->fd, "\n", 1, NULL);
}
