/* The options that runtimes take, one list for every face. Names are Go's, as containerd's configuration has them. */
#pragma once
#include "err.h"
#include <stdbool.h>

/* Name, member of the message, what its value is. Those of the shims for runc and the like (containerd.runc.v1.Options) ... */
#define RUNTIME_OPTIONS_RUNC(X) \
	X(BinaryName, binary_name, PROGRAM) \
	X(SystemdCgroup, systemd_cgroup, SWITCH) \
	X(Root, root, PATH) \
	X(NoPivotRoot, no_pivot_root, SWITCH) \
	X(NoNewKeyring, no_new_keyring, SWITCH) \
	X(ShimCgroup, shim_cgroup, PATH) \
	X(IoUid, io_uid, ID) \
	X(IoGid, io_gid, ID) \
	X(CriuPath, criu_path, PATH) \
	X(CriuImagePath, criu_image_path, PATH) \
	X(CriuWorkPath, criu_work_path, PATH)
/* ... and those of all others (runtimeoptions.v1.Options). */
#define RUNTIME_OPTIONS_OTHER(X) \
	X(ConfigPath, config_path, PATH) \
	X(TypeUrl, type_url, TEXT) \
	X(ConfigBody, config_body, TEXT)

enum runtime_option_kind {
	RUNTIME_OPTION_PROGRAM,
	RUNTIME_OPTION_SWITCH,
	RUNTIME_OPTION_PATH,
	RUNTIME_OPTION_ID,
	RUNTIME_OPTION_TEXT
};
struct runtime_option {
	const char *name;
	enum runtime_option_kind kind;
	bool runc; /* of the shims for runc and the like */
};
/* By its name, whatever its case, also as binary_name or binary-name; NULL. */
const struct runtime_option *runtime_option(const char *name);
/* Of a value that check_runtime_option() (check.h) took. */
bool runtime_option_is_on(const char *value);
