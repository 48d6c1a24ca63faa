#include "restart-policy.h"
#include "clock.h"
#include "value.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *restarts_text(const struct restarts *s, char out[RESTARTS_TEXT])
{
	(void)snprintf(out, RESTARTS_TEXT, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, s->count, s->pause_ms,
		       s->attempts, s->since, s->at);
	return out;
}

int restarts_parse(const char *text, struct restarts *ret, struct err *err)
{
	struct restarts s = { 0 };
	int64_t *const fields[] = { &s.count, &s.pause_ms, &s.attempts, &s.since, &s.at };
	const char *p = text;

	*ret = (struct restarts){ 0 };
	for (size_t i = 0; p && i < sizeof fields / sizeof *fields; i++) {
		char word[24];
		const size_t n = strcspn(p, " ");

		(void)snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), p);
		if (n >= sizeof word || !parse_whole(word, fields[i]) || *fields[i] < 0 || (!p[n] && i < 4) || (p[n] && i == 4))
			return err_set(err, ERR_INVALID, "counts of restarts \"%.80s\": not five numbers", text);
		p += n + 1;
	}
	*ret = s;
	return 0;
}

/* Docker's: a long life begins anew. */
static int64_t next_pause(const struct restarts *s, const struct restart_end *end)
{
	const int64_t life = end->started_at && end->ended_at ? end->ended_at - end->started_at : 0;

	if (!s->pause_ms || life >= RESTART_LONG_LIFE_MS * NSEC_PER_MSEC)
		return RESTART_PAUSE_MS;
	return s->pause_ms * 2 < RESTART_PAUSE_MAX_MS ? s->pause_ms * 2 : RESTART_PAUSE_MAX_MS;
}

static bool wanted(const struct restart *p, const struct restart_end *end)
{
	if (!p || p->policy == RESTART_NO || end->by_hand)
		return false;
	return p->policy != RESTART_ON_FAILURE || end->exit_code != 0;
}

/* An interval of 0 never ends. One that lies in the future is of a clock that was set back. What is in it or not is the end,
 * not the look at it, which may come later. */
static bool interval_is_over(const struct restart *p, const struct restarts *s, const struct restart_end *end, int64_t now)
{
	const int64_t ended = end->ended_at && end->ended_at < now ? end->ended_at : now;

	return !s->since || (p->interval && (now < s->since || ended - s->since > p->interval * NSEC_PER_SEC));
}

enum restart_verdict restart_decide(const struct restart *p, const struct restart_end *end, int64_t now, struct restarts *state)
{
	struct restarts s = *state;
	bool used_up;

	if (!wanted(p, end))
		return RESTART_STAY;
	if (interval_is_over(p, &s, end, now)) {
		s.since = now;
		s.attempts = 0;
	}
	used_up = p->attempts && s.attempts >= p->attempts;
	if (used_up && (p->mode == RESTART_FAIL || !p->interval))
		return RESTART_EXHAUSTED;
	if (used_up) { /* the next interval begins with that start */
		s.at = s.since + p->interval * NSEC_PER_SEC;
		s.since = s.at;
		s.attempts = 0;
	} else if (p->delay) {
		s.at = now + p->delay * NSEC_PER_SEC;
	} else {
		s.pause_ms = next_pause(&s, end);
		s.at = now + s.pause_ms * NSEC_PER_MSEC;
	}
	s.attempts++;
	*state = s;
	return RESTART_AGAIN;
}

void restart_begun(struct restarts *s)
{
	s->count++;
	s->at = 0;
}

int64_t restart_remaining(const struct restart *p, const struct restarts *s, int64_t now)
{
	const int64_t pause = p->delay ? p->delay * NSEC_PER_SEC : s->pause_ms * NSEC_PER_MSEC,
		      longest = pause + p->interval * NSEC_PER_SEC, left = s->at - now;

	if (left <= 0)
		return 0;
	return left < longest ? left : longest;
}

bool restart_at_boot(const struct restart *p, bool by_hand)
{
	return p && p->policy != RESTART_NO && (p->policy == RESTART_ALWAYS || !by_hand);
}
