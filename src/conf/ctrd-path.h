/* Where a containerd that runs looks for its shims and engines: its environment is not ours. */
#pragma once
#include <sys/types.h>

/* The PATH of process @pid and the folder of its program, ':' between them; 0, or one that tells nothing: the usual folders. The
 * caller frees. */
char *ctrd_path(pid_t pid);

/* davit's own shim, and the runtime that it is. */
#define OWN_SHIM "containerd-shim-davit-v2"
#define OWN_SHIM_TYPE "io.containerd.davit.v2"
/* By what a containerd that looks into @folders starts the shim @program: by @type where it finds it, by its path where it stands
 * beside davit. NULL: there is none. The caller frees. */
char *ctrd_shim(const char *folders, const char *type, const char *program);
/* The same of davit's own, for the containerd that listens at @address (NULL: nobody does). */
char *ctrd_own_shim(const char *address);
