/* stages/pipeline/report.h: what the user of `atelier pipeline` sees. */
#ifndef STAGES_PIPELINE_REPORT_H
#define STAGES_PIPELINE_REPORT_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

enum report_style { STYLE_PLAIN, STYLE_BOLD, STYLE_TITLE, STYLE_GOOD, STYLE_BAD, STYLE_WARNING, STYLE_DIM };

/* The escape code that begins it. */
const char *report_style(enum report_style style);

/* One stream of lines: ours, and a job's output between them, indented. With
 * colour the job's escape codes pass; without, the log is plain text. */
struct report {
    int fd;
    bool colour;
    bool beside;    /* of a job beside others: whole lines that begin at the left, and of escape codes those that colour */
    bool in_line;   /* the job's last line has not ended */
    bool after_cr;  /* it ended with a carriage return so far */
    int escape;     /* where in an escape sequence of the job we are; see report.c */
    char sequence[32]; /* beside: what there is of it; full: it is none that colours */
    size_t n_sequence;
};

/* A line of our own. */
void report_line(struct report *r, enum report_style style, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A piece of a job's output, masked already. */
void report_output(struct report *r, const char *data, size_t len);
/* The output of one hook has ended: finish its line, forget its colours. */
void report_output_end(struct report *r);

/* The output of one of the jobs that run side by side. */
struct report_lines {
    const char *name; /* the job's; borrowed */
    size_t number;    /* gives its colour */
    struct strbuf rest; /* of a line that has not ended */
};

#define REPORT_LINES_INIT { .rest = STRBUF_TEXT }

/* A piece of it, as a report of its own (`beside`) wrote it: all lines that are whole by now, the job's name before each.
 * A very long one becomes several. */
void report_lines(struct report *r, struct report_lines *l, const char *data, size_t len);
/* It has ended. */
void report_lines_end(struct report *r, struct report_lines *l);

/* A table: n rows of `columns` cells each. The first row is the heading; styles[i]
 * is row i's. Cells may be NULL. */
void report_table(struct report *r, const char *const *cells, const enum report_style *styles, size_t rows,
                  size_t columns);

#endif
