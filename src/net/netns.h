/* Named network namespaces: files in /var/run/netns with the namespace bound to them, `lo` up. */
#pragma once
#include "err.h"

#define NETNS_DIR "/var/run/netns"

/* Makes DIR/@id; -ERR_EXISTS when it is there. A failure leaves nothing. The calling thread's own namespace is unchanged
 * (a child or helper thread makes it). May take a millisecond. */
int netns_new(const char *dir, const char *id, char **ret_path, struct err *err);
/* DIR/@id leads to the namespace that @other leads to; -ERR_EXISTS when it is there. */
int netns_join(const char *dir, const char *id, const char *other, struct err *err);
/* Unmounts and unlinks; absent is success. */
int netns_remove(const char *path, struct err *err);
