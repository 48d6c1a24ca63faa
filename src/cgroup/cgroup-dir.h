/* A folder of cgroupfs and its files, whatever the version. What is below it may be a container's to write. */
#pragma once
#include "strv.h"

/* As deep as a path can lead, since a job that has its cgroup to write makes folders in it. */
enum { CGROUP_DEPTH_MAX = 2048 };

/* @root, where the hierarchies are mounted, is itself v2's; else v1's are in it, and in a hybrid one of v2 among them. */
bool cgroup_is_v2(const char *root);
/* The names of the folders in @path; -1 with errno when they cannot be listed. */
int cgroup_folders(const char *path, struct strv *names);
/* @text into its file @name: the kernel has taken it whole. */
bool cgroup_put(const char *path, const char *name, const char *text);
/* What is frozen there runs again. A privileged job can have frozen a group of its own inside, which on v1 stays so when the outer
 * one is let go, SIGKILL or not: these as well. */
void cgroup_thaw(const char *path);
