/* Names for jobs that were given none. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* "calm-anchor-3f2a": two words and four random digits. The caller frees. */
char *job_name_new(void);
/* An id for job @name, which is also the id of its first task's container: its name and eight random digits. That of a job of
 * several tasks says how many, so that nobody has to be asked for them. The caller frees. */
char *job_id_new(const char *name, size_t n_tasks);
/* The id of the container of one task: "ID", "ID.1", "ID.2" ..., at most 76 characters for JOB_TASKS_MAX. The caller frees. */
char *job_id_task(const char *id, size_t index);
/* How many tasks has the job of this id? 1 for any other id. */
size_t job_id_tasks(const char *id);
enum { JOB_TASKS_MAX = 999 };
/* Does @id look like one of these? Other clients of a namespace have ids of their own. */
bool job_id_is_ours(const char *id);
