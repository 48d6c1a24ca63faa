/* The runtime spec, written front to back into one buffer. Every part that can fail looks at the host or at the task
 * before it writes; when one fails, what was written is cut off again. */
#include "spec.h"
#include "cgroup-path.h"
#include "file.h"
#include "propagation.h"
#include "seccomp.h"
#include "spec-parts.h"
#include <string.h>

enum { SPEC_ROOM = 16384 }; /* the usual spec, so that the buffer grows once */

static const char *const masked[] = {
	"/proc/acpi",        "/proc/asound",        "/proc/interrupts", "/proc/kcore",
	"/proc/keys",        "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
	"/proc/sched_debug", "/proc/scsi",          "/sys/firmware",    "/sys/devices/virtual/powercap",
};
static const char read_only[] = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger";

static void emit_namespace(struct buf *out, const char *type, const char *path)
{
	emit_open(out, NULL, '{');
	emit_str(out, "type", type);
	emit_str(out, "path", path);
	emit_close(out, '}');
}

static void emit_namespaces(const struct spec_in *in, struct buf *out)
{
	emit_open(out, "namespaces", '[');
	emit_namespace(out, "pid", NULL);
	emit_namespace(out, "ipc", NULL);
	emit_namespace(out, "uts", NULL);
	emit_namespace(out, "mount", NULL);
	if (in->netns)
		emit_namespace(out, "network", in->netns);
	if (in->cgroup2 && !in->task->privileged)
		emit_namespace(out, "cgroup", NULL);
	emit_close(out, ']');
}

/* In a network namespace of its own a task may listen on any port and send echo requests, as Docker's may: there is nobody
 * beside it whom that could hurt. */
static void emit_sysctl(const struct spec_in *in, struct buf *out)
{
	static const struct {
		const char *key, *value;
	} own_net[] = {
		{ "net.ipv4.ip_unprivileged_port_start", "0" },
		{ "net.ipv4.ping_group_range", "0 2147483647" },
	};
	const struct dict *asked = &in->task->sysctl;
	const bool own = in->netns && !in->joined;

	if (!own && !asked->n)
		return;
	emit_open(out, "sysctl", '{');
	for (size_t i = 0; own && i < sizeof own_net / sizeof *own_net; i++)
		if (!dict_get(asked, own_net[i].key))
			emit_str(out, own_net[i].key, own_net[i].value);
	for (size_t i = 0; i < asked->n; i++)
		emit_str(out, asked->v[i].key, asked->v[i].value);
	emit_close(out, '}');
}

static int emit_seccomp(const struct spec_in *in, uint64_t caps, struct buf *out, struct err *err)
{
	const char *profile = in->task->seccomp;
	struct buf text = { 0 };
	int r;

	if ((in->task->privileged && !profile) || (profile && !strcmp(profile, "unconfined")))
		return 0;
	if (!profile) {
		emit_key(out, "seccomp");
		seccomp_default(caps, out);
		return 0;
	}
	r = seccomp_load(profile, caps, &text, err);
	if (r >= 0) {
		emit_key(out, "seccomp");
		buf_add(out, text.data, text.len);
	}
	buf_done(&text);
	return r;
}

static int emit_devices_and_resources(const struct spec_in *in, struct buf *out, struct err *err)
{
	_cleanup_buf_ struct buf nodes = { 0 }, rules = { 0 };
	int r = spec_devices(in, &nodes, &rules, err);

	if (r < 0)
		return r;
	if (nodes.len) {
		emit_open(out, "devices", '[');
		buf_add(out, nodes.data, nodes.len);
		emit_close(out, ']');
	}
	return spec_resources(in, &rules, out, err);
}

/* What a processor counts when it is hot tells neighbours' work from one another, as /proc/interrupts does. */
static void emit_masked(struct buf *out)
{
	char path[64];

	emit_open(out, "maskedPaths", '[');
	for (size_t i = 0; i < sizeof masked / sizeof *masked; i++)
		emit_str(out, NULL, masked[i]);
	for (unsigned cpu = 0;; cpu++) {
		(void)snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/thermal_throttle", cpu);
		if (!file_exists(path))
			break;
		emit_str(out, NULL, path);
	}
	emit_close(out, ']');
}

/* A mount that is to go on or come in is cut off where the root of the container's mounts is less open than it. NULL: the engines'
 * own, which is slave and lets mounts of the host in. */
static const char *root_propagation(const struct spec_in *in)
{
	const char *found = NULL;

	for (size_t i = 0; i < in->n_mounts; i++) {
		const char *word = propagation_of(in->mounts[i].options);

		if (word && strstr(word, "shared"))
			return "shared";
		if (word && strstr(word, "slave"))
			found = "rslave";
	}
	return found;
}

static int emit_linux(const struct spec_in *in, uint64_t caps, struct buf *out, struct err *err)
{
	int r;

	emit_open(out, "linux", '{');
	emit_key(out, "cgroupsPath");
	buf_addf(out, in->systemd ? "\"" CGROUP_SYSTEMD "\"" : "\"" CGROUP_PATH "\"", in->ns, in->id); /* ids: nothing to quote */
	emit_str(out, "mountLabel", in->selinux_mount);
	emit_str(out, "rootfsPropagation", root_propagation(in));
	emit_namespaces(in, out);
	emit_sysctl(in, out);
	if (in->task->has_masked_paths)
		emit_strv(out, "maskedPaths", &in->task->masked_paths);
	else if (!in->task->privileged)
		emit_masked(out);
	if (in->task->has_readonly_paths)
		emit_strv(out, "readonlyPaths", &in->task->readonly_paths);
	else if (!in->task->privileged)
		emit_words(out, "readonlyPaths", read_only);
	r = emit_devices_and_resources(in, out, err);
	if (r >= 0)
		r = emit_seccomp(in, caps, out, err);
	emit_close(out, '}');
	return r;
}

static void emit_annotations(const struct dict *d, struct buf *out)
{
	if (!d->n)
		return;
	emit_open(out, "annotations", '{');
	for (size_t i = 0; i < d->n; i++)
		emit_str(out, d->v[i].key, d->v[i].value);
	emit_close(out, '}');
}

static int emit_spec(const struct spec_in *in, struct buf *out, struct err *err)
{
	uint64_t caps;
	int r = spec_capabilities(in, &caps, err);

	if (r < 0)
		return r;
	buf_adds(out, "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"");
	if (in->task->read_only)
		emit_bool(out, "readonly", true);
	emit_close(out, '}');
	emit_str(out, "hostname", in->hostname);
	r = spec_process(in, caps, out, err);
	if (r >= 0)
		r = spec_mounts(in, out, err);
	if (r >= 0)
		r = emit_linux(in, caps, out, err);
	emit_annotations(&in->task->annotations, out);
	emit_close(out, '}');
	return r;
}

int spec_build(const struct spec_in *in, struct buf *out, struct err *err)
{
	size_t start = out->len;
	int r;

	(void)buf_room(out, SPEC_ROOM);
	r = emit_spec(in, out, err);
	if (r < 0)
		buf_cut(out, start);
	return r;
}
