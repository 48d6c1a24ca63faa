#include "event-book.h"
#include "clock.h"
#include "health.h"
#include "job-name.h"
#include "labels.h"
#include "mem.h"
#include "record.h"
#include <stdlib.h>
#include <string.h>

void job_event_done(struct job_event *e)
{
	free(e->id);
	free(e->job);
	free(e->name);
	free(e->image);
	dict_done(&e->labels);
	dict_done(&e->more);
	*e = (struct job_event){ 0 };
}

static void event_entry_done(struct event_entry *e)
{
	free(e->id);
	free(e->image);
	free(e->job);
	free(e->task);
	dict_done(&e->labels);
}

void event_book_done(struct event_book *b)
{
	for (size_t i = 0; i < b->n; i++)
		event_entry_done(&b->v[i]);
	for (size_t i = b->taken; i < b->n_told; i++)
		job_event_done(&b->told[i]);
	free(b->v);
	free(b->told);
	*b = (struct event_book){ 0 };
}

bool event_book_take(struct event_book *b, struct job_event *ret)
{
	if (b->taken == b->n_told) {
		b->taken = b->n_told = 0;
		return false;
	}
	*ret = b->told[b->taken++];
	return true;
}

bool event_book_wants(const struct ctrd_container *c)
{
	return dict_get(&c->labels, CLAIM_JOB) != NULL || dict_get(&c->labels, RECORD_OF) != NULL;
}

static struct event_entry *book_find(const struct event_book *b, const char *id)
{
	for (size_t i = 0; i < b->n; i++)
		if (!strcmp(b->v[i].id, id))
			return &b->v[i];
	return NULL;
}

bool event_book_has(const struct event_book *b, const char *id) { return book_find(b, id) != NULL; }

/* Its names, unless they are complete. */
static void entry_resolve(const struct event_book *b, struct event_entry *e)
{
	const char *of = dict_get(&e->labels, RECORD_OF);

	if (b->resolve && !e->task && job_id_tasks(of ? of : e->id) > 1)
		b->resolve(b->arg, e);
}

static struct job_event *told_add(struct event_book *b, const char *what, int64_t at)
{
	b->told = mem_grow(b->told, &b->cap_told, b->n_told + 1, sizeof *b->told);
	b->told[b->n_told] = (struct job_event){ .at = at, .what = what };
	return &b->told[b->n_told++];
}

/* NULL: nobody is told. */
static struct job_event *entry_tell(struct event_book *b, struct event_entry *e, const char *what, int64_t at)
{
	struct job_event *t;

	if (b->quiet)
		return NULL;
	entry_resolve(b, e);
	t = told_add(b, what, at);
	t->id = mem_strdup(e->id);
	t->job = mem_strdup(e->job ? e->job : e->id);
	t->name = e->task ? mem_printf("%s.%s", t->job, e->task) : mem_strdup(e->job ? e->job : e->id);
	t->image = mem_strdup(e->image);
	dict_add(&t->labels, &e->labels);
	return t;
}

static struct event_entry *book_add(struct event_book *b, const struct ctrd_container *c)
{
	struct event_entry *e;

	b->v = mem_grow(b->v, &b->cap, b->n + 1, sizeof *b->v);
	e = &b->v[b->n++];
	*e = (struct event_entry){ .id = mem_strdup(c->id),
				   .image = mem_strdup(c->image),
				   .job = mem_strdup(dict_get(&c->labels, CLAIM_JOB)) };
	dict_add(&e->labels, &c->labels);
	entry_resolve(b, e);
	return e;
}

static void entry_made(struct event_book *b, struct event_entry *e, int64_t at)
{
	e->made_told = entry_tell(b, e, "create", at) != NULL;
}

void event_book_made(struct event_book *b, const struct ctrd_container *c, int64_t at)
{
	struct event_entry *e = book_find(b, c->id);

	if (!e || !e->made_told)
		entry_made(b, e ? e : book_add(b, c), at);
}

/* The job's name is that of its other tasks, too. */
static void entry_rename(struct event_book *b, struct event_entry *e, const char *name, int64_t at)
{
	_cleanup_free_ char *old = TAKE_PTR(e->job);
	struct job_event *t;

	e->job = mem_strdup(name);
	for (size_t i = 0; i < b->n; i++) {
		const char *of = dict_get(&b->v[i].labels, RECORD_OF);

		if (of && !strcmp(of, e->id)) {
			free(b->v[i].job);
			b->v[i].job = mem_strdup(name);
		}
	}
	t = old ? entry_tell(b, e, "rename", at) : NULL;
	if (t)
		dict_set(&t->more, "old_name", old);
}

static bool label_changed(const struct event_entry *e, const struct dict *now, const char *key)
{
	const char *had = dict_get(&e->labels, key), *has = dict_get(now, key);

	return has && (!had || strcmp(had, has) != 0);
}

static void entry_health(struct event_book *b, struct event_entry *e, int64_t at)
{
	struct job_event *t = entry_tell(b, e, "health_status", at);
	struct health h;

	health_parse(dict_get(&e->labels, RECORD_HEALTH), &h);
	if (t)
		dict_set(&t->more, "health", health_state_name(h.state));
}

static void entry_labels(struct event_book *b, struct event_entry *e, const struct dict *labels, int64_t at)
{
	const bool updated = label_changed(e, labels, RECORD_UPDATED), renamed = label_changed(e, labels, CLAIM_JOB);
	const bool checked = label_changed(e, labels, RECORD_HEALTH);

	dict_done(&e->labels);
	dict_add(&e->labels, labels);
	if (renamed)
		entry_rename(b, e, dict_get(labels, CLAIM_JOB), at);
	if (updated)
		(void)entry_tell(b, e, "update", at);
	if (checked)
		entry_health(b, e, at);
}

void event_book_labels(struct event_book *b, const char *id, const struct dict *labels, int64_t at)
{
	struct event_entry *e = book_find(b, id);

	if (e)
		entry_labels(b, e, labels, at);
}

static void entry_gone(struct event_book *b, struct event_entry *e, int64_t at)
{
	(void)entry_tell(b, e, "destroy", at);
	event_entry_done(e);
	*e = b->v[--b->n];
}

void event_book_gone(struct event_book *b, const char *id, int64_t at)
{
	struct event_entry *e = book_find(b, id);

	if (e)
		entry_gone(b, e, at);
}

static void entry_started(struct event_book *b, struct event_entry *e, pid_t pid, int64_t at)
{
	e->live = true;
	e->paused = false;
	e->pid = pid;
	e->life_told = 0;
	e->start_told = entry_tell(b, e, "start", at) ? pid : 0;
}

void event_book_started(struct event_book *b, const char *id, pid_t pid, int64_t at)
{
	struct event_entry *e = book_find(b, id);

	if (e && (!pid || e->start_told != pid) && (!e->life_told || at > e->life_told))
		entry_started(b, e, pid, at);
}

/* @exit->at 0: it is known that it ended, and no more. */
static void entry_ended(struct event_book *b, struct event_entry *e, const struct ctrd_exit *exit, int64_t at)
{
	struct job_event *t = entry_tell(b, e, "die", exit->at ? exit->at : at);

	e->live = e->paused = false;
	e->pid = e->start_told = 0;
	e->exit_at = exit->at;
	e->exit_told = t ? exit->at : 0;
	if (t && exit->at)
		dict_setf(&t->more, "exit_code", "%u", exit->status);
}

/* containerd may say it twice, after a shim's death even at another time. */
void event_book_ended(struct event_book *b, const char *id, const struct ctrd_exit *exit)
{
	struct event_entry *e = book_find(b, id);

	if (e && (e->live || (!e->exit_told && e->exit_at == exit->at)))
		entry_ended(b, e, exit, exit->at);
}

static void entry_paused(struct event_book *b, struct event_entry *e, bool paused, int64_t at)
{
	if (e->paused != paused)
		(void)entry_tell(b, e, paused ? "pause" : "unpause", at);
	e->paused = paused;
}

void event_book_paused(struct event_book *b, const char *id, bool paused, int64_t at)
{
	struct event_entry *e = book_find(b, id);

	if (e)
		entry_paused(b, e, paused, at);
}

struct job_event *event_book_tell(struct event_book *b, const char *id, const char *what, int64_t at)
{
	struct event_entry *e = book_find(b, id);

	return e ? entry_tell(b, e, what, at) : NULL;
}

void event_book_image(struct event_book *b, const char *name, const char *what, int64_t at)
{
	struct job_event *t = b->quiet ? NULL : told_add(b, what, at);

	if (!t)
		return;
	t->of_image = true;
	t->id = mem_strdup(name);
	t->image = mem_strdup(name);
}

/* The last exit that the record remembers: "CODE TIME". */
static struct ctrd_exit exit_on_record(const struct event_entry *e)
{
	const char *of = dict_get(&e->labels, RECORD_OF);
	const bool several = job_id_tasks(of ? of : e->id) > 1;
	const struct record rec = { .c = { .labels = e->labels } }; /* borrowed */
	struct ctrd_exit exit = { 0 };
	int code = 0;

	if (several)
		return record_task_exit(&rec, &exit) ? exit : (struct ctrd_exit){ 0 };
	if (!record_exit(&rec, &code, &exit.at))
		return (struct ctrd_exit){ 0 };
	exit.status = (uint32_t)code;
	return exit;
}

static int64_t started_on_record(const struct event_entry *e, int64_t otherwise)
{
	const char *text = dict_get(&e->labels, RECORD_STARTED);
	int64_t at;

	return text && clock_parse(text, &at, NULL) >= 0 ? at : otherwise;
}

static void look_at_live(struct event_book *b, struct event_entry *e, const struct task_status *t, int64_t now)
{
	const struct ctrd_exit unknown = { 0 };
	const bool again = e->live && e->pid != t->pid; /* its end, and a start after that: in this order */

	if (again)
		entry_ended(b, e, &unknown, now);
	if (!e->live)
		entry_started(b, e, t->pid, again ? now : started_on_record(e, now));
	entry_paused(b, e, t->state == TASK_PAUSED, now);
}

static void look_at_ended(struct event_book *b, struct event_entry *e, const struct task_status *t, int64_t now)
{
	const struct ctrd_exit exit = t && t->state == TASK_STOPPED ? t->exit : exit_on_record(e);
	const bool whole = !e->live; /* a life that nobody saw */

	if (!e->live && (!exit.at || exit.at == e->exit_at))
		return;
	if (whole)
		entry_started(b, e, 0, started_on_record(e, exit.at));
	entry_ended(b, e, &exit, now);
	if (whole)
		e->life_told = e->exit_told;
}

static void book_look_at(struct event_book *b, struct event_entry *e, const struct task_status *t, int64_t now)
{
	if (t && (t->state == TASK_LIVE || t->state == TASK_PAUSED))
		look_at_live(b, e, t, now);
	else if (!t || task_is_over(t))
		look_at_ended(b, e, t, now);
}

static void look_for_missing(struct event_book *b, int64_t now)
{
	const struct ctrd_exit unknown = { 0 };

	for (size_t i = b->n; i > 0; i--) {
		struct event_entry *e = &b->v[i - 1];

		if (e->seen)
			continue;
		if (e->live)
			entry_ended(b, e, &unknown, now);
		entry_gone(b, e, now);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct job_event *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

/* In the order in which it happened; what happened at one moment stays as it is. */
static void told_sort(struct event_book *b, size_t from)
{
	for (size_t i = from + 1; i < b->n_told; i++)
		for (size_t k = i; k > from && by_time(&b->told[k - 1], &b->told[k]) > 0; k--) {
			const struct job_event swap = b->told[k];

			b->told[k] = b->told[k - 1];
			b->told[k - 1] = swap;
		}
}

void event_book_look(struct event_book *b, const struct ctrd_containers *all, const struct task_states *tasks, int64_t now)
{
	const size_t from = b->n_told;

	for (size_t i = 0; i < b->n; i++)
		b->v[i].seen = false;
	for (size_t i = 0; i < all->n; i++) {
		const struct ctrd_container *c = &all->v[i];
		struct event_entry *e = book_find(b, c->id);

		if (!event_book_wants(c))
			continue;
		if (!e) {
			e = book_add(b, c);
			entry_made(b, e, c->created_at);
		} else {
			entry_labels(b, e, &c->labels, now);
		}
		book_look_at(b, e, task_states_find(tasks, c->id), now);
		e->seen = true;
	}
	look_for_missing(b, now);
	told_sort(b, from);
}
