/* The options that a mount may have, by its kind: one list for every face. */
#pragma once
#include "job.h"

/* Of a bind that is read-only: so is what is mounted below it, or the mount is refused. Without either, it is where it can be. */
#define MOUNT_RRO "rro"
#define MOUNT_RO_OUTER "ro-non-recursive" /* what is mounted below it stays as it is */
#define MOUNT_NO_LINKS "no-symlinks"      /* of a bind: no link in its source is followed; what stands there is held from then on */
#define MOUNT_CREATE "create-src"         /* of a bind: its source is made, a folder, where it is not there */
#define MOUNT_COPY_UP "tmpcopyup"         /* of a tmpfs: it begins with what the image has there, but under a VM runtime */

enum mount_option_use {
	MOUNT_OPTION_KEEP,   /* stands in struct mount's options */
	MOUNT_OPTION_IGNORE, /* means nothing here, but scripts carry it: a text form drops it */
	MOUNT_OPTION_RO,     /* a text form says read_only by it */
	MOUNT_OPTION_RW,
	MOUNT_OPTION_UNKNOWN,
};
enum mount_option_use mount_option(enum mount_kind, const char *option);
/* -ERR_INVALID that names @noun and the nearest option. */
int mount_option_unknown(const char *noun, enum mount_kind, const char *option, struct err *err);
/* [r]private, [r]shared, [r]slave? */
bool mount_is_propagation(const char *option);
