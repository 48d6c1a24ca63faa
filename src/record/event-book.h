/* What is known of the containers of jobs, from which their events are told: pure. Each event of containerd's changes it, and so
 * does a look at what is there: what differs from what was known is told as if it had been seen. So nothing is lost while
 * containerd was away, and nothing is told twice when it says late what a look has found. */
#pragma once
#include "containers.h"
#include "task.h"

struct job_event {
	int64_t at;
	const char *what; /* "start"; static */
	bool of_image;
	char *id;           /* of the container; of an image its name */
	char *job, *name;   /* the job's, and JOB.TASK where it has several; NULL of an image */
	char *image;        /* NULL: none */
	struct dict labels; /* of the container */
	struct dict more;   /* exit_code, exec_id, old_name, health: what there is */
};
void job_event_done(struct job_event *);

struct event_entry {
	char *id, *image;
	struct dict labels;
	char *job, *task;  /* names; a further task's job, and the task of several, when they are known */
	bool live, paused; /* as it was last known */
	pid_t pid;         /* of a live one */
	int64_t exit_at;   /* of its last end; 0: none is known */
	bool made_told;    /* what a look has told, and the stream may yet say */
	pid_t start_told;
	int64_t exit_told;
	int64_t life_told; /* the end of a whole life that a look has told */
	bool seen;         /* by the look underway */
};

struct event_book {
	struct event_entry *v;
	size_t n, cap;
	bool quiet;             /* nothing is told: it is only learnt */
	struct job_event *told; /* oldest first; the reader takes them by event_book_take() */
	size_t n_told, cap_told, taken;
	/* Finds the names of an entry whose job has several tasks; may leave it as it is. NULL: nobody does. */
	void (*resolve)(void *arg, struct event_entry *);
	void *arg;
};
void event_book_done(struct event_book *);
/* The next that was told, or false. */
bool event_book_take(struct event_book *, struct job_event *ret);
/* Is it one of a job's? Other clients have containers of their own. */
bool event_book_wants(const struct ctrd_container *);
bool event_book_has(const struct event_book *, const char *id);

/* One by one. Those of a container that is not in the book are dropped. */
void event_book_made(struct event_book *, const struct ctrd_container *, int64_t at);
void event_book_labels(struct event_book *, const char *id, const struct dict *labels, int64_t at);
void event_book_gone(struct event_book *, const char *id, int64_t at);
void event_book_started(struct event_book *, const char *id, pid_t pid, int64_t at);
void event_book_ended(struct event_book *, const char *id, const struct ctrd_exit *exit);
void event_book_paused(struct event_book *, const char *id, bool paused, int64_t at);
/* What changes nothing that the book knows. What was told, to say more of it; borrowed until something is told again. NULL: nothing
 * was. */
struct job_event *event_book_tell(struct event_book *, const char *id, const char *what, int64_t at);
void event_book_image(struct event_book *, const char *name, const char *what, int64_t at);

/* All that there is at @now. */
void event_book_look(struct event_book *, const struct ctrd_containers *, const struct task_states *, int64_t now);
