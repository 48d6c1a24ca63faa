/* containerd's sandbox API, by which a containerd 2.x with `sandboxer = "shim"` asks for a pod without a sandbox container of its
 * own (sandbox-pod.h). The pod's process is a container of the shim's that tells no events; Task methods reach it by the sandbox's
 * id, since containerd asks for its pids when it starts again. Source: containerd's runtime/sandbox/v1. */
#pragma once
#include "ttrpc-server.h"

extern const struct ttrpc_method sandbox_methods[]; /* their argument is a struct shim */
