#include "test.h"
#include "clock.h"
#include "loop.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct fixture {
	struct loop *loop;
	int a[2], b[2];
	struct watch *wa, *wb, *wc;
	struct timer *ta, *tb;
	struct post post;
	int ran_a, ran_b;
	short seen;
};

/* Allocated, so that the sanitizer sees who touches one that has gone. */
static struct watch *watch_new(struct loop *l, int fd, short events, loop_fn *fn, void *arg)
{
	struct watch *w = malloc(sizeof *w);

	watch_init(w, l, fd, events, fn, arg);
	return w;
}

static void watch_free(struct watch *w)
{
	if (w)
		watch_done(w);
	free(w);
}

static struct timer *timer_new(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct timer *t = malloc(sizeof *t);

	timer_init(t, l, fn, arg);
	return t;
}

static void timer_free(struct timer *t)
{
	if (t)
		timer_done(t);
	free(t);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->loop = loop_new();
	assert_int_equal(pipe2(f->a, O_CLOEXEC), 0);
	assert_int_equal(pipe2(f->b, O_CLOEXEC), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	watch_free(f->wa);
	watch_free(f->wb);
	watch_free(f->wc);
	timer_free(f->ta);
	timer_free(f->tb);
	loop_free(f->loop);
	for (int i = 0; i < 2; i++) {
		(void)close(f->a[i]);
		(void)close(f->b[i]);
	}
	free(f);
	return 0;
}

static void on_a(void *arg, short revents)
{
	struct fixture *f = arg;

	f->ran_a++;
	f->seen = revents;
}

static void on_b(void *arg, short revents)
{
	struct fixture *f = arg;

	(void)revents;
	f->ran_b++;
}

static void count(void *arg, short revents)
{
	(void)revents;
	++*(int *)arg;
}

static void put(int fd) { assert_int_equal(write(fd, "x", 1), 1); }

static void runs_what_is_ready(void **state)
{
	struct fixture *f = *state;

	f->wa = watch_new(f->loop, f->a[0], POLLIN, on_a, f);
	f->wb = watch_new(f->loop, f->b[0], POLLIN, on_b, f);
	loop_poll(f->loop);
	assert_int_equal(f->ran_a + f->ran_b, 0);
	put(f->a[1]);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->ran_a, 1);
	assert_int_equal(f->ran_b, 0);
	assert_int_equal(f->seen, POLLIN);
	put(f->b[1]);
	loop_poll(f->loop);
	assert_int_equal(f->ran_a, 2);
	assert_int_equal(f->ran_b, 1);
}

static void tells_of_a_hangup(void **state)
{
	struct fixture *f = *state;

	f->wa = watch_new(f->loop, f->a[0], POLLIN, on_a, f);
	(void)close(f->a[1]);
	f->a[1] = -1;
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_true(f->seen & POLLHUP);
}

static void silent_watches_are_not_polled(void **state)
{
	struct fixture *f = *state;
	struct ctx soon = ctx_within(NULL, 5);
	struct err err = ERR_INIT;

	f->wa = watch_new(f->loop, f->a[0], 0, on_a, f);
	put(f->a[1]);
	assert_int_equal(loop_turn(f->loop, &soon, &err), -ERR_DEADLINE);
	assert_int_equal(f->ran_a, 0);
	watch_events(f->wa, POLLIN);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->ran_a, 1);
}

static void frees_both(void *arg, short revents)
{
	struct fixture *f = arg;

	(void)revents;
	f->ran_a++;
	watch_free(TAKE_PTR(f->wa));
	watch_free(TAKE_PTR(f->wb));
}

static void a_freed_watch_does_not_run(void **state)
{
	struct fixture *f = *state;

	f->wa = watch_new(f->loop, f->a[0], POLLIN, frees_both, f);
	f->wb = watch_new(f->loop, f->b[0], POLLIN, on_b, f);
	put(f->a[1]);
	put(f->b[1]);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->ran_a, 1);
	assert_int_equal(f->ran_b, 0); /* was ready, but is gone */
	loop_poll(f->loop);
	assert_int_equal(f->ran_a, 1);
}

static void replaces_itself(void *arg, short revents)
{
	struct fixture *f = arg;

	(void)revents;
	f->ran_a++;
	watch_free(f->wa);
	f->wa = watch_new(f->loop, f->a[0], POLLIN, on_a, f);
	for (int i = 0; i < 50; i++) /* so many that the arrays move */
		watch_free(watch_new(f->loop, f->b[0], POLLIN, on_b, f));
	f->wc = watch_new(f->loop, f->b[0], POLLIN, on_b, f);
}

static void watches_may_be_added_while_running(void **state)
{
	struct fixture *f = *state;

	put(f->a[1]);
	put(f->b[1]);
	f->wa = watch_new(f->loop, f->a[0], POLLIN, replaces_itself, f);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->ran_a, 1);
	assert_int_equal(f->ran_b, 0); /* new ones wait for the next turn */
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->ran_a, 2);
	assert_int_equal(f->ran_b, 1);
}

static void waits_end(void **state)
{
	struct fixture *f = *state;
	struct cancel cancel = { .on = 0, .fd = f->b[0] };
	struct ctx c = { .cancel = &cancel }, soon = ctx_within(NULL, 20), past = { .deadline = 1 };
	struct err err = ERR_INIT;
	int64_t began = clock_mono();

	f->wa = watch_new(f->loop, f->a[0], POLLIN, on_a, f);
	assert_int_equal(loop_turn(f->loop, &soon, &err), -ERR_DEADLINE);
	assert_true(clock_mono() - began >= 20 * NSEC_PER_MSEC);
	err = (struct err)ERR_INIT;
	put(f->a[1]); /* even with something ready: the check comes first */
	assert_int_equal(loop_turn(f->loop, &past, &err), -ERR_DEADLINE);
	assert_int_equal(f->ran_a, 0);
	err = (struct err)ERR_INIT;
	cancel.on = SIGINT;
	put(f->b[1]);
	assert_int_equal(loop_turn(f->loop, &c, &err), -ERR_CANCELLED);
}

static struct cancel late = { .on = 0, .fd = -1 };

static void on_alarm(int sig) { late.on = sig; }

static void a_signal_ends_a_wait(void **state)
{
	struct fixture *f = *state;
	struct ctx c = { .cancel = &late };
	struct err err = ERR_INIT;
	const struct sigaction sa = { .sa_handler = on_alarm }, old = { .sa_handler = SIG_DFL };
	timer_t timer;
	const struct itimerspec in = { .it_value.tv_nsec = 20 * NSEC_PER_MSEC };

	f->wa = watch_new(f->loop, f->a[0], POLLIN, on_a, f);
	assert_int_equal(sigaction(SIGALRM, &sa, NULL), 0);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &in, NULL), 0);
	assert_int_equal(loop_turn(f->loop, &c, &err), -ERR_CANCELLED);
	(void)timer_delete(timer);
	(void)sigaction(SIGALRM, &old, NULL);
}

static void tick_a(void *arg) { on_a(arg, 0); }

static void tick_b(void *arg) { on_b(arg, 0); }

static void timers_run_once(void **state)
{
	struct fixture *f = *state;
	int64_t began = clock_mono();
	struct ctx soon;

	f->ta = timer_new(f->loop, tick_a, f);
	f->tb = timer_new(f->loop, tick_b, f);
	timer_set(f->ta, began + 20 * NSEC_PER_MSEC);
	loop_poll(f->loop);
	assert_int_equal(f->ran_a, 0);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_true(clock_mono() - began >= 20 * NSEC_PER_MSEC);
	assert_int_equal(f->ran_a, 1);
	soon = ctx_within(NULL, 10);
	assert_int_equal(loop_turn(f->loop, &soon, NULL), -ERR_DEADLINE); /* it is not set any more */
	timer_set(f->ta, 1);                                              /* long past */
	timer_set(f->tb, 1);
	timer_set(f->tb, 0);
	loop_poll(f->loop);
	assert_int_equal(f->ran_a, 2);
	assert_int_equal(f->ran_b, 0);
}

static void tick_that_frees(void *arg)
{
	struct fixture *f = arg;

	f->ran_a++;
	timer_free(TAKE_PTR(f->ta));
	timer_free(TAKE_PTR(f->tb));
	watch_free(TAKE_PTR(f->wa));
}

static void timers_may_be_freed_while_running(void **state)
{
	struct fixture *f = *state;

	f->wa = watch_new(f->loop, f->a[0], POLLIN, on_a, f);
	f->ta = timer_new(f->loop, tick_that_frees, f);
	f->tb = timer_new(f->loop, tick_b, f);
	timer_set(f->ta, 1);
	timer_set(f->tb, 1);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->ran_a, 1);
	assert_int_equal(f->ran_b, 0);
}

static void many_fds_are_told_apart(void **state)
{
	enum { N = 600 };
	struct fixture *f = *state;
	static struct watch w[N];
	static int fd[N][2], ran[N];
	const struct rlimit most = { 4096, 4096 };
	int sum = 0;

	(void)setrlimit(RLIMIT_NOFILE, &most);
	for (int i = 0; i < N; i++) {
		assert_int_equal(pipe2(fd[i], O_CLOEXEC), 0);
		watch_init(&w[i], f->loop, fd[i][0], POLLIN, count, &ran[i]);
	}
	loop_poll(f->loop);
	for (int i = 0; i < N; i += 2)
		put(fd[i][1]);
	loop_poll(f->loop); /* all that is ready, and only that */
	for (int i = 0; i < N; i++)
		assert_int_equal(ran[i], i % 2 == 0);
	for (int i = 0; i < N; i += 2)
		watch_events(&w[i], 0);
	put(fd[N - 1][1]);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	for (int i = 0; i < N; i++)
		sum += ran[i];
	assert_int_equal(sum, N / 2 + 1);
	for (int i = 0; i < N; i++) {
		watch_done(&w[i]);
		(void)close(fd[i][0]);
		(void)close(fd[i][1]);
	}
}

/* What epoll(7) refuses, and poll(2) calls ready: a job's standard input and output are often such. */
static void files_are_always_ready(void **state)
{
	static const struct {
		const char *path;
		int how;
	} rows[] = { { "/etc/passwd", O_RDONLY },
		     { "/dev/null", O_RDONLY },
		     { "/dev/zero", O_RDONLY },
		     { "/etc", O_RDONLY | O_DIRECTORY } };
	struct fixture *f = *state;
	struct ctx soon;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int fd = open(rows[i].path, rows[i].how | O_CLOEXEC), other = 0;
		struct watch w = { 0 };

		assert_true(fd >= 0);
		f->ran_a = 0;
		watch_init(&w, f->loop, fd, POLLIN, on_a, f);
		assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
		loop_poll(f->loop);
		assert_int_equal(f->ran_a, 2);
		assert_int_equal(f->seen, POLLIN);
		f->wb = watch_new(f->loop, f->b[0], POLLIN, on_b, f); /* others have their turn beside it */
		put(f->b[1]);
		other = f->ran_b;
		loop_poll(f->loop);
		assert_int_equal(f->ran_b, other + 1);
		assert_int_equal(read(f->b[0], &(char){ 0 }, 1), 1);
		watch_free(TAKE_PTR(f->wb));
		watch_events(&w, 0);
		soon = ctx_within(NULL, 5);
		assert_int_equal(loop_turn(f->loop, &soon, NULL), -ERR_DEADLINE);
		watch_events(&w, POLLIN | POLLOUT);
		loop_poll(f->loop);
		assert_int_equal(f->seen, POLLIN | POLLOUT);
		watch_done(&w);
		(void)close(fd);
	}
	soon = ctx_within(NULL, 5);
	assert_int_equal(loop_turn(f->loop, &soon, NULL), -ERR_DEADLINE); /* none is left */
}

static void a_descriptor_that_is_not_open_is_told(void **state)
{
	struct fixture *f = *state;
	int fd = fcntl(f->a[0], F_DUPFD_CLOEXEC, 50);

	(void)close(fd);
	f->wa = watch_new(f->loop, fd, POLLIN, on_a, f);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->seen, POLLNVAL);
}

static void one_descriptor_may_have_several_watches(void **state)
{
	struct fixture *f = *state;
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	f->wa = watch_new(f->loop, s[0], POLLIN, on_a, f);
	f->wb = watch_new(f->loop, s[0], POLLOUT, on_b, f);
	loop_poll(f->loop);
	assert_int_equal(f->ran_a, 0);
	assert_int_equal(f->ran_b, 1);
	watch_events(f->wb, 0);
	put(s[1]);
	loop_poll(f->loop);
	assert_int_equal(f->ran_a, 1);
	assert_int_equal(f->seen, POLLIN);
	assert_int_equal(f->ran_b, 1);
	watch_free(TAKE_PTR(f->wa));
	watch_events(f->wb, POLLOUT);
	loop_poll(f->loop);
	assert_int_equal(f->ran_b, 2);
	f->wa = watch_new(f->loop, s[0], POLLIN, frees_both, f);
	f->wc = watch_new(f->loop, s[0], POLLIN, on_b, f);
	loop_poll(f->loop); /* the chain is walked while it gets shorter */
	assert_int_equal(f->ran_a, 2);
	assert_int_equal(f->ran_b, 4);
	watch_free(TAKE_PTR(f->wc));
	(void)close(s[0]);
	(void)close(s[1]);
}

/* Closed too early, by mistake: the next one of that number is watched all the same. */
static void a_number_comes_again(void **state)
{
	struct fixture *f = *state;
	int p[2], again[2];

	for (int early = 0; early < 2; early++) {
		assert_int_equal(pipe2(p, O_CLOEXEC), 0);
		f->wa = watch_new(f->loop, p[0], POLLIN, on_a, f);
		loop_poll(f->loop);
		if (early)
			(void)close(p[0]);
		watch_free(f->wa);
		if (!early)
			(void)close(p[0]);
		assert_int_equal(pipe2(again, O_CLOEXEC), 0);
		assert_int_equal(again[0], p[0]);
		f->wa = watch_new(f->loop, again[0], POLLIN, on_a, f);
		put(again[1]);
		assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
		assert_int_equal(f->ran_a, early + 1);
		watch_free(TAKE_PTR(f->wa));
		(void)close(again[0]);
		(void)close(again[1]);
		(void)close(p[1]);
	}
}

/* The memory too, and that of those that would have run next. */
struct heap_owner {
	struct watch watch;
	struct timer timer;
	struct post post;
	struct loop *loop;
	struct heap_owner *peer;
	int *ran;
};

static void owner_free(struct heap_owner *o)
{
	watch_done(&o->watch);
	timer_done(&o->timer);
	loop_unpost(o->loop, &o->post);
	free(o);
}

static void owner_ends_both(void *arg)
{
	struct heap_owner *o = arg;

	++*o->ran;
	owner_free(o->peer);
	owner_free(o);
}

static void owner_on_watch(void *arg, short revents)
{
	(void)revents;
	owner_ends_both(arg);
}

static struct heap_owner *owner_new(struct fixture *f)
{
	struct heap_owner *o = calloc(1, sizeof *o);

	o->loop = f->loop;
	o->ran = &f->ran_a;
	watch_init(&o->watch, f->loop, f->a[0], 0, owner_on_watch, o);
	timer_init(&o->timer, f->loop, owner_ends_both, o);
	post_init(&o->post, owner_ends_both, o);
	return o;
}

static void owners_may_be_freed_inside_any_function(void **state)
{
	struct fixture *f = *state;

	put(f->a[1]);
	for (int kind = 0; kind < 3; kind++) {
		struct heap_owner *o[2] = { owner_new(f), owner_new(f) };

		for (int i = 0; i < 2; i++) {
			o[i]->peer = o[!i];
			if (kind == 0)
				watch_events(&o[i]->watch, POLLIN);
			else if (kind == 1)
				timer_set(&o[i]->timer, 1);
			else
				loop_post(f->loop, &o[i]->post);
		}
		assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
		loop_poll(f->loop);
		assert_int_equal(f->ran_a, kind + 1);
	}
}

enum { TIMERS = 10000 };

struct many {
	struct timer timer;
	int64_t at;
	unsigned *n;
	struct many **order;
};

static void note_many(void *arg)
{
	struct many *m = arg;

	m->order[(*m->n)++] = m;
}

static void ten_thousand_timers_run_in_order(void **state)
{
	struct fixture *f = *state;
	struct many *m = calloc(TIMERS, sizeof *m), **order = calloc(TIMERS, sizeof(struct many *));
	unsigned n = 0, seed = 7, want = 0;

	for (unsigned i = 0; i < TIMERS; i++) {
		m[i] = (struct many){ .n = &n, .order = order };
		timer_init(&m[i].timer, f->loop, note_many, &m[i]);
		for (unsigned k = 0; k <= i % 3; k++) { /* some are set more than once */
			m[i].at = 1 + (int64_t)((seed = seed * 1664525 + 1013904223) >> 20);
			timer_set(&m[i].timer, m[i].at);
		}
	}
	for (unsigned i = 0; i < TIMERS; i++) {
		if (i % 5 == 0)
			timer_set(&m[i].timer, m[i].at = 0);
		else if (i % 7 == 0)
			timer_set(&m[i].timer, m[i].at = INT64_MAX);
		else
			want++;
	}
	loop_poll(f->loop);
	assert_int_equal(n, want);
	for (unsigned i = 1; i < n; i++)
		assert_true(order[i - 1]->at < order[i]->at || (order[i - 1]->at == order[i]->at && order[i - 1] < order[i]));
	for (unsigned i = 0; i < TIMERS; i++)
		timer_done(&m[i].timer);
	free(m);
	free(order);
}

static void sets_itself_again(void *arg)
{
	struct fixture *f = arg;

	f->ran_a++;
	timer_set(f->ta, 1);
}

static void a_timer_runs_once_a_turn(void **state)
{
	struct fixture *f = *state;

	f->ta = timer_new(f->loop, sets_itself_again, f);
	f->tb = timer_new(f->loop, tick_b, f);
	timer_set(f->ta, 1);
	timer_set(f->tb, 2);
	loop_poll(f->loop);
	assert_int_equal(f->ran_a, 1);
	assert_int_equal(f->ran_b, 1);
	loop_poll(f->loop);
	assert_int_equal(f->ran_a, 2);
}

static void posts_again(void *arg)
{
	struct fixture *f = arg;

	f->ran_a++;
	loop_post(f->loop, &f->post);
}

/* However busy, it holds up nobody. */
static void posts_run_once_a_turn(void **state)
{
	struct fixture *f = *state;

	post_init(&f->post, posts_again, f);
	f->wb = watch_new(f->loop, f->b[0], POLLIN, on_b, f);
	put(f->b[1]);
	loop_post(f->loop, &f->post);
	loop_post(f->loop, &f->post);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->ran_a, 1);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->ran_a, 2);
	assert_int_equal(f->ran_b, 1);
	loop_unpost(f->loop, &f->post);
	loop_poll(f->loop);
	assert_int_equal(f->ran_a, 2);
}

enum { POSTERS = 4, POSTS = 5000 };

struct poster {
	struct loop *loop;
	pthread_t thread;
	struct post post;
	unsigned written; /* by the poster, before each post */
	_Atomic unsigned seen;
};

static void on_post(void *arg)
{
	struct poster *p = arg;

	p->seen = p->written;
}

static void *posts_much(void *arg)
{
	struct poster *p = arg;

	for (unsigned i = 1; i <= POSTS; i++) {
		p->written = i;
		loop_post(p->loop, &p->post);
		while (p->seen != i) /* it is ours again */
			(void)sched_yield();
	}
	return NULL;
}

static void four_threads_post(void **state)
{
	struct fixture *f = *state;
	struct poster p[POSTERS];
	struct ctx limit = ctx_within(NULL, 60000);
	bool over;

	for (size_t i = 0; i < POSTERS; i++) {
		p[i] = (struct poster){ .loop = f->loop };
		post_init(&p[i].post, on_post, &p[i]);
		assert_int_equal(pthread_create(&p[i].thread, NULL, posts_much, &p[i]), 0);
	}
	do { /* every post ends a wait */
		assert_int_equal(loop_turn(f->loop, &limit, NULL), 0);
		over = true;
		for (size_t i = 0; i < POSTERS; i++)
			over = over && p[i].seen == POSTS;
	} while (!over);
	for (size_t i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_join(p[i].thread, NULL), 0);
	loop_poll(f->loop);
}

/* A child has a copy of the memory, and none of the parent's events: what it does with a loop of its own is nobody else's. */
static void a_child_of_fork_makes_its_own(void **state)
{
	struct fixture *f = *state;
	int status = -1;
	pid_t pid;

	f->wa = watch_new(f->loop, f->a[0], POLLIN, on_a, f);
	loop_poll(f->loop);
	pid = fork();
	if (pid == 0) {
		struct loop *own = loop_new();
		struct watch w = { 0 };
		int ran = 0;

		watch_init(&w, own, f->a[0], POLLIN, count, &ran);
		put(f->a[1]);
		_exit(loop_turn(own, NULL, NULL) < 0 || ran != 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_int_equal(f->ran_a, 1);
}

static void a_silent_loop_costs_no_descriptor(void **state)
{
	int before = dup(0), after;
	struct loop *l = loop_new();

	(void)state;
	after = dup(0);
	assert_int_equal(after, before + 1);
	(void)close(before);
	(void)close(after);
	loop_free(l);
}

static void nothing(void *arg) { (void)arg; }

struct again {
	struct loop *loop;
	struct post post;
	struct timer timer;
	int posts, times;
};

static void again_on_post(void *arg)
{
	struct again *a = arg;

	a->posts++;
	loop_post(a->loop, &a->post);
}

static void again_on_time(void *arg)
{
	struct again *a = arg;

	a->times++;
	timer_set(&a->timer, 1);
}

/* A timer whose moment has passed is not slept for. */
static void what_is_overdue_does_not_wait(void **state)
{
	enum { TURNS = 2000 };
	struct fixture *f = *state;
	struct timer t;
	int64_t began = clock_mono();

	timer_init(&t, f->loop, nothing, NULL);
	for (int i = 0; i < TURNS; i++) {
		timer_set(&t, 1);
		assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	}
	assert_true(clock_mono() - began < TURNS * NSEC_PER_MSEC);
	timer_done(&t);
}

/* Else whoever pauses between two looks would look without end. */
static void a_pause_that_cannot_be_made_is_an_error(void **state)
{
	_cleanup_(loop_freep) struct loop *l = loop_new();
	struct err err = ERR_INIT;
	struct rlimit old, none;
	int r;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){ 0, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	r = loop_pause(l, 1000, NULL, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(r, -ERR_EXHAUSTED);
	assert_non_null(strstr(err.msg, "epoll"));
	assert_int_equal(loop_pause(l, 1, NULL, NULL), 0);
}

/* Timers, descriptors and posts each have their turn, however much there is of the others. */
static void nothing_starves(void **state)
{
	struct fixture *f = *state;
	struct again a = { .loop = f->loop };
	int ran = 0, fd[2];
	struct watch w;

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	put(fd[1]); /* and it is never read */
	watch_init(&w, f->loop, fd[0], POLLIN, count, &ran);
	post_init(&a.post, again_on_post, &a);
	timer_init(&a.timer, f->loop, again_on_time, &a);
	loop_post(f->loop, &a.post);
	timer_set(&a.timer, 1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(loop_turn(f->loop, NULL, NULL), 0);
	assert_true(ran >= 10 && a.times >= 10 && a.posts >= 20);
	loop_unpost(f->loop, &a.post);
	timer_done(&a.timer);
	watch_done(&w);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("loop", T(runs_what_is_ready), T(tells_of_a_hangup), T(silent_watches_are_not_polled), T(a_freed_watch_does_not_run),
	  T(watches_may_be_added_while_running), T(waits_end), T(a_signal_ends_a_wait), T(timers_run_once),
	  T(timers_may_be_freed_while_running), T(many_fds_are_told_apart), T(files_are_always_ready),
	  T(a_descriptor_that_is_not_open_is_told), T(one_descriptor_may_have_several_watches), T(a_number_comes_again),
	  T(owners_may_be_freed_inside_any_function), T(ten_thousand_timers_run_in_order), T(a_timer_runs_once_a_turn),
	  T(posts_run_once_a_turn), T(four_threads_post), T(a_child_of_fork_makes_its_own), T(a_silent_loop_costs_no_descriptor),
	  T(what_is_overdue_does_not_wait), T(a_pause_that_cannot_be_made_is_an_error), T(nothing_starves))
