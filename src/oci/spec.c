/* The runtime spec, written front to back into one buffer. Every part that can fail looks at the host or at the task
 * before it writes; when one fails, what was written is cut off again. */
#include "spec.h"
#include "cgroup-path.h"
#include "file.h"
#include "hidden.h"
#include "labels.h"
#include "propagation.h"
#include "seccomp.h"
#include "spec-parts.h"
#include <string.h>

enum { SPEC_ROOM = 16384 }; /* the usual spec, so that the buffer grows once */

/* In a network namespace of its own a task may listen on any port and send echo requests, as Docker's may: there is nobody
 * beside it whom that could hurt. */
static void emit_sysctl(const struct spec_in *in, struct buf *out)
{
	char groups[32]; /* the kernel wants ids that there are */
	const struct {
		const char *key, *value;
	} own_net[] = {
		{ "net.ipv4.ip_unprivileged_port_start", "0" },
		{ "net.ipv4.ping_group_range", groups },
	};
	const struct dict *asked = &in->task->sysctl;
	const bool own = in->netns && !in->joined;

	if (!own && !asked->n)
		return;
	(void)snprintf(groups, sizeof groups, "0 %u", in->map ? in->map->ids.n - 1 : 2147483647);
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

/* HIDDEN_CPUS is a path for each processor. */
static void emit_hidden(const char *path, struct buf *out)
{
	char cpu[64];

	if (strcmp(path, HIDDEN_CPUS) != 0) {
		emit_str(out, NULL, path);
		return;
	}
	for (unsigned n = 0;; n++) {
		(void)snprintf(cpu, sizeof cpu, HIDDEN_CPU, n);
		if (!file_exists(cpu))
			break;
		emit_str(out, NULL, cpu);
	}
}

/* @given instead of the @usual ones. */
static void emit_hidden_list(const char *key, const struct strv *given, const char *const *usual, struct buf *out)
{
	emit_open(out, key, '[');
	for (size_t i = 0; given && i < given->n; i++)
		emit_hidden(given->v[i], out);
	for (size_t i = 0; !given && usual[i]; i++)
		emit_hidden(usual[i], out);
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

static void emit_hidden_lists(const struct task *t, struct buf *out)
{
	if (t->has_masked_paths || !t->privileged)
		emit_hidden_list("maskedPaths", t->has_masked_paths ? &t->masked_paths : NULL, hidden_masked, out);
	if (t->has_readonly_paths || !t->privileged)
		emit_hidden_list("readonlyPaths", t->has_readonly_paths ? &t->readonly_paths : NULL, hidden_read_only, out);
}

static int emit_linux(const struct spec_in *in, uint64_t caps, struct buf *out, struct err *err)
{
	int r;

	emit_open(out, "linux", '{');
	emit_key(out, "cgroupsPath");
	if (in->task->cgroup) /* ids, and this: nothing to quote */
		buf_addf(out, "\"%s\"", in->task->cgroup);
	else
		buf_addf(out, in->systemd ? "\"" CGROUP_SYSTEMD "\"" : "\"" CGROUP_PATH "\"", in->ns, in->id);
	emit_str(out, "mountLabel", in->selinux_mount);
	emit_str(out, "rootfsPropagation", root_propagation(in));
	spec_namespaces(in, out);
	emit_sysctl(in, out);
	emit_hidden_lists(in->task, out);
	spec_rdt(in, out);
	r = emit_devices_and_resources(in, out, err);
	if (r >= 0)
		r = emit_seccomp(in, caps, out, err);
	emit_close(out, '}');
	return r;
}

static void emit_annotations(const struct spec_in *in, struct buf *out)
{
	const struct dict *d = &in->task->annotations;
	const size_t n_mapped = in->map ? in->map->sources->n : 0;
	char key[64];

	const struct dict *own = in->annotations;

	if (!d->n && !n_mapped && !(own && own->n))
		return;
	emit_open(out, "annotations", '{');
	for (size_t i = 0; i < d->n; i++)
		if (!own || !dict_get(own, d->v[i].key))
			emit_str(out, d->v[i].key, d->v[i].value);
	for (size_t i = 0; own && i < own->n; i++)
		emit_str(out, own->v[i].key, own->v[i].value);
	for (size_t i = 0; i < n_mapped; i++) {
		(void)snprintf(key, sizeof key, SPEC_MAPPED "%zu", i);
		emit_str(out, key, in->map->sources->v[i]);
	}
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
	if (!namespace_is_host(in->task->uts) && !in->paths.uts) /* else it is not ours to set */
		emit_str(out, "hostname", in->hostname);
	r = spec_process(in, caps, out, err);
	if (r >= 0)
		r = spec_mounts(in, out, err);
	if (r >= 0)
		r = emit_linux(in, caps, out, err);
	spec_hooks(in, out);
	emit_annotations(in, out);
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
