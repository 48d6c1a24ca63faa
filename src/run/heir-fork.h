/* How the process of an heir (heir.h) is made: by the face, since it takes a fork(2), which is for a program with one thread alone.
 * In the child everything is left that somebody may wait for: the terminal, descriptors but the @n of @keep, our signals' functions
 * and, with @leave_folder, the current folder. Then @fn(@arg) is called, and the process ends. Returns its pid, or -1 with
 * errno. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef pid_t heir_fork(const int *keep, size_t n, bool leave_folder, void (*fn)(void *arg), void *arg);
