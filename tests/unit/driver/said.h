/* What Nomad says of a task, from JSON: the message's fields by their names, and the options as a job file would have them. */
#pragma once
#include "task-job.h"
#include "pb.h"

struct said {
	struct arena arena;
	json *task_json;
	Driver__TaskConfig *task;
	struct task_conf *conf; /* NULL: it was refused, and err says why */
	struct driver_conf *driver;
	struct task_said in;
	struct err err;
};
/* Any may be NULL: nothing is said. Of the task: id, name, alloc_id, alloc_dir ("/n/A"), job and group have names by themselves. */
void said_init(struct said *, const char *task, const char *conf, const char *driver);
void said_done(struct said *);

/* Is all of @want in @is? Objects may have more; lists may not. */
bool said_has(json *is, json *want);
