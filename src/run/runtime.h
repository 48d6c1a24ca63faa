/* Runtimes by the names people use. */
#pragma once
#include "ctrd.h"
#include "strv.h"

struct runtime {
	char *type;              /* "io.containerd.runc.v2", or an absolute path of a shim */
	struct ctrd_any options; /* type_url NULL: none. For Container.runtime.options only (reference 0.2) */
	char *engine;            /* "crun"; NULL: the shim's own default */
	bool vm;                 /* Kata: the network exists before create, no host devices */
};
void runtime_done(struct runtime *);

/* runc, crun, runsc or gvisor, kata, davit, io.containerd.X.vN, or an absolute path. -ERR_NOT_FOUND lists those found here. */
int runtime_resolve(const char *name, struct runtime *ret, struct err *err);
bool runtime_is_vm(const char *type);
/* What can be named on this machine: shims in PATH and the engines for them. */
void runtime_list(struct strv *out);
/* The shim's program for type @type, looked for in PATH, /usr/bin, /usr/sbin, /usr/local/bin; NULL when there is none. */
char *runtime_shim(const char *type);
