/* A time that people write: RFC 3339, the same without its zone (then it is this machine's) or only a day, seconds since 1970
 * (date +%s), or how long ago ("10m"). Docker's forms. */
#pragma once
#include "err.h"
#include <stdint.h>

/* *@ret: clock_wall(). -ERR_INVALID, which names @noun ("flag --since"). */
int when_parse(const char *noun, const char *s, int64_t *ret, struct err *err);
