/* An image from containerd's store to a registry. */
#pragma once
#include "registry.h"

struct push_spec {
	const char *image, *target; /* a name or an ID; where it goes, NULL: to its own name */
	bool all_platforms;         /* an index with all that it lists, or nothing */
	const struct login *login;
	struct registry_way way;
};
/* Of several images that an index lists the session's platform, if it was asked for; else all that are listed, where all of them
 * are here, and where not the host's. Adds {"name","digest","size"} to @images, with "platform" where it is one of several.
 * -ERR_NOT_FOUND: some of it is not here. */
int push_image(struct session *, const struct push_spec *, json *images, struct err *err);
