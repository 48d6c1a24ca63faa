/* linux.namespaces, and the ids of a user namespace. Whose a namespace is: NULL or "private": the container's own; "host": ours,
 * and it is left out; "task:NAME": the caller says where that is. */
#include "mem.h"
#include "spec-parts.h"
#include <string.h>

static void emit_namespace(struct buf *out, const char *type, const char *path)
{
	emit_open(out, NULL, '{');
	emit_str(out, "type", type);
	emit_str(out, "path", path);
	emit_close(out, '}');
}

bool namespace_is_host(const char *mode) { return mode && !strcmp(mode, "host"); }

static void emit_mode(struct buf *out, const char *type, const char *mode, const char *path)
{
	if (!namespace_is_host(mode))
		emit_namespace(out, type, path);
}

static bool own_cgroups(const struct spec_in *in)
{
	const char *mode = in->task->cgroupns;

	return mode ? !namespace_is_host(mode) : in->cgroup2 && !in->task->privileged;
}

static void emit_ids(struct buf *out, const char *key, uint32_t first, uint32_t n)
{
	emit_open(out, key, '[');
	emit_open(out, NULL, '{');
	emit_uint(out, "containerID", 0);
	emit_uint(out, "hostID", first);
	emit_uint(out, "size", n);
	emit_close(out, '}');
	emit_close(out, ']');
}

/* The namespace has its ids already; containerd goes by these when it lets the container's root pass its folders. */
static void emit_users(const struct spec_in *in, struct buf *out)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", in->map->dir, SPEC_MAP_USERNS);

	emit_namespace(out, "user", path);
}

void spec_namespaces(const struct spec_in *in, struct buf *out)
{
	emit_open(out, "namespaces", '[');
	if (in->map)
		emit_users(in, out);
	emit_mode(out, "pid", in->task->pid, in->paths.pid);
	emit_mode(out, "ipc", in->task->ipc, in->paths.ipc);
	emit_mode(out, "uts", in->task->uts, in->paths.uts);
	emit_namespace(out, "mount", NULL);
	if (in->netns)
		emit_namespace(out, "network", in->netns);
	if (own_cgroups(in))
		emit_namespace(out, "cgroup", NULL);
	emit_close(out, ']');
	if (!in->map)
		return;
	emit_ids(out, "uidMappings", in->map->ids.uid, in->map->ids.n);
	emit_ids(out, "gidMappings", in->map->ids.gid, in->map->ids.n);
}
