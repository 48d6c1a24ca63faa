/* What a job file calls the source of a mount, or another file, as a path of the host: "local/app.conf" lies in the task's folder,
 * "alloc/data" (or "../alloc/data") in the one that the tasks of an allocation share, "/local", "/secrets" and "/alloc" are those
 * folders as the task sees them, and any other absolute path is the host's own. */
#pragma once
#include "err.h"
#include <stdbool.h>

/* The text alone: nothing is looked for. @alloc_dir is absolute. *ret_host: it is none of the allocation's. The caller frees.
 * -ERR_INVALID for one that climbs out of the allocation's folder. */
int task_path(const char *alloc_dir, const char *task, const char *source, char **ret, bool *ret_host, struct err *err);
/* Does @path lie in @alloc_dir, by its text? */
bool task_path_is_inside(const char *alloc_dir, const char *path);
/* What @path in @alloc_dir leads to, without a link in it: links are followed where they end in the same of the allocation's
 * folders (alloc, TASK/local, TASK/secrets ...), and are an error where they lead out of it, since what runs or ran in the
 * allocation could have made them. @create: a folder is made of what is missing. The caller frees. -ERR_NOT_FOUND, -ERR_PERMISSION
 * for such a link. */
int task_path_resolve(const char *alloc_dir, const char *path, bool create, char **ret, struct err *err);
/* The file that it leads to in the same way, open to be read. -ERR_INVALID for what is no file. */
int task_path_read(const char *alloc_dir, const char *path, int *ret_fd, struct err *err);
/* Where a FIFO of the agent's is: without a link in what no task writes, so that whoever opens it need follow none. The caller
 * frees. */
char *task_path_output(const char *alloc_dir, const char *path);
