/* Volumes that nobody uses, and what volumes weigh. */
#pragma once
#include "volume.h"

/* Removes the volumes that no job uses: the anonymous ones, with @all the named ones too. Adds their names to @removed, also
 * when it fails. */
int volume_prune(struct core *, bool all, bool dry_run, const struct ctx *, struct strv *removed, struct err *err);
/* Bytes on disk of what is in a volume. Deeper than 200 folders it is not looked at: a job can make as many as it likes. */
int volume_size(const struct volume *, const struct ctx *, int64_t *ret, struct err *err);
