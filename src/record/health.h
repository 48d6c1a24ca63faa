/* How healthy a task is, from what its checks (struct healthcheck) have said so far: pure. Kept on the record's label
 * RECORD_HEALTH, so that it outlives whoever asks. As Docker has it: it is starting until a check succeeds, or until so many in a
 * row have failed as make it unhealthy, of which none counts within start_period; later failures count from the first, and one
 * success heals. */
#pragma once
#include "job.h"

enum health_state { HEALTH_UNKNOWN /* it has no check */, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };
const char *health_state_name(enum health_state); /* "none", "starting", "healthy", "unhealthy" */

struct health {
	enum health_state state;
	int64_t failures; /* in a row */
	int64_t at;       /* of the last check, wall ns; 0: there was none */
	int64_t life;     /* when the life that it is of began; 0: that is not said */
};
enum { HEALTH_TEXT = 96 };
/* "STATE FAILURES AT", and " LIFE" where that is said. Returns @out. */
const char *health_text(const struct health *, char out[HEALTH_TEXT]);
/* NULL and what is none: all zero. */
void health_parse(const char *text, struct health *ret);

/* What RECORD_HEALTH of a task that runs says; @started is its RECORD_STARTED. What is of another life is nothing: where it
 * does not say of which it is, of one before, which a clock that was set back would confuse. */
struct health health_on_record(const struct task *, const char *label, const char *started);

/* It is started. */
void health_begin(struct health *);
/* A check of a task that was started at @started has ended at @now. True: the state is another than before. */
bool health_count(const struct healthcheck *, bool ok, int64_t started, int64_t now, struct health *);
/* For how long nobody asks, from @now on: the interval from the last check, or from the start, that holds at this time. */
int64_t health_pause(const struct healthcheck *, const struct health *, int64_t started, int64_t now);
