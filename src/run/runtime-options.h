/* A job's runtime_options as the message that its shim takes: containerd.runc.v1.Options, or runtimeoptions.v1.Options. They are
 * for Container.runtime.options only: as options of a task containerd 2 takes them for runc's, whoever the shim is. */
#pragma once
#include "ctrd.h"
#include "dict.h"

/* Does the shim of this type (or with this path) take those of runc? */
bool runtime_takes_runc(const char *type);
/* Is it davit's own? It writes logs itself (log-uri.h). */
bool runtime_is_davit(const char *type);
/* Of options that check_runtime_option() took. Nothing at all where there are none. -ERR_INVALID names one that is the other
 * kind's. */
int runtime_options_pack(const char *type, const struct dict *options, struct ctrd_any *out, struct err *err);
