/* What the checks of a task have said since it was started, in RUN/NS/ID.health: written after each by who does them, read by who
 * looks, and by who goes on where another was killed. The state alone stands on the record, too (RECORD_HEALTH), which is written
 * only where it changes. */
#pragma once
#include "core.h"
#include "health.h"

enum { HEALTH_LOG_MAX = 5 /* as Docker keeps */ };

struct health_entry {
	int64_t began, ended; /* wall ns */
	int64_t exit_code;
	char *output;
};
struct health_log {
	char *life; /* RECORD_STARTED of the life that it is of */
	struct health health;
	int64_t changed; /* since when it has been in that state; 0: from the start */
	struct health_entry v[HEALTH_LOG_MAX];
	size_t n; /* oldest first */
};
void health_log_done(struct health_log *);
/* The oldest goes. */
void health_log_add(struct health_log *, int64_t began, int64_t ended, int64_t exit_code, const char *output);
/* False: there is none of that life. */
bool health_log_read(const struct core *, const char *id, const char *life, struct health_log *ret);
int health_log_write(const struct core *, const char *id, const struct health_log *, struct err *err);
void health_log_forget(const struct core *, const char *id);

/* What RECORD_HEALTH says: the state, and since when. */
const char *health_log_label(const struct health_log *, char out[HEALTH_TEXT]);
/* {"status","failing_streak","log":[{"start","end","exit_code","output"}]}. */
json *health_log_json(const struct health_log *);
