/* Theory of operation: one mutex, one queue. A work is in the queue, with a worker, or in the list of the finished, which one post
 * on the loop empties. Each worker has an eventfd that is readable while the work it runs is cancelled; only who holds the mutex
 * writes and drains it, so that a late cancel never meets the next work. A thread that ends for want of work says so under the
 * mutex before it ends its state, so that no work counts on it, and again as its last word: the loop joins it then. */
#include "workers.h"
#include "clock.h"
#include "mem.h"
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

enum worker_is { WORKER_NONE, WORKER_ALIVE, WORKER_ENDS, WORKER_OVER };

struct worker {
	struct workers *pool;
	pthread_t thread;
	int cancel_fd;
	enum worker_is is; /* guarded by mu; only the loop's thread makes one ALIVE or NONE */
	struct work *runs; /* guarded by mu */
};

struct workers {
	struct workers_conf conf;
	struct post post;
	size_t busy; /* the loop's thread alone */
	pthread_mutex_t mu;
	pthread_cond_t more;
	struct list_node queue;    /* guarded by mu */
	struct list_node finished; /* guarded by mu */
	size_t queued;             /* guarded by mu */
	unsigned idle;             /* guarded by mu: threads that wait for work */
	unsigned slow;             /* guarded by mu: works that run and are slow */
	bool closing;              /* guarded by mu */
	struct worker v[];
};

static void pool_lock(struct workers *w) { (void)pthread_mutex_lock(&w->mu); }

static void pool_unlock(struct workers *w) { (void)pthread_mutex_unlock(&w->mu); }

/* The first that may run now; NULL: none. mu is held. */
static struct work *queue_next(const struct workers *w)
{
	const bool none_slow = w->conf.slow_max && w->slow >= w->conf.slow_max;

	list_for_each(it, &w->queue) {
		struct work *k = container_of(it, struct work, node);

		if (!k->slow || !none_slow)
			return k;
	}
	return NULL;
}

/* Until there is work, or the pool closes, or it took too long. mu is held. */
static void pool_wait(struct workers *w)
{
	const int64_t until = clock_mono() + w->conf.idle_ms * NSEC_PER_MSEC;
	const struct timespec ts = { .tv_sec = until / NSEC_PER_SEC, .tv_nsec = until % NSEC_PER_SEC };
	int r = 0;

	w->idle++;
	while (!queue_next(w) && !w->closing && r != ETIMEDOUT)
		r = w->conf.idle_ms ? pthread_cond_clockwait(&w->more, &w->mu, CLOCK_MONOTONIC, &ts)
				    : pthread_cond_wait(&w->more, &w->mu);
	w->idle--;
}

/* NULL: the end. */
static struct work *work_take(struct worker *me)
{
	struct workers *w = me->pool;
	struct work *k;

	pool_lock(w);
	pool_wait(w);
	k = queue_next(w);
	if (k) {
		list_unlink(&k->node);
		w->queued--;
		w->slow += k->slow;
		k->by = me;
		k->ran = true;
		k->cancel.fd = me->cancel_fd;
		me->runs = k;
	} else {
		me->is = WORKER_ENDS;
	}
	pool_unlock(w);
	return k;
}

static void work_finish(struct worker *me, struct work *k)
{
	struct workers *w = me->pool;
	eventfd_t n;

	pool_lock(w);
	if (k->cancel.on)
		(void)eventfd_read(me->cancel_fd, &n);
	k->by = NULL;
	me->runs = NULL;
	if (k->slow) {
		w->slow--;
		(void)pthread_cond_signal(&w->more); /* for one that has waited for that */
	}
	list_push(&w->finished, &k->node);
	pool_unlock(w);
	loop_post(w->conf.loop, &w->post);
}

static void *worker_main(void *arg)
{
	struct worker *me = arg;
	const struct workers_conf *conf = &me->pool->conf;
	void *state = conf->begin ? conf->begin(conf->arg) : NULL;

	for (struct work *k; (k = work_take(me));) {
		const struct ctx ctx = { .deadline = k->deadline, .cancel = &k->cancel };

		k->run(k->arg, state, &ctx);
		work_finish(me, k);
	}
	if (conf->end)
		conf->end(state);
	pool_lock(me->pool);
	me->is = WORKER_OVER;
	pool_unlock(me->pool);
	loop_post(conf->loop, &me->pool->post);
	return NULL;
}

static enum worker_is worker_look(struct worker *v)
{
	enum worker_is is;

	pool_lock(v->pool);
	is = v->is;
	pool_unlock(v->pool);
	return is;
}

/* Its place is free again. */
static void worker_join(struct worker *v)
{
	(void)pthread_join(v->thread, NULL);
	(void)close(v->cancel_fd);
	v->is = WORKER_NONE;
}

static struct work *finished_next(struct workers *w)
{
	struct work *k = NULL;

	pool_lock(w);
	if (!list_empty(&w->finished)) {
		k = container_of(w->finished.next, struct work, node);
		list_unlink(&k->node);
	}
	pool_unlock(w);
	return k;
}

static void on_finished(void *arg)
{
	struct workers *w = arg;

	for (struct work *k; (k = finished_next(w));) {
		w->busy--;
		k->done(k->arg, k->ran);
	}
	for (unsigned i = 0; i < w->conf.threads; i++)
		if (worker_look(&w->v[i]) == WORKER_OVER)
			worker_join(&w->v[i]);
}

/* Signals are for the thread of the loop. */
/* All but what a thread does to itself: a fault that is blocked ends the process without a word, of a sanitizer's or a handler's.
 */
static void signals_of_others(sigset_t *set)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS };

	(void)sigfillset(set);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		(void)sigdelset(set, own[i]);
}

static int worker_start(struct workers *w, struct worker *me)
{
	pthread_attr_t attr;
	sigset_t all;
	int r;

	me->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (me->cancel_fd < 0)
		return errno;
	signals_of_others(&all);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setsigmask_np(&attr, &all);
	if (w->conf.stack)
		(void)pthread_attr_setstacksize(&attr, w->conf.stack);
	me->is = WORKER_ALIVE;
	r = pthread_create(&me->thread, &attr, worker_main, me);
	(void)pthread_attr_destroy(&attr);
	if (!r)
		return 0;
	me->is = WORKER_NONE;
	closep(&me->cancel_fd);
	return r;
}

/* One more thread where no idle one is left for the works that wait. An errno where there is none at all and none can be had. */
static int pool_grow(struct workers *w)
{
	struct worker *place = NULL;
	unsigned alive = 0;
	bool wanted;
	int r;

	pool_lock(w);
	wanted = w->queued > w->idle;
	for (unsigned i = 0; i < w->conf.threads; i++) {
		struct worker *v = &w->v[i];

		alive += v->is == WORKER_ALIVE;
		if (v->is != WORKER_ALIVE && (!place || v->is == WORKER_NONE))
			place = v;
	}
	pool_unlock(w);
	if (!wanted || !place)
		return 0;
	if (worker_look(place) != WORKER_NONE)
		worker_join(place); /* its state is being ended */
	r = worker_start(w, place);
	return alive ? 0 : r;
}

int workers_new(const struct workers_conf *conf, struct workers **ret, struct err *err)
{
	_cleanup_(workers_freep) struct workers *w = mem_zalloc(sizeof *w + conf->threads * sizeof *w->v);

	assert(conf->threads > 0);
	w->conf = *conf;
	post_init(&w->post, on_finished, w);
	list_init(&w->queue);
	list_init(&w->finished);
	(void)pthread_mutex_init(&w->mu, NULL);
	(void)pthread_cond_init(&w->more, NULL);
	for (unsigned i = 0; i < conf->threads; i++)
		w->v[i].pool = w;
	for (unsigned i = 0; i < conf->threads && !conf->idle_ms; i++) {
		int r = worker_start(w, &w->v[i]);

		if (r)
			return err_sys(err, r, "worker thread %u of %u", i + 1, conf->threads);
	}
	*ret = TAKE_PTR(w);
	return 0;
}

static void work_unqueue(struct workers *w, struct work *k)
{
	pool_lock(w);
	list_unlink(&k->node);
	w->queued--;
	pool_unlock(w);
}

/* mu is held. */
static void queue_add(struct workers *w, struct work *k)
{
	struct list_node *before = k->first ? w->queue.next : &w->queue;

	while (before != &w->queue && container_of(before, struct work, node)->first)
		before = before->next;
	list_push(before, &k->node);
	w->queued++;
}

int workers_submit(struct workers *w, struct work *k, struct err *err)
{
	bool full, closing;
	int r;

	pool_lock(w);
	closing = w->closing;
	full = w->queued >= w->conf.queue_max;
	if (!full && !closing) {
		k->cancel = (struct cancel){ .fd = -1 };
		k->ran = false;
		k->by = NULL;
		queue_add(w, k);
		(void)pthread_cond_signal(&w->more);
	}
	pool_unlock(w);
	if (closing)
		return err_set(err, ERR_CANCELLED, "no procedure begins any more");
	if (full)
		return err_set(err, ERR_EXHAUSTED, "%zu procedures wait already", w->conf.queue_max);
	r = w->conf.idle_ms ? pool_grow(w) : 0;
	if (r) {
		work_unqueue(w, k);
		return err_sys(err, r, "worker thread");
	}
	w->busy++;
	return 0;
}

/* mu is held. */
static void work_cancel(struct workers *w, struct work *k)
{
	if (k->cancel.on)
		return;
	k->cancel.on = 1;
	if (k->by) {
		(void)eventfd_write(k->by->cancel_fd, 1);
	} else {
		list_unlink(&k->node);
		w->queued--;
		list_push(&w->finished, &k->node);
	}
}

void workers_cancel(struct workers *w, struct work *k)
{
	pool_lock(w);
	if (k->by || !k->ran)
		work_cancel(w, k);
	pool_unlock(w);
	loop_post(w->conf.loop, &w->post);
}

size_t workers_busy(const struct workers *w) { return w->busy; }

unsigned workers_threads(struct workers *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->conf.threads; i++)
		n += worker_look(&w->v[i]) != WORKER_NONE;
	return n;
}

static void cancel_all(struct workers *w)
{
	pool_lock(w);
	w->closing = true;
	for (unsigned i = 0; i < w->conf.threads; i++)
		if (w->v[i].runs)
			work_cancel(w, w->v[i].runs);
	while (!list_empty(&w->queue))
		work_cancel(w, container_of(w->queue.next, struct work, node));
	(void)pthread_cond_broadcast(&w->more);
	pool_unlock(w);
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	cancel_all(w);
	for (unsigned i = 0; i < w->conf.threads; i++)
		if (worker_look(&w->v[i]) != WORKER_NONE)
			worker_join(&w->v[i]);
	loop_unpost(w->conf.loop, &w->post);
	on_finished(w);
	assert(!w->busy);
	(void)pthread_cond_destroy(&w->more);
	(void)pthread_mutex_destroy(&w->mu);
	free(w);
}
