/* Theory of operation: whoever has something to tell puts it in a queue, in its own thread, and posts. The loop takes the queue as
 * a whole. A progress goes by a pacer of its task: the first is told at once, the next ones wait for its timer, the newest
 * replacing the one that waits; a pacer whose time comes with nothing to tell is gone. */
#include "task-events.h"
#include "clock.h"
#include "mem.h"
#include "pb.h"
#include "utf8.h"
#include <pthread.h>
#include <string.h>

struct task_told {
	struct list_node node;
	char *task_id, *message;
	struct dict annotations;
	int64_t wall, mono;
	bool progress;
};

/* Of one task whose progress was told. */
struct pacer {
	struct list_node node;
	struct task_events *of;
	char *task_id;
	struct timer timer;
	int64_t ms;
	struct task_told *next; /* NULL: nothing came since */
};

struct task_events {
	struct loop *loop;
	struct post post;
	pthread_mutex_t mu;
	struct list_node queue; /* guarded by mu */
	size_t n_queued;        /* guarded by mu */
	/* the loop's */
	struct list_node kept, listeners, pacers;
	size_t n_kept;
};

static void told_free(struct task_told *t)
{
	if (!t)
		return;
	list_unlink(&t->node);
	free(t->task_id);
	free(t->message);
	dict_done(&t->annotations);
	free(t);
}

static void told_free_all(struct list_node *head)
{
	list_for_each(it, head)
		told_free(container_of(it, struct task_told, node));
}

/* any thread */

/* Go takes no message whose text is no UTF-8; and people are to read it. */
static char *event_text(const char *s)
{
	char *text = mem_strdup(s);

	utf8_disarm(text);
	return text;
}

static void event_put(struct task_events *e, const char *task_id, const char *message, const struct dict *annotations,
		      bool progress)
{
	struct task_told *t = mem_new(struct task_told), *oldest = NULL;

	t->task_id = mem_strdup(task_id);
	t->message = event_text(message);
	for (size_t i = 0; annotations && i < annotations->n; i++) {
		_cleanup_free_ char *key = event_text(annotations->v[i].key), *value = event_text(annotations->v[i].value);

		dict_set(&t->annotations, key, value);
	}
	t->wall = clock_wall();
	t->mono = clock_mono();
	t->progress = progress;
	pthread_mutex_lock(&e->mu);
	list_push(&e->queue, &t->node);
	if (++e->n_queued > TASK_EVENTS_KEPT) {
		oldest = container_of(e->queue.next, struct task_told, node);
		list_unlink(&oldest->node);
		e->n_queued--;
	}
	pthread_mutex_unlock(&e->mu);
	told_free(oldest);
	loop_post(e->loop, &e->post);
}

void task_event(struct task_events *e, const char *task_id, const char *message, const struct dict *annotations)
{
	event_put(e, task_id, message, annotations, false);
}

void task_event_progress(struct task_events *e, const char *task_id, const char *message, const struct dict *annotations)
{
	event_put(e, task_id, message, annotations, true);
}

/* the loop's thread */

static char *arena_text(struct arena *a, const char *s, size_t n) { return memcpy(arena_get(a, n + 1), s, n); }

static void annotations_pack(struct arena *a, const struct dict *d, Driver__DriverTaskEvent *m)
{
	m->annotations = arena_array(a, Driver__DriverTaskEvent__AnnotationsEntry *, d->n);
	for (size_t i = 0; i < d->n; i++) {
		Driver__DriverTaskEvent__AnnotationsEntry *e = arena_array(a, Driver__DriverTaskEvent__AnnotationsEntry, 1);

		driver__driver_task_event__annotations_entry__init(e);
		e->key = d->v[i].key;
		e->value = d->v[i].value;
		m->annotations[m->n_annotations++] = e;
	}
}

/* The alloc and the task's name stand in Nomad's id, in front of the first slash and of the last. */
static void told_pack(const struct task_told *t, struct arena *a, Google__Protobuf__Timestamp *at, Driver__DriverTaskEvent *m)
{
	const char *first = strchr(t->task_id, '/'), *last = strrchr(t->task_id, '/');

	driver__driver_task_event__init(m);
	google__protobuf__timestamp__init(at);
	m->task_id = t->task_id;
	m->message = t->message;
	if (first)
		m->alloc_id = arena_text(a, t->task_id, (size_t)(first - t->task_id));
	if (last > first)
		m->task_name = arena_text(a, first + 1, (size_t)(last - first - 1));
	at->seconds = t->wall / NSEC_PER_SEC;
	at->nanos = (int32_t)(t->wall % NSEC_PER_SEC);
	m->timestamp = at;
	annotations_pack(a, &t->annotations, m);
}

static void told_keep(struct task_events *e, struct task_told *t)
{
	list_push(&e->kept, &t->node);
	if (++e->n_kept <= TASK_EVENTS_KEPT)
		return;
	told_free(container_of(e->kept.next, struct task_told, node));
	e->n_kept--;
}

static void told_send(struct task_events *e, struct task_told *t)
{
	_cleanup_arena_ struct arena a = { 0 };
	Google__Protobuf__Timestamp at;
	Driver__DriverTaskEvent m;

	if (list_empty(&e->listeners)) {
		told_keep(e, t);
		return;
	}
	told_pack(t, &a, &at, &m);
	list_for_each(it, &e->listeners) {
		struct task_listener *l = container_of(it, struct task_listener, node);

		l->send(l->arg, &m);
	}
	told_free(t);
}

static void pacer_free(struct pacer *p)
{
	list_unlink(&p->node);
	timer_done(&p->timer);
	told_free(p->next);
	free(p->task_id);
	free(p);
}

static void pacer_wait(struct pacer *p)
{
	timer_set(&p->timer, clock_mono() + p->ms * NSEC_PER_MSEC);
	p->ms = p->ms * 2 < TASK_EVENTS_PROGRESS_MAX_MS ? p->ms * 2 : TASK_EVENTS_PROGRESS_MAX_MS;
}

static void on_pace(void *arg)
{
	struct pacer *p = arg;

	if (!p->next) {
		pacer_free(p);
		return;
	}
	told_send(p->of, TAKE_PTR(p->next));
	pacer_wait(p);
}

void task_events_hurry(struct task_events *e)
{
	list_for_each(it, &e->pacers)
		timer_set(&container_of(it, struct pacer, node)->timer, 1);
}

static struct pacer *pacer_find(struct task_events *e, const char *task_id)
{
	list_for_each(it, &e->pacers) {
		struct pacer *p = container_of(it, struct pacer, node);

		if (!strcmp(p->task_id, task_id))
			return p;
	}
	return NULL;
}

static void pacer_begin(struct task_events *e, const char *task_id)
{
	struct pacer *p = mem_new(struct pacer);

	*p = (struct pacer){ .of = e, .task_id = mem_strdup(task_id), .ms = TASK_EVENTS_PROGRESS_MS };
	timer_init(&p->timer, e->loop, on_pace, p);
	list_push(&e->pacers, &p->node);
	pacer_wait(p);
}

static void told_pace(struct task_events *e, struct task_told *t)
{
	struct pacer *p = pacer_find(e, t->task_id);

	if (p)
		told_free(p->next);
	if (p && t->progress) {
		p->next = t;
		return;
	}
	if (p)
		p->next = NULL;
	else if (t->progress)
		pacer_begin(e, t->task_id);
	told_send(e, t);
}

static void on_event_posted(void *arg)
{
	struct task_events *e = arg;
	struct list_node all;

	list_init(&all);
	pthread_mutex_lock(&e->mu);
	list_move_all(&all, &e->queue);
	e->n_queued = 0;
	pthread_mutex_unlock(&e->mu);
	list_for_each(it, &all) {
		list_unlink(it);
		told_pace(e, container_of(it, struct task_told, node));
	}
}

void task_events_join(struct task_events *e, struct task_listener *l)
{
	const int64_t old = clock_mono() - TASK_EVENTS_OLD_MS * NSEC_PER_MSEC;
	struct list_node kept;

	list_push(&e->listeners, &l->node);
	list_init(&kept);
	list_move_all(&kept, &e->kept);
	e->n_kept = 0;
	list_for_each(it, &kept) {
		struct task_told *t = container_of(it, struct task_told, node);

		list_unlink(it);
		if (t->mono < old)
			told_free(t);
		else
			told_send(e, t);
	}
}

void task_events_leave(struct task_listener *l) { list_unlink(&l->node); }

struct task_events *task_events_new(struct loop *loop)
{
	struct task_events *e = mem_new(struct task_events);

	*e = (struct task_events){ .loop = loop, .mu = PTHREAD_MUTEX_INITIALIZER };
	post_init(&e->post, on_event_posted, e);
	list_init(&e->queue);
	list_init(&e->kept);
	list_init(&e->listeners);
	list_init(&e->pacers);
	return e;
}

void task_events_free(struct task_events *e)
{
	if (!e)
		return;
	loop_unpost(e->loop, &e->post);
	list_for_each(it, &e->pacers)
		pacer_free(container_of(it, struct pacer, node));
	told_free_all(&e->queue);
	told_free_all(&e->kept);
	pthread_mutex_destroy(&e->mu);
	free(e);
}
