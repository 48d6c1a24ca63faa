/* Jobs of one network find each other by name: the hosts file of each (places_files()) has a part with the addresses, names and
 * aliases of the others, which is made anew whenever one joins or leaves. Who is on a network says CNI's cache, where each
 * attachment has its names as the capability `aliases`; jobs are those whose files are in this namespace of containerd.
 *
 * A job may have changed its file, or still hold it open: only the part between davit's own lines is replaced, in place, since the
 * file is bound into the job. One that cannot be had at once, is no file any more or is too long is left as it is. */
#pragma once
#include "core.h"

/* Held while hosts files of the namespace are written, so that the last to write knows most. Closed by the caller. */
int peers_lock(const struct core *, const struct ctx *, struct err *err);
/* Of all jobs on these networks, the lock being held. */
void peers_write(const struct core *, const struct strv *networks);
/* The same with the lock: for who has just left them. What fails is logged. */
void peers_update(const struct core *, const struct strv *networks, const struct ctx *);
