/* Who a process will be: the look at /etc/passwd and /etc/group of an image or of a running job, always, since the OCI engine
 * opens them too (runc both at each start, crun passwd where HOME is not set) and would wait for a FIFO, read a device without
 * end. What is not a regular file of at most 4 MiB is refused before the engine is asked: -ERR_INVALID, -ERR_EXHAUSTED "image's
 * /etc/passwd: ...". A running job can change them a moment later: this narrows only, and what ends such a job is elsewhere
 * (task.h). */
#pragma once
#include "layers.h"
#include "user.h"

/* Both files below @root. -ERR_UNIMPLEMENTED: see layers_open(). @whose: "image" or "job", borrowed. */
int identity_read(const struct layers *root, const char *whose, struct user_files *ret, struct err *err);
/* Those of the job whose init is @pid, as they are now. */
int identity_of_process(pid_t pid, struct user_files *ret, struct err *err);
