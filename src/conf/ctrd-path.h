/* Where a containerd that runs looks for its shims and engines: its environment is not ours. */
#pragma once
#include <sys/types.h>

/* The PATH of process @pid and the folder of its program, ':' between them; 0, or one that tells nothing: the usual folders. The
 * caller frees. */
char *ctrd_path(pid_t pid);
