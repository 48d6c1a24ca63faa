/* What the configuration of a runtime says to its shim, by the names that containerd.runc.v1.Options has for it. Other shims than
 * runc's get it as runtimeoptions.v1.Options from Kubernetes' side: a TOML table of these names, from 1.7 on itself, before that
 * the path of a file that has it. Types that are neither say nothing to us. Source: reference containerd.md A.6, C.9. */
#pragma once
#include "err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shim_options {
	char *binary_name, *root, *shim_cgroup, *criu_image_path, *criu_work_path; /* NULL: not given */
	uint64_t io_uid, io_gid;
	bool no_pivot_root, no_new_keyring, systemd_cgroup;
};
/* @type_url NULL: none. Names that are not ours are passed over. */
int shim_options_parse(const char *type_url, const void *data, size_t len, struct shim_options *ret, struct err *err);
void shim_options_done(struct shim_options *);
/* The names of its outermost table. -ERR_INVALID: no TOML, or a value of another kind than its name's. */
int shim_options_toml(const char *text, size_t len, struct shim_options *ret, struct err *err);
