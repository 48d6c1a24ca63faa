/* Named volumes: folders DATA/volumes/NS/NAME/_data, with DATA/volumes/NS/NAME/volume.json (created, labels). Kept until
 * removed. Copied up from the image when first used and empty. */
#pragma once
#include "volume-folder.h"
#include "volume-users.h"

/* Made when it is not there; *ret_new tells (may be NULL). @name NULL: a random one (anonymous). */
int volume_ensure(const struct core *, const char *name, const struct dict *labels, struct volume *ret, bool *ret_new,
		  struct err *err);
/* The same for a job that is being made: until *ret_hold is closed nobody removes the volume, though no record names it yet.
 * One that is being removed right now is waited for, ten seconds at most. */
int volume_use(const struct core *, const char *name, const struct dict *labels, const struct ctx *, struct volume *ret,
	       bool *ret_new, int *ret_hold, struct err *err);
/* -ERR_PRECONDITION names the job that uses it (running or not), or says that one is being made with it. */
int volume_remove(struct core *, const char *name, const struct ctx *, struct err *err);
