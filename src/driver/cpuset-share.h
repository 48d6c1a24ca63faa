/* On cgroup v1 a task without cores of its own has a cpuset beside Nomad's "share", which changes when tasks with `cores` come and
 * go: a child of that one would not follow it but keep it from changing (the kernel wants a child's processors to be among its
 * parent's). So ours follows by hand, as soon as the kernel tells that somebody has written the other: one inotify for all tasks,
 * and nothing is polled. On v2 a task is below the share itself, and the kernel does it. For the thread of the loop. */
#pragma once
#include "loop.h"
#include <stdbool.h>

struct cpuset_share;
/* @update is called once for each change of a folder that is followed. */
struct cpuset_share *cpuset_share_new(struct loop *, void (*update)(void *arg, const char *folder), void *arg);
void cpuset_share_free(struct cpuset_share *);
/* From now on changes of the cpuset in @folder are told; once for each folder. False: they cannot be, and the task keeps what it
 * has. */
bool cpuset_share_follow(struct cpuset_share *, const char *folder);

/* What those who share it have, "0-2,4"; NULL: it cannot be read, or says none. The caller frees. */
char *cpuset_share_now(const char *folder);
/* Its processors are those of the cpuset in @to as well. False: the kernel does not take them. */
bool cpuset_share_copy(const char *from, const char *to);
