/* The parts of a runtime spec, each with a file of its own; spec.c puts them together. They append to an open object. */
#pragma once
#include "emit.h"
#include "spec.h"

/* process.c */
int spec_process(const struct spec_in *, uint64_t caps, struct buf *out, struct err *err);
/* What the task may have: the default ones, those added and dropped, never one that in->bounding lacks. */
int spec_capabilities(const struct spec_in *, uint64_t *ret, struct err *err);
/* mounts.c */
int spec_mounts(const struct spec_in *, struct buf *out, struct err *err);
/* cgroup.c: linux.resources; the rules of devices come from device.c */
int spec_resources(const struct spec_in *, const struct buf *device_rules, struct buf *out, struct err *err);
/* blkio.c, hugepages.c: parts of linux.resources */
int spec_blkio(const struct spec_in *, struct buf *out, struct err *err);
int spec_hugepages(const struct spec_in *, struct buf *out, struct err *err);
/* namespaces.c: linux.namespaces, uidMappings, gidMappings */
void spec_namespaces(const struct spec_in *, struct buf *out);
bool namespace_is_host(const char *mode); /* of task.pid ...; NULL is not */
/* hooks.c: hooks and linux.intelRdt, of CDI devices */
void spec_hooks(const struct spec_in *, struct buf *out);
void spec_rdt(const struct spec_in *, struct buf *out);
/* device.c: In a user namespace no device can be made, only bound: the engine does so with one that has the same path on the
 * host, spec_mounts() with others. */
bool device_is_bound(const struct spec_in *, const char *host, const char *inside);
/* The entries of linux.devices and of linux.resources.devices */
int spec_devices(const struct spec_in *, struct buf *nodes, struct buf *rules, struct err *err);
