/* Runtimes by the names people use. */
#pragma once
#include "ctrd.h"
#include "dict.h"
#include "strv.h"

struct runtime {
	char *type;              /* "io.containerd.runc.v2", or an absolute path of a shim */
	struct ctrd_any options; /* type_url NULL: none. For Container.runtime.options only (reference 0.2) */
	char *engine;            /* "crun", or what BinaryName says; NULL: the shim's own default */
	bool vm;                 /* Kata: the network exists before create, no host devices */
	bool recursive_ro;       /* kernel and engine can make a mount read-only with all below it */
	bool systemd;            /* SystemdCgroup: systemd makes the cgroups */
};
void runtime_done(struct runtime *);

/* runc, crun, runsc or gvisor, kata, davit, io.containerd.X.vN, or an absolute path, with options that check_runtime_option() took.
 * -ERR_NOT_FOUND lists the runtimes found here, or names a program or a configuration (below @root, "" for the host) that is not
 * there; -ERR_INVALID an option that is not this runtime's. */
int runtime_resolve(const char *name, const struct dict *options, const char *root, struct runtime *ret, struct err *err);
/* Do two names stand for one runtime, as "runc" and "io.containerd.runc.v2" do? By the names alone. */
bool runtime_same(const char *a, const char *b);
/* What can be named on this machine: shims in PATH and the engines for them. */
void runtime_list(struct strv *out);
/* The shim's program for type @type, looked for in PATH, /usr/bin, /usr/sbin, /usr/local/bin; NULL when there is none. */
char *runtime_shim(const char *type);
