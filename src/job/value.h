/* Words that stand for one value and know nothing of the job it goes into: in options, and in a job's JSON form. Errors and
 * outputs as in parse.h. */
#pragma once
#include "err.h"
#include <stdbool.h>
#include <stdint.h>

/* 512, 64k, 10m, 1.5g, 1GiB; powers of 1024; @what names the option */
int parse_size(const char *what, const char *s, int64_t *ret, struct err *err);
/* Seconds: 90, 90s, 5m, 1h30m, 2d; whole ones, at most DURATION_MAX; parts of a second are rounded up. @what names the option */
int parse_duration(const char *what, const char *s, int64_t *ret, struct err *err);
/* "1.5", at least 0.01 */
int parse_cpus(const char *s, double *ret, struct err *err);
/* A whole number in decimal digits; a sign may be in front. */
bool parse_whole(const char *s, int64_t *ret);
/* true, t, 1, false, f, 0 in any case. */
bool parse_switch(const char *s, bool *ret);
/* user[:group], names or numbers, each part 1 to 256 characters without control characters. */
int parse_user(const char *s, struct err *err);
/* "TERM", "SIGTERM", "15", "RTMIN+3" */
int parse_signal(const char *s, int *ret, struct err *err);
