/* Whether a task that has ended is started again, and when: pure, by its policy (struct restart), what its ends have counted up so
 * far (kept on the record's label RECORD_RESTARTS, so that it outlives whoever watches), and how it ended.
 *
 * Without a delay of its own the pause is Docker's: 100 ms, doubled by each restart to a minute at most, from the beginning again
 * after a life of 10 s. With one (Nomad's restart stanza) it is that delay, attempts are counted within an interval that begins
 * with its first end, and mode says what follows the last of them: the end, or the next interval.
 *
 * Times are wall ns. A clock that jumps makes no pause longer than it was decided to be, and none negative. */
#pragma once
#include "job.h"

enum { RESTART_PAUSE_MS = 100, RESTART_PAUSE_MAX_MS = 60000, RESTART_LONG_LIFE_MS = 10000 };

struct restarts {
	int64_t count;    /* since a person started it */
	int64_t pause_ms; /* of the last one; 0: from the beginning */
	int64_t attempts; /* within the interval that began at @since */
	int64_t since;    /* 0: none has begun */
	int64_t at;       /* when the next start is due; 0: none is */
};
enum { RESTARTS_TEXT = 128 };
/* "COUNT PAUSE ATTEMPTS SINCE AT". Returns @out. */
const char *restarts_text(const struct restarts *, char out[RESTARTS_TEXT]);
/* NULL is all zero. -ERR_INVALID for what is none: then @ret is all zero, too. */
int restarts_parse(const char *text, struct restarts *ret, struct err *err);

struct restart_end {
	int exit_code;
	int64_t started_at, ended_at; /* 0: not known */
	bool by_hand;                 /* a person has stopped it */
};
enum restart_verdict {
	RESTART_STAY,      /* the policy has none for this end */
	RESTART_EXHAUSTED, /* its attempts are used up */
	RESTART_AGAIN,     /* at @state->at */
};
/* @policy NULL: no. Changes @state only where it is RESTART_AGAIN. */
enum restart_verdict restart_decide(const struct restart *policy, const struct restart_end *, int64_t now, struct restarts *state);
/* The start that was due is made. */
void restart_begun(struct restarts *);
/* ns until it is due: 0 when it is, at most the pause that was decided. */
int64_t restart_remaining(const struct restart *policy, const struct restarts *, int64_t now);
/* After a boot: is a task that ran when the host went down, or that a person had stopped (@by_hand), started? As Docker's daemon
 * does: always in any case, unless-stopped and on-failure only what was not stopped. */
bool restart_at_boot(const struct restart *policy, bool by_hand);
