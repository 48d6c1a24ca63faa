/* Volumes as they lie on the disk: the folder DATA/volumes/NS/NAME (places.h) with _data and volume.json (created, labels). Finding
 * them and throwing them away; who uses them, and making them, is volume.h. */
#pragma once
#include "core.h"

struct volume {
	char *name, *path;
	int64_t created_at;
	struct dict labels;
	bool anonymous;
};
struct volumes {
	struct volume *v;
	size_t n;
};
void volume_done(struct volume *);
void volumes_done(struct volumes *);

int volume_check_name(const char *name, struct err *err);
int volume_get(const struct core *, const char *name, struct volume *ret, struct err *err);
int volume_list(const struct core *, struct volumes *ret, struct err *err);
/* The lock under which volumes of the namespace come and go: its descriptor. Nobody holds it for long. */
int volume_lock_all(const struct core *, const struct ctx *, struct err *err);
/* Away with it, whoever uses it: for volumes that a job made for itself, and once it is known that nobody does. Absent is success.
 */
int volume_drop(const struct core *, const char *name, const struct ctx *, struct err *err);
