/* The image configuration (OCI image-spec config.md; Docker's is the same). */
#pragma once
#include "dict.h"
#include "err.h"
#include "strv.h"

struct image_config {
	char *os, *architecture, *variant;
	char *user, *cwd, *stop_signal;
	struct strv env, entrypoint, cmd, exposed_ports, volumes;
	struct dict labels;
	struct strv diff_ids;
	char *created;
};
int image_config_parse(const char *json, size_t len, struct image_config *ret, struct err *err);
void image_config_done(struct image_config *);
