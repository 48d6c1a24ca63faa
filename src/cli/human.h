/* Words and numbers for people. */
#pragma once
#include "buf.h"
#include <stdbool.h>
#include <stdint.h>

enum { HUMAN_TEXT = 48 };
/* "4.26MB": powers of 1000, three digits, as Docker's lists have it. Returns @out. */
const char *human_size(int64_t bytes, char out[HUMAN_TEXT]);
/* "4.07MiB": powers of 1024, four digits, as Docker has memory. Returns @out. */
const char *human_memory(uint64_t bytes, char out[HUMAN_TEXT]);
/* "3 minutes": a number and its unit, at least two of it but for seconds. Returns @out. */
const char *human_span(int64_t ns, char out[HUMAN_TEXT]);
/* "2006-01-02 15:04:05 +0100 CET" in the zone of this machine, as Docker's lists have it; the caller frees. */
char *human_date(int64_t wall_ns);
/* "3 minutes ago", "" when @then is 0. */
const char *human_ago(int64_t then, int64_t now, char out[HUMAN_TEXT]);
