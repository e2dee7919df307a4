/* base/number.h: text to number, in the one place that refuses what is empty, trailing or out of range. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Each returns 0, or -1 and leaves *out alone. No error object: the caller knows
 * what the text is for and says so. */
int number_parse(const char *text, int64_t min, int64_t max, int64_t *out);
/* The words that Go's ParseBool takes, which gitlab-runner's variables and options have: 1, t, T, TRUE, true, True,
 * and their opposites. */
int bool_parse(const char *text, bool *out);
/* "90s", "10m", "1h30m", "2d", "500ms"; a bare number is seconds. Result in milliseconds. */
int duration_parse(const char *text, int64_t *out_ms);
/* The same where a person asks for what an age may cost: a bare number, which may be meant as days, is refused, but 0. */
int age_parse(const char *text, int64_t *out_ms);
/* "512m", "2g", "1GiB", "64k", "1048576": Docker's binary units, in bytes. */
int size_parse(const char *text, int64_t *out_bytes);
/* "1.5", "2", "0.25": a CPU count, in billionths (the Engine API's NanoCpus). */
int cpus_parse(const char *text, int64_t *out_nano);
/* "2026-11-22T01:19:31.8Z", "2026-11-22T03:19:31+02:00" (RFC 3339): seconds since the epoch. */
int timestamp_parse(const char *text, int64_t *out_seconds);

/* "1.2 s", "3 m 05 s": a duration for people. Writes to `buf`, returns it. */
const char *duration_format(int64_t ms, char *buf, unsigned len);
/* "512 MiB", "1.5 GiB". */
const char *size_format(int64_t bytes, char *buf, unsigned len);

#endif
