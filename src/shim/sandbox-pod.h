/* The pod of containerd's sandbox API (2.x, `sandboxer = "shim"`): a process that holds its namespaces, and the files that its
 * containers share. No image is needed for it: it is davit-init in an empty root file system, run by the engine as any container
 * is, with the pod's cgroup parent and sysctls. Its folder is BUNDLE/pod: root, resolv.conf, hosts, hostname, and shm, which is
 * mounted. */
#pragma once
#include "pb.h"
#include "sandbox.pb-c.h"
#include <stdbool.h>

/* What is asked for: a CRI runtime.v1.PodSandboxConfig; another type, or none, is that of no wishes. The message is in @a. */
int pod_config(const Google__Protobuf__Any *options, struct arena *a, const Sandbox__PodConfig **ret, struct err *err);

/* Is its cgroup parent a slice of systemd's? Then the engine is to ask systemd for its cgroup. */
bool pod_by_systemd(const Sandbox__PodConfig *);

/* The folder, and BUNDLE/config.json for the engine. @netns: "" for the host's. -ERR_UNIMPLEMENTED: a user namespace. */
int pod_make(const char *bundle, const char *ns, const char *id, const char *netns, const Sandbox__PodConfig *, struct err *err);
void pod_drop(const char *bundle); /* the folder goes with the bundle; what is mounted in it goes here. Absent is fine. */

/* Into the config.json of the container in @bundle: of the pod's files those for whose places it has no mount of its own. */
int pod_share(const char *pod_bundle, const char *bundle, struct err *err);
