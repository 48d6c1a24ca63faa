/* SELinux labels of files that a job is given: the extended attribute security.selinux. */
#pragma once
#include "err.h"

/* The file or folder at @path, by itself. One whose file system keeps no labels is left as it is. */
int relabel_file(const char *path, const char *label, struct err *err);
/* It and all that is below it in the same file system, links as links. Refused (-ERR_INVALID) for the folders that a host is made
 * of, such as /usr or /home: what runs there would be locked out. Where @path is a mount of our own, @name is what is mounted there
 * (else the same): it is none of those either, and stands in errors. */
int relabel_tree(const char *path, const char *name, const char *label, struct err *err);
