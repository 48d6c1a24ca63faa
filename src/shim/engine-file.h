/* crun begins by running itself anew from a copy that a container cannot write to (CVE-2019-5736): a file that it makes in /tmp, a
 * read-only mount of itself there, an unmount, and a second exec(2) with all its libraries. Here that copy is made once for a
 * container, and each call of the engine is run from it at once: the same kind of mount, which nobody can reach by a path and so
 * make writable again. */
#pragma once

/* The descriptor of the copy, close-on-exec; 0: @program is run as it is, being another, a script, or because the kernel (before
 * 5.12) or our capabilities have no such mounts. */
int engine_file_open(const char *program);
/* What tells the engine that it runs from it. */
#define ENGINE_FILE_ENV "_LIBCONTAINER_CLONED_BINARY=1"
