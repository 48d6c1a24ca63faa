/* containerd.services.version.v1.Version */
#pragma once
#include "ctrd.h"

struct ctrd_version {
	char *version, *revision;
};
void ctrd_version_done(struct ctrd_version *);
int version_get(struct ctrd *, const struct ctx *, struct ctrd_version *ret, struct err *err);
/* The same for a loop: ctrd_call_notify() tells when version_end() does not wait. */
struct ctrd_call *version_begin(struct ctrd *, const struct ctx *);
int version_end(struct ctrd_call *, const struct ctx *, struct ctrd_version *ret, struct err *err);
