/* Ids of a user namespace: 0 to n-1 inside are the host's from @uid and @gid on. */
#pragma once
#include "err.h"
#include <stdint.h>

struct idmap {
	uint32_t uid, gid, n;
};
enum {
	IDMAP_N = 65536,          /* what images and their passwd use */
	IDMAP_FIRST = 0x70000000, /* above what systemd-nspawn takes (docs/security.md) */
};
/* The range that this host gives davit: of user "davit" in subuid(5) and subgid(5), @subuid and @subgid being the paths of those;
 * where it has none, IDMAP_N from IDMAP_FIRST on. -ERR_INVALID: that is too few, or somebody else's. */
int idmap_of_host(const char *subuid, const char *subgid, struct idmap *ret, struct err *err);
/* From now on what this thread makes is made as user 0 inside makes it, which is the one way in an idmapped mount; it keeps its
 * capabilities. NULL: as before. */
int idmap_make_as(const struct idmap *, struct err *err);
