/* What `commit --change` takes: an instruction of a Dockerfile that changes an image's configuration. */
#pragma once
#include "err.h"
#include "json.h"

/* "CMD [...]", "ENTRYPOINT", "ENV K=V", "LABEL K=V", "EXPOSE PORT...", "USER", "WORKDIR", "VOLUME", "STOPSIGNAL" into @config, the
 * object "config" of an image's configuration. -ERR_INVALID. */
int image_change(json *config, const char *text, struct err *err);
