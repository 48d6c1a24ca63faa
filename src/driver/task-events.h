/* What Nomad shows of a task beside its states, in the alloc's status: "Downloading image" and the like. From any thread; told on
 * the plugin's loop to every stream of TaskEvents that is open, and kept for a while where none is. A task's events are few in the
 * agent (it keeps ten), so progress is told at growing distances, and only the newest of it. */
#pragma once
#include "dict.h"
#include "list.h"
#include "loop.h"
#include "nomaddriver.pb-c.h"

struct task_events;

enum {
	TASK_EVENTS_KEPT = 256,          /* that nobody has heard yet; more push the oldest out */
	TASK_EVENTS_OLD_MS = 60000,      /* nobody wants to hear what is older */
	TASK_EVENTS_PROGRESS_MS = 10000, /* from a first progress to the next; then twice as long each time */
	TASK_EVENTS_PROGRESS_MAX_MS = 120000,
};

struct task_events *task_events_new(struct loop *);
/* Every stream has left. */
void task_events_free(struct task_events *);
DEFINE_CLEANUP(struct task_events, task_events_free)

/* @task_id: Nomad's, "ALLOC/TASK/INVOCATION". @annotations may be NULL; copied. Each is told, in order. */
void task_event(struct task_events *, const char *task_id, const char *message, const struct dict *annotations);
/* How far something has come that takes long: the newest counts, and an event of the task that follows takes its place. */
void task_event_progress(struct task_events *, const char *task_id, const char *message, const struct dict *annotations);

/* A stream, inside its owner: on the loop, as all below. send() is called with each, also within task_events_join(). */
struct task_listener {
	struct list_node node;
	void (*send)(void *arg, const Driver__DriverTaskEvent *);
	void *arg;
};
void task_events_join(struct task_events *, struct task_listener *);
void task_events_leave(struct task_listener *);
/* For tests: the time of every progress that waits has come. */
void task_events_hurry(struct task_events *);
