#include "timers.h"
#include "clock.h"
#include "mem.h"
#include <assert.h>

void timers_init(struct timers *ts)
{
	*ts = (struct timers){ 0 };
	list_init(&ts->due);
}

void timers_done(struct timers *ts)
{
	assert(!ts->n && list_empty(&ts->due));
	free(ts->heap);
}

static bool is_earlier(const struct timer *a, const struct timer *b) { return a->at != b->at ? a->at < b->at : a->seq < b->seq; }

static void heap_put(struct timers *ts, size_t place, struct timer *t)
{
	ts->heap[place] = t;
	t->place = place;
}

/* @t finds its place from @place on, where there is none at present. */
static void heap_settle(struct timers *ts, size_t place, struct timer *t)
{
	while (place > 1 && is_earlier(t, ts->heap[place / 2])) {
		heap_put(ts, place, ts->heap[place / 2]);
		place /= 2;
	}
	for (size_t child; (child = place * 2) <= ts->n; place = child) {
		if (child < ts->n && is_earlier(ts->heap[child + 1], ts->heap[child]))
			child++;
		if (is_earlier(t, ts->heap[child]))
			break;
		heap_put(ts, place, ts->heap[child]);
	}
	heap_put(ts, place, t);
}

static void heap_remove(struct timers *ts, struct timer *t)
{
	struct timer *last = ts->heap[ts->n--];
	size_t place = t->place;

	t->place = 0;
	if (last != t)
		heap_settle(ts, place, last);
}

void timers_expect(struct timers *ts, int more)
{
	ts->expected += (size_t)more;
	ts->heap = mem_grow(ts->heap, &ts->cap, ts->expected + 1, sizeof(struct timer *));
}

void timers_set(struct timers *ts, struct timer *t, int64_t at)
{
	list_unlink(&t->due);
	if (t->place)
		heap_remove(ts, t);
	t->at = at;
	t->seq = ts->seq++;
	if (!at)
		return;
	heap_settle(ts, ++ts->n, t);
}

int64_t timers_next(const struct timers *ts) { return ts->n ? ts->heap[1]->at : 0; }

unsigned timers_run(struct timers *ts)
{
	int64_t now = ts->n ? clock_mono() : 0;
	unsigned ran = 0;

	while (ts->n && ts->heap[1]->at <= now) {
		struct timer *t = ts->heap[1];

		heap_remove(ts, t);
		list_push(&ts->due, &t->due);
	}
	for (; !list_empty(&ts->due); ran++) {
		struct timer *t = container_of(ts->due.next, struct timer, due);

		list_unlink(&t->due);
		t->at = 0;
		t->fn(t->arg);
	}
	return ran;
}
