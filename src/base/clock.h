/* Time: monotonic nanoseconds for deadlines and measuring, wall time as RFC 3339 for people and records. */
#pragma once
#include "err.h"
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define NSEC_PER_SEC INT64_C(1000000000)
#define NSEC_PER_MSEC INT64_C(1000000)

int64_t clock_mono(void); /* CLOCK_MONOTONIC, ns */
int64_t clock_wall(void); /* since the epoch, ns */
enum { CLOCK_TEXT = 40 };
/* "2006-01-02T15:04:05.999999999Z", always nine digits, UTC. Returns @out. */
const char *clock_rfc3339(int64_t wall_ns, char out[CLOCK_TEXT]);
/* Any RFC 3339 time between 1677 and 2262, or -ERR_INVALID. */
int clock_parse(const char *s, int64_t *ret_wall_ns, struct err *err);
/* Seconds since the epoch, with or without a fraction, as `date +%s.%N` prints them, until 2262. */
int clock_parse_epoch(const char *s, int64_t *ret_wall_ns, struct err *err);
/* "10s", "1h30m", "500ms" or bare seconds; at most 100 years. -ERR_INVALID names the text. */
int clock_parse_span(const char *s, int64_t *ret_ns, struct err *err);
