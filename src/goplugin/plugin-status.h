/* An error of ours as a host of go-plugin is to hear it. */
#pragma once
#include "buf.h"
#include "err.h"
#include <stdbool.h>

enum {
	PLUGIN_HINT_TEXT = 256,
	PLUGIN_STATUS_TEXT = 1300 /* message and remedy */
};

/* A remedy as the host's people can follow it: @out, or NULL, where they cannot. */
typedef const char *plugin_hint_fn(const char *hint, char out[PLUGIN_HINT_TEXT]);

/* gRPC's status, except that UNAVAILABLE and CANCELLED, which say that the plugin is gone, are UNKNOWN, as an error without a code
 * is. */
unsigned plugin_status(const struct err *);
/* "MESSAGE; REMEDY", the latter as @word has it (NULL: as it is). Returns @out. */
const char *plugin_status_text(const struct err *, plugin_hint_fn *word, char out[PLUGIN_STATUS_TEXT]);
/* The status of an error of which Nomad shall know whether it is @recoverable; its details are appended. */
unsigned plugin_status_recoverable(const char *text, bool recoverable, struct buf *details);
