#include "loop.h"
#include "clock.h"
#include "list.h"
#include "mem.h"
#include <assert.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>

struct watch {
	struct list_node node;
	struct loop *loop;
	int fd;
	short events;
	bool dead; /* freed while the loop ran its functions: the loop frees it afterwards */
	loop_fn *fn;
	void *arg;
};

struct timer {
	struct list_node node;
	struct loop *loop;
	int64_t at; /* 0: never */
	bool dead;  /* as a watch's */
	void (*fn)(void *arg);
	void *arg;
};

struct loop {
	struct list_node watches, timers;
	unsigned running; /* nesting of run_ready() and run_timers(), at most 1 */
	struct pollfd *pfd;
	struct watch **who;
	size_t n, pfd_cap, who_cap;
};

struct loop *loop_new(void)
{
	struct loop *l = mem_new(struct loop);

	list_init(&l->watches);
	list_init(&l->timers);
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	assert(list_empty(&l->watches) && list_empty(&l->timers));
	free(l->pfd);
	free(l->who);
	free(l);
}

struct watch *loop_watch(struct loop *l, int fd, short events, loop_fn *fn, void *arg)
{
	struct watch *w = mem_new(struct watch);

	assert(fd >= 0);
	*w = (struct watch){ .loop = l, .fd = fd, .events = events, .fn = fn, .arg = arg };
	list_push(&l->watches, &w->node);
	return w;
}

void watch_events(struct watch *w, short events) { w->events = events; }

void watch_free(struct watch *w)
{
	if (!w)
		return;
	w->dead = true;
	if (w->loop->running)
		return;
	list_unlink(&w->node);
	free(w);
}

struct timer *loop_timer(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct timer *t = mem_new(struct timer);

	*t = (struct timer){ .loop = l, .fn = fn, .arg = arg };
	list_push(&l->timers, &t->node);
	return t;
}

void timer_set(struct timer *t, int64_t mono) { t->at = mono; }

void timer_free(struct timer *t)
{
	if (!t)
		return;
	t->dead = true;
	if (t->loop->running)
		return;
	list_unlink(&t->node);
	free(t);
}

static void collect(struct loop *l)
{
	l->n = 0;
	list_for_each(it, &l->watches) {
		struct watch *w = container_of(it, struct watch, node);

		if (!w->events)
			continue;
		l->pfd = mem_grow(l->pfd, &l->pfd_cap, l->n + 2, sizeof *l->pfd);
		l->who = mem_grow(l->who, &l->who_cap, l->n + 2, sizeof(struct watch *));
		l->pfd[l->n] = (struct pollfd){ .fd = w->fd, .events = w->events };
		l->who[l->n++] = w;
	}
	if (!l->pfd)
		l->pfd = mem_grow(NULL, &l->pfd_cap, 2, sizeof *l->pfd);
}

/* Functions may add and free watches: what was collected is not touched until all have run. */
static unsigned run_ready(struct loop *l)
{
	unsigned ran = 0;

	assert(!l->running);
	l->running++;
	for (size_t i = 0; i < l->n; i++) {
		struct watch *w = l->who[i];

		if (w->dead || !l->pfd[i].revents || !w->events)
			continue;
		w->fn(w->arg, l->pfd[i].revents);
		ran++;
	}
	l->running--;
	return ran;
}

static unsigned run_timers(struct loop *l)
{
	int64_t now = list_empty(&l->timers) ? 0 : clock_mono();
	unsigned ran = 0;

	l->running++;
	list_for_each(it, &l->timers) {
		struct timer *t = container_of(it, struct timer, node);

		if (t->dead || !t->at || t->at > now)
			continue;
		t->at = 0;
		t->fn(t->arg);
		ran++;
	}
	l->running--;
	return ran;
}

static void bury(struct loop *l)
{
	list_for_each(it, &l->watches) {
		struct watch *w = container_of(it, struct watch, node);

		if (w->dead)
			watch_free(w);
	}
	list_for_each(it, &l->timers) {
		struct timer *t = container_of(it, struct timer, node);

		if (t->dead)
			timer_free(t);
	}
}

static unsigned run(struct loop *l, bool ready)
{
	unsigned ran = ready ? run_ready(l) : 0;

	ran += run_timers(l);
	if (ran)
		bury(l);
	return ran;
}

/* As long as @ctx allows and no timer is due. */
static int poll_ms(const struct loop *l, const struct ctx *ctx)
{
	struct ctx until = ctx ? *ctx : ctx_none();

	list_for_each(it, &l->timers) {
		const struct timer *t = container_of(it, struct timer, node);

		if (t->at && (!until.deadline || t->at < until.deadline))
			until.deadline = t->at;
	}
	return ctx_poll_ms(&until);
}

int loop_turn(struct loop *l, const struct ctx *ctx, struct err *err)
{
	bool cancellable = ctx && ctx->cancel && ctx->cancel->fd >= 0;

	for (;;) {
		int r = ctx_check(ctx, err), n;

		if (r < 0)
			return r;
		collect(l);
		l->pfd[l->n] = (struct pollfd){ .fd = cancellable ? ctx->cancel->fd : -1, .events = POLLIN };
		n = poll(l->pfd, l->n + 1, poll_ms(l, ctx));
		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "poll");
		if (run(l, n > 0))
			return 0;
	}
}

void loop_poll(struct loop *l)
{
	collect(l);
	(void)run(l, poll(l->pfd, l->n, 0) > 0);
}
