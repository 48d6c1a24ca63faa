/* The image configuration (OCI image-spec config.md; Docker's is the same). */
#pragma once
#include "dict.h"
#include "err.h"
#include "job.h"
#include "strv.h"

struct image_config {
	char *os, *architecture, *variant;
	char *user, *cwd, *stop_signal;
	struct strv env, entrypoint, cmd, exposed_ports, volumes;
	struct dict labels;
	struct healthcheck *healthcheck; /* NULL: it says nothing of it */
	struct strv diff_ids;
	char *created;
};
int image_config_parse(const char *json, size_t len, struct image_config *ret, struct err *err);
void image_config_done(struct image_config *);
/* Who checks @t, of that image: its own health check, the image's, or parts of both. What is left as it is by default counts as not
 * given, as a flag that was never given does. Nothing where there is no command in the end. */
void image_config_check(const struct image_config *, struct task *t);
