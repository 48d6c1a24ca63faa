/* Users of the image: its own /etc/passwd and /etc/group, never the host's. */
#pragma once
#include "err.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct user { uid_t uid; gid_t gid; gid_t *groups; size_t n_groups; char *home; };
void user_done(struct user *);

/* Can @spec ("", "0", "1000:1000") be answered without the image? Docker looks up supplementary groups and the home of
 * a numeric user too; a bare number or "" means: uid, gid 0 (or as given), no lookup of groups, home "/" (or /root for 0).
 * "" and "0" and "root" without groups need no look: root's home is /root. */
bool user_is_numeric(const char *spec);
/* Look @spec (with @extra: --group-add) up below @rootfd, the image's root folder (-1: numeric only). Follows no link
 * out of it (openat2 RESOLVE_IN_ROOT). -ERR_NOT_FOUND "user bob: not in the image's /etc/passwd". Caps: files of at most
 * 4 MiB, lines of 64 KiB. */
int user_lookup(int rootfd, const char *spec, char *const *extra, struct user *ret, struct err *err);
