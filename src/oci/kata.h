/* Kata Containers: where its configuration is. Its own shim looks at the option ConfigPath, at the environment, then at these
 * places; davit tells it what it found, since the shim's environment is containerd's. */
#pragma once
#include "err.h"

/* $KATA_CONF_FILE, else the first of the usual places that is there, looked for below @root ("" for the host); the caller frees
 * *ret, which is without @root. -ERR_NOT_FOUND names the places. */
int kata_config(const char *root, char **ret, struct err *err);

/* A device of the kernel's that it starts nothing without, and the command that makes it be there. */
struct kata_device {
	const char *path, *remedy;
};
extern const struct kata_device kata_devices[]; /* ended by one without a path */
/* Are they there, below @root? -ERR_PRECONDITION names the first that is not, with its remedy. */
int kata_check_devices(const char *root, struct err *err);
