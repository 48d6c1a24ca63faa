/* Who a process is, by the /etc/passwd and /etc/group of its image or of its job, never by the host's. One mechanism for run and
 * exec, with Docker's results; who reads those files, and how, is exec's (identity.h). */
#pragma once
#include "buf.h"
#include "err.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The groups begin with gid itself. */
struct user {
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t n_groups;
	char *home;
};
void user_done(struct user *);

/* Their text; empty when there is none. @whose, for errors: "image" (also NULL) or "job". */
struct user_files {
	struct buf passwd, group;
	const char *whose;
};
void user_files_done(struct user_files *);

/* @spec is USER[:GROUP], names or numbers; each may be empty: USER is 0 then, GROUP the one of the entry.
 *   - A user with an entry (by name, or by number) has its gid and its home; without :GROUP also the groups it is a member of.
 *   - A number without an entry has gid 0 (or GROUP) and home "/".
 *   - A name without an entry is -ERR_NOT_FOUND "user bob: not in the image's /etc/passwd"; only root is 0 all the same.
 * @extra (--group-add; may be NULL) come on top, always. Lines above 64 KiB or with NUL are passed over; more than 4096 groups are
 * -ERR_EXHAUSTED. */
int user_lookup(const struct user_files *, const char *spec, char *const *extra, struct user *ret, struct err *err);
