#include "loop.h"
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

struct loop {
	struct list_node watches;
	unsigned running; /* nesting of run_ready(), at most 1 */
	struct pollfd *pfd;
	struct watch **who;
	size_t n, pfd_cap, who_cap;
};

struct loop *loop_new(void)
{
	struct loop *l = mem_new(struct loop);

	list_init(&l->watches);
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	assert(list_empty(&l->watches));
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

void watch_events(struct watch *w, short events)
{
	w->events = events;
}

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
	list_for_each(it, &l->watches) {
		struct watch *w = container_of(it, struct watch, node);

		if (w->dead)
			watch_free(w);
	}
	return ran;
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
		n = poll(l->pfd, l->n + 1, ctx_poll_ms(ctx));
		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "poll");
		if (n > 0 && run_ready(l))
			return 0;
	}
}

void loop_poll(struct loop *l)
{
	collect(l);
	if (poll(l->pfd, l->n, 0) > 0)
		(void)run_ready(l);
}
