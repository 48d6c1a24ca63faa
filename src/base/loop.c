/* Theory of operation: a slot for each descriptor number holds the chain of its watches, and what epoll was told about it. Changes
 * only mark the slot; the kernel is told right before it is asked, and not at all where a change was taken back, so a watch that
 * is silenced and woken within a turn costs nothing. Only the end of a descriptor's last watch is told at once, since the
 * descriptor may be closed next. Events come by descriptor number, so they never lead to a watch that has gone; one that was made
 * while they were handed out has not been reported by them.
 *
 * timers.h and posts.h have what else runs in a turn. */
#include "loop.h"
#include "clock.h"
#include "mem.h"
#include "posts.h"
#include "timers.h"
#include <assert.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

_Static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR && POLLHUP == EPOLLHUP && POLLPRI == EPOLLPRI,
	       "poll(2) and epoll(7) speak of the same events");

enum { FILE_EVENTS = POLLIN | POLLOUT };

struct slot {
	struct watch *watches;
	short told;  /* what epoll watches the descriptor for; 0: it does not */
	short ready; /* what is always there on one that epoll does not take; 0: it takes it */
	bool marked; /* stands in loop.marked */
};

struct loop {
	int epoll, wake; /* made by the first wait; -1 */
	bool running;    /* functions */
	bool posted;     /* the last turn ended with posts, and did not look at descriptors */
	uint32_t turn;
	size_t users; /* watches and timers */
	struct slot *slots;
	size_t n_slots;
	int *marked;
	size_t n_marked, marked_cap;
	int *files; /* whose slot has ready */
	size_t n_files, files_cap;
	size_t n_told; /* slots that epoll knows */
	struct epoll_event *events;
	size_t events_cap;
	struct watch *cursor; /* the next one to run of a chain; a watch that ends moves it on */
	struct watch woken, cancelled;
	struct timers timers;
	struct posts posts;
	struct list_node reaps;
};

struct loop *loop_new(void)
{
	struct loop *l = mem_new(struct loop);

	l->epoll = l->wake = -1;
	timers_init(&l->timers);
	posts_init(&l->posts);
	list_init(&l->reaps);
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	closep(&l->epoll); /* first: what it watches need not be told */
	watch_done(&l->woken);
	watch_done(&l->cancelled);
	assert(!l->users);
	timers_done(&l->timers);
	posts_done(&l->posts);
	closep(&l->wake);
	free(l->slots);
	free(l->marked);
	free(l->files);
	free(l->events);
	free(l);
}

struct list_node *loop_reaps(struct loop *l) { return &l->reaps; }

static struct slot *slot_of(struct loop *l, int fd)
{
	size_t old = l->n_slots;

	assert(fd >= 0);
	if ((size_t)fd >= old) {
		l->slots = mem_grow(l->slots, &l->n_slots, (size_t)fd + 1, sizeof *l->slots);
		memset(l->slots + old, 0, (l->n_slots - old) * sizeof *l->slots);
	}
	return &l->slots[fd];
}

static short slot_wants(const struct slot *s)
{
	unsigned events = 0;

	for (const struct watch *w = s->watches; w; w = w->next)
		events |= (unsigned)w->events;
	return (short)events;
}

static void slot_mark(struct loop *l, int fd)
{
	struct slot *s = slot_of(l, fd);

	if (s->marked)
		return;
	s->marked = true;
	l->marked = mem_grow(l->marked, &l->marked_cap, l->n_marked + 1, sizeof *l->marked);
	l->marked[l->n_marked++] = fd;
}

static void files_add(struct loop *l, int fd, short ready)
{
	if (!l->slots[fd].ready) {
		l->files = mem_grow(l->files, &l->files_cap, l->n_files + 1, sizeof *l->files);
		l->files[l->n_files++] = fd;
	}
	l->slots[fd].ready = ready;
}

static void files_drop(struct loop *l, int fd)
{
	size_t i = 0;

	if (!l->slots[fd].ready)
		return;
	l->slots[fd].ready = 0;
	while (l->files[i] != fd)
		i++;
	l->files[i] = l->files[--l->n_files];
}

/* A descriptor that was closed too early is not known any more, or is another one by now: what epoll says decides. */
static int epoll_tell(struct loop *l, int op, int fd, short events)
{
	struct epoll_event ev = { .events = (uint32_t)events, .data.fd = fd };
	int r = epoll_ctl(l->epoll, op, fd, &ev) < 0 ? errno : 0;

	if (r == ENOENT && op == EPOLL_CTL_MOD)
		return epoll_tell(l, EPOLL_CTL_ADD, fd, events);
	if (r == EEXIST && op == EPOLL_CTL_ADD)
		return epoll_tell(l, EPOLL_CTL_MOD, fd, events);
	return r;
}

static void slot_forget(struct loop *l, int fd)
{
	struct slot *s = &l->slots[fd];

	if (s->told) {
		if (l->epoll >= 0)
			(void)epoll_tell(l, EPOLL_CTL_DEL, fd, 0);
		l->n_told--;
	}
	s->told = 0;
	files_drop(l, fd);
}

static int slot_tell(struct loop *l, int fd, struct err *err)
{
	struct slot *s = &l->slots[fd];
	short want = slot_wants(s);
	int r;

	if (want == s->told && (want || !s->ready))
		return 0;
	if (!want) {
		slot_forget(l, fd);
		return 0;
	}
	r = epoll_tell(l, s->told ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, want);
	if (r == EPERM || r == EBADF) {
		slot_forget(l, fd);
		files_add(l, fd, r == EPERM ? FILE_EVENTS : POLLNVAL);
		return 0;
	}
	if (r)
		return err_sys(err, r, "watch a descriptor");
	l->n_told += !s->told;
	s->told = want;
	files_drop(l, fd);
	return 0;
}

static int tell_all(struct loop *l, struct err *err)
{
	for (size_t i = 0; i < l->n_marked; i++) {
		int fd = l->marked[i], r = slot_tell(l, fd, err);

		if (r < 0)
			return r;
		l->slots[fd].marked = false;
	}
	l->n_marked = 0;
	return 0;
}

void watch_init(struct watch *w, struct loop *l, int fd, short events, loop_fn *fn, void *arg)
{
	struct watch **end = &slot_of(l, fd)->watches;

	*w = (struct watch){ .loop = l, .fd = fd, .events = events, .born = l->turn, .fn = fn, .arg = arg };
	while (*end)
		end = &(*end)->next;
	*end = w;
	l->users++;
	slot_mark(l, fd);
}

void watch_events(struct watch *w, short events)
{
	if (w->events == events)
		return;
	w->events = events;
	slot_mark(w->loop, w->fd);
}

void watch_done(struct watch *w)
{
	struct loop *l = w->loop;
	struct watch **at;

	if (!l)
		return;
	at = &l->slots[w->fd].watches;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	if (l->cursor == w)
		l->cursor = w->next;
	l->users--;
	if (l->slots[w->fd].watches)
		slot_mark(l, w->fd);
	else
		slot_forget(l, w->fd);
	*w = (struct watch){ 0 };
}

void timer_init(struct timer *t, struct loop *l, void (*fn)(void *arg), void *arg)
{
	*t = (struct timer){ .loop = l, .fn = fn, .arg = arg };
	l->users++;
	timers_expect(&l->timers, 1);
}

void timer_set(struct timer *t, int64_t mono) { timers_set(&t->loop->timers, t, mono); }

void timer_done(struct timer *t)
{
	if (!t->loop)
		return;
	timer_set(t, 0);
	t->loop->users--;
	timers_expect(&t->loop->timers, -1);
	*t = (struct timer){ 0 };
}

/* The lock is not held while the kernel is told; the loop outlives us. */
void loop_post(struct loop *l, struct post *p)
{
	if (posts_add(&l->posts, p))
		(void)eventfd_write(l->wake, 1);
}

void loop_unpost(struct loop *l, struct post *p) { posts_remove(&l->posts, p); }

static bool is_own(const struct loop *l, const struct watch *w) { return w == &l->woken || w == &l->cancelled; }

static unsigned run_slot(struct loop *l, int fd, unsigned reported)
{
	unsigned ran = 0;

	for (struct watch *w = l->slots[fd].watches; w; w = l->cursor) {
		unsigned revents = reported & ((unsigned)w->events | POLLERR | POLLHUP | POLLNVAL);

		l->cursor = w->next;
		if (!revents || !w->events || w->born == l->turn)
			continue;
		ran += !is_own(l, w);
		w->fn(w->arg, (short)revents);
	}
	l->cursor = NULL;
	return ran;
}

static unsigned run_watches(struct loop *l, size_t n)
{
	unsigned ran = 0;

	for (size_t i = 0; i < n; i++)
		ran += run_slot(l, l->events[i].data.fd, l->events[i].events);
	return ran;
}

static unsigned run(struct loop *l, size_t n)
{
	unsigned ran;

	assert(!l->running);
	l->running = true;
	l->turn++;
	ran = posts_run(&l->posts);
	ran += run_watches(l, n);
	ran += timers_run(&l->timers);
	l->running = false;
	return ran;
}

static void on_woken(void *arg, short revents)
{
	struct loop *l = arg;
	eventfd_t n;

	(void)revents;
	(void)eventfd_read(l->wake, &n);
}

static void on_cancelled(void *arg, short revents) { (void)arg, (void)revents; }

static int set_up(struct loop *l, struct err *err)
{
	if (l->epoll >= 0)
		return 0;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll >= 0)
		l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake < 0) {
		int r = errno;

		closep(&l->epoll);
		return err_sys(err, r, "epoll");
	}
	watch_init(&l->woken, l, l->wake, POLLIN, on_woken, l);
	return 0;
}

/* Kept from turn to turn; the descriptor is the caller's. */
static void watch_cancel(struct loop *l, const struct ctx *ctx)
{
	int fd = ctx && ctx->cancel ? ctx->cancel->fd : -1;

	if (watch_on(&l->cancelled) && l->cancelled.fd == fd)
		return;
	watch_done(&l->cancelled);
	if (fd >= 0)
		watch_init(&l->cancelled, l, fd, POLLIN, on_cancelled, NULL);
}

/* As long as @ctx allows and no timer is due. */
static int wait_ms(const struct loop *l, const struct ctx *ctx)
{
	struct ctx until = ctx ? *ctx : ctx_none();
	int64_t next = timers_next(&l->timers);

	if (l->n_files || (next && next <= clock_mono()))
		return 0;
	if (next && (!until.deadline || next < until.deadline))
		until.deadline = next;
	return ctx_poll_ms(&until);
}

static size_t add_files(struct loop *l, size_t n)
{
	for (size_t i = 0; i < l->n_files; i++) {
		int fd = l->files[i];

		l->events[n++] = (struct epoll_event){ .events = (uint32_t)l->slots[fd].ready, .data.fd = fd };
	}
	return n;
}

/* What is ready, into l->events, after at most @ms (-1: without end). -errno. */
static int wait_events(struct loop *l, int ms)
{
	int n, e;

	l->events = mem_grow(l->events, &l->events_cap, l->n_told + l->n_files + 1, sizeof *l->events);
	if (ms && !posts_sleep(&l->posts))
		ms = 0;
	n = epoll_wait(l->epoll, l->events, (int)l->n_told + 1, ms);
	e = errno;
	if (ms)
		posts_awake(&l->posts);
	return n < 0 ? -e : (int)add_files(l, (size_t)n);
}

/* Posts alone, every other time: what they do mostly is to send what was begun, and there is nothing to be seen before that. */
static bool run_posts_alone(struct loop *l)
{
	if (l->posted) {
		l->posted = false;
		return false;
	}
	l->running = true;
	l->turn++;
	l->posted = posts_run(&l->posts) > 0;
	l->running = false;
	return l->posted;
}

int loop_turn(struct loop *l, const struct ctx *ctx, struct err *err)
{
	assert(!l->running);
	for (;;) {
		int r = ctx_check(ctx, err), n;

		if (r < 0)
			return r;
		if (run_posts_alone(l))
			return 0;
		r = set_up(l, err);
		if (r < 0)
			return r;
		watch_cancel(l, ctx);
		r = tell_all(l, err);
		if (r < 0)
			return r;
		n = wait_events(l, wait_ms(l, ctx));
		if (n < 0 && n != -EINTR)
			return err_sys(err, -n, "epoll");
		if (run(l, n > 0 ? (size_t)n : 0))
			return 0;
	}
}

int loop_pause(struct loop *l, int64_t ms, const struct ctx *ctx, struct err *err)
{
	const struct ctx until = ctx_within(ctx, ms);
	struct err why = ERR_INIT;
	int r;

	do
		r = loop_turn(l, &until, &why);
	while (r >= 0);
	if (r == -ERR_DEADLINE || r == -ERR_CANCELLED)
		return ctx_check(ctx, err);
	if (err)
		*err = why;
	return r;
}

void loop_poll(struct loop *l)
{
	int n = -1;

	if (set_up(l, NULL) >= 0 && tell_all(l, NULL) >= 0)
		n = wait_events(l, 0);
	(void)run(l, n > 0 ? (size_t)n : 0);
}
