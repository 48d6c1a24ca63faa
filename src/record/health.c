#include "health.h"
#include "clock.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const health_names[] = { "none", "starting", "healthy", "unhealthy" };

const char *health_state_name(enum health_state s) { return health_names[s]; }

const char *health_text(const struct health *h, char out[HEALTH_TEXT])
{
	const int n = snprintf(out, HEALTH_TEXT, "%s %" PRId64 " %" PRId64, health_names[h->state], h->failures, h->at);

	if (h->life)
		(void)snprintf(out + n, HEALTH_TEXT - (size_t)n, " %" PRId64, h->life);
	return out;
}

void health_parse(const char *text, struct health *ret)
{
	const size_t n = text ? strcspn(text, " ") : 0;
	struct health h = { 0 };
	char end;
	int got;

	*ret = h;
	while (n && (size_t)h.state < sizeof health_names / sizeof *health_names &&
	       (strncmp(health_names[h.state], text, n) != 0 || health_names[h.state][n]))
		h.state++;
	if (!n || (size_t)h.state == sizeof health_names / sizeof *health_names)
		return;
	got = sscanf(text + n, " %18" SCNd64 " %19" SCNd64 "%c%19" SCNd64 "%c", &h.failures, &h.at, &end, &h.life, &end);
	if ((got == 2 || (got == 4 && end == ' ')) && h.failures >= 0 && h.at >= 0 && h.life >= 0)
		*ret = h;
}

struct health health_on_record(const struct task *t, const char *label, const char *started)
{
	struct health h = { 0 };
	int64_t since;

	if (!task_is_checked(t))
		return h;
	health_parse(label, &h);
	if (h.state == HEALTH_UNKNOWN || !started || clock_parse(started, &since, NULL) < 0 ||
	    (h.life ? h.life != since : h.at < since))
		health_begin(&h);
	return h;
}

void health_begin(struct health *h) { *h = (struct health){ .state = HEALTH_STARTING }; }

bool health_count(const struct healthcheck *c, bool ok, int64_t started, int64_t now, struct health *h)
{
	const enum health_state before = h->state;
	const bool spared = before == HEALTH_STARTING && now >= started && now - started < c->start_period * NSEC_PER_SEC;

	h->at = now;
	if (ok) {
		h->failures = 0;
		h->state = HEALTH_HEALTHY;
	} else if (!spared) {
		h->failures++;
		if (h->failures >= c->retries)
			h->state = HEALTH_UNHEALTHY;
	}
	return h->state != before;
}

int64_t health_pause(const struct healthcheck *c, const struct health *h, int64_t started, int64_t now)
{
	const bool begins = h->state == HEALTH_STARTING && now - started < c->start_period * NSEC_PER_SEC;
	const int64_t interval = (begins ? c->start_interval : c->interval) * NSEC_PER_SEC;
	const int64_t last = h->at ? h->at : started;
	const int64_t left = last + interval - now;

	return left < 0 ? 0 : left > interval ? interval : left; /* the clock may have been set back */
}
