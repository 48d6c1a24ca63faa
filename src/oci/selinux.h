/* SELinux: is it on, what its policy calls containers, and the labels of a job. Files are looked for below @root ("" for this
 * machine); no library of SELinux's is needed for that. */
#pragma once
#include "err.h"
#include "strv.h"
#include <stdbool.h>

enum selinux_state {
	SELINUX_OFF,
	SELINUX_WITHOUT, /* on, but its policy knows no containers (container-selinux is not installed) */
	SELINUX_ON,
};
/* Contexts "user:role:type:s0" that the policy has for the process of a container and for its files. */
struct selinux {
	char *process, *file;
};
void selinux_done(struct selinux *);
/* Fills @ret when on. Permissive is on, too. */
enum selinux_state selinux_open(const char *root, struct selinux *ret);
bool selinux_enforcing(const char *root);

/* Room for "s0:c1022,c1023". */
enum { SELINUX_LEVEL = 16 };
/* A level with a pair of different categories, at random of the half a million that there are. */
void selinux_draw(char out[SELINUX_LEVEL]);
/* The level that the options ask for, or NULL. Borrowed. */
const char *selinux_level(const struct strv *options);

/* All NULL: none are wanted. */
struct selinux_labels {
	char *process, *mount /* what is its own */, *shared /* what other jobs have, too */;
};
void selinux_labels_done(struct selinux_labels *);
/* With the task's options ("disable", "user:U", "role:R", "type:T", "level:L", "filetype:T"; checked) at @level, which an asked one
 * goes before. */
void selinux_labels(const struct selinux *, const struct strv *options, const char *level, struct selinux_labels *ret);
/* Does the loaded policy know the context? -ERR_INVALID when not. */
int selinux_check(const char *root, const char *context, struct err *err);

/* The option for mount(2) that gives everything of a file system @label; the caller frees. */
char *selinux_mount_option(const char *label);
