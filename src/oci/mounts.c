/* Mounts, in the order in which they are made: the kernel's own file systems, then davit's files and the task's mounts by
 * depth, so that none hides another: a volume on /etc leaves /etc/hosts as it is. A mount of the task's on one of the usual
 * targets takes its place. */
#include "file.h"
#include "init.h"
#include "mem.h"
#include "mount-option.h"
#include "path.h"
#include "spec-parts.h"
#include "utf8.h"
#include <string.h>

enum { SHM_USUAL = 64 << 20 }; /* bytes */

struct entry {
	char *target; /* cleaned */
	const char *type, *source;
	struct strv options;
	size_t depth, order;
	bool device; /* nobody's files to map */
};

struct entries {
	struct entry *v;
	size_t n, cap;
	bool recursive_ro; /* kernel and engine can */
	bool vm;
};

static void entries_done(struct entries *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->v[i].target);
		strv_done(&e->v[i].options);
	}
	free(e->v);
}

static bool entries_have(const struct entries *e, const char *target)
{
	for (size_t i = 0; i < e->n; i++)
		if (!strcmp(e->v[i].target, target))
			return true;
	return false;
}

static struct entry *entries_add(struct entries *e, const char *target)
{
	struct entry *n;

	e->v = mem_grow(e->v, &e->cap, e->n + 1, sizeof *e->v);
	n = &e->v[e->n];
	*n = (struct entry){ .target = path_clean(target, NULL), .order = e->n };
	e->n++;
	for (const char *p = n->target; *p; p++)
		n->depth += *p == '/';
	return n;
}

/* What a face or davit itself acts on, and the engines need not know. */
static bool is_our_own(const char *option)
{
	static const char *const words[] = { "nocopy", "z", "Z", MOUNT_CREATE, MOUNT_NO_LINKS, MOUNT_RO_OUTER, MOUNT_RRO };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(option, words[i]))
			return true;
	return false;
}

/* "ro" stands beside "rro": an engine that knows the one alone makes the mount itself read-only at least. */
static void access_options(const struct spec_mount *m, bool recursive_ro, struct strv *out)
{
	strv_push(out, m->read_only ? "ro" : "rw");
	if (m->read_only && m->folder && recursive_ro && !(m->options && strv_has(m->options, MOUNT_RO_OUTER)))
		strv_push(out, "rro");
}

/* A bind is recursive and private unless it says otherwise. */
static void bind_options(const struct spec_mount *m, bool recursive_ro, struct strv *out)
{
	bool propagation = false, kind = false;

	for (size_t i = 0; m->options && i < m->options->n; i++) {
		const char *o = m->options->v[i];

		if (is_our_own(o))
			continue;
		propagation |= mount_is_propagation(o);
		kind |= !strcmp(o, "bind") || !strcmp(o, "rbind");
		strv_push(out, o);
	}
	if (!kind)
		strv_push(out, "rbind");
	if (!propagation)
		strv_push(out, "rprivate");
	access_options(m, recursive_ro, out);
}

/* A tmpfs is tame unless the task says otherwise. Not left to the order of options: crun 1.8 keeps "noexec" before "exec". */
static void tmpfs_options(const struct strv *asked, struct strv *out)
{
	static const char *const tame[] = { "nosuid", "nodev", "noexec" };

	for (size_t i = 0; i < sizeof tame / sizeof *tame; i++)
		if (!asked || !strv_has(asked, tame[i] + 2))
			strv_push(out, tame[i]);
}

static void add_given_mount(struct entries *e, const struct spec_mount *m)
{
	bool bind = !m->type || !strcmp(m->type, "bind");
	struct entry *n = entries_add(e, m->target);

	n->type = bind ? "bind" : m->type;
	n->source = m->source ? m->source : n->type;
	if (bind) {
		bind_options(m, e->recursive_ro, &n->options);
		return;
	}
	if (!strcmp(n->type, "tmpfs"))
		tmpfs_options(m->options, &n->options);
	for (size_t i = 0; m->options && i < m->options->n; i++)
		if (!e->vm || strcmp(m->options->v[i], MOUNT_COPY_UP) != 0)
			strv_push(&n->options, m->options->v[i]);
	if (m->read_only)
		strv_push(&n->options, "ro");
}

/* What the core resolved, and the tmpfs of the task, which need no resolving. */
static void add_all_given(const struct spec_in *in, struct entries *e)
{
	for (size_t i = 0; i < in->n_mounts; i++)
		add_given_mount(e, &in->mounts[i]);
	for (size_t i = 0; i < in->task->n_mounts; i++) {
		const struct mount *m = &in->task->mounts[i];
		_cleanup_free_ char *target = path_clean(m->target, NULL);
		struct spec_mount tmpfs = { .target = target, .type = "tmpfs", .read_only = m->read_only, .options = &m->options };

		if (m->kind == MOUNT_TMPFS && !entries_have(e, target))
			add_given_mount(e, &tmpfs);
	}
}

static void add_bound_device(const struct spec_in *in, const char *host, const char *inside, struct entries *e)
{
	if (!device_is_bound(in, host, inside))
		return;
	add_given_mount(e, &(struct spec_mount){ .target = inside, .source = host });
	e->v[e->n - 1].device = true;
}

static void add_bound_devices(const struct spec_in *in, struct entries *e)
{
	for (size_t i = 0; i < in->task->n_devices; i++)
		add_bound_device(in, in->task->devices[i].host, in->task->devices[i].inside, e);
	for (size_t i = 0; in->cdi && i < in->cdi->n_nodes; i++)
		add_bound_device(in, in->cdi->nodes[i].host, in->cdi->nodes[i].path, e);
}

/* davit's files below /etc, as far as the task mounts nothing of its own in their place. They are the job's to write unless it
 * wants its root read-only. */
static void add_own_files(const struct spec_in *in, struct entries *e)
{
	const struct {
		const char *target, *source;
		bool read_only;
	} files[] = {
		{ "/etc/resolv.conf", in->resolv_conf, in->resolv_read_only },
		{ "/etc/hosts", in->hosts, false },
		{ "/etc/hostname", in->hostname_file, false },
	};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (files[i].source && !entries_have(e, files[i].target))
			add_given_mount(e, &(struct spec_mount){ .target = files[i].target,
								 .source = files[i].source,
								 .read_only = in->task->read_only || files[i].read_only });
}

static int mounts_by_depth(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void emit_mount(const char *target, const char *type, const char *source, struct buf *out)
{
	emit_open(out, NULL, '{');
	emit_str(out, "destination", target);
	emit_str(out, "type", type);
	emit_str(out, "source", source);
}

static void usual(const struct entries *given, const char *target, const char *type, const char *source, const char *options,
		  struct buf *out)
{
	if (entries_have(given, target))
		return;
	emit_mount(target, type, source, out);
	emit_words(out, "options", options);
	emit_close(out, '}');
}

/* Of the host's IPC namespace what the host has mounted; its queues are shown by whatever mount of them is made in it, but that
 * takes its own root. */
static void usual_ipc(const struct spec_in *in, const struct entries *given, struct buf *out)
{
	static const char bind[] = "rbind rprivate rw nosuid noexec nodev";
	const bool host = namespace_is_host(in->task->ipc);
	char shm[80];

	(void)snprintf(shm, sizeof shm, "nosuid noexec nodev mode=1777 size=%lld",
		       (long long)(in->task->shm_size ? in->task->shm_size : SHM_USUAL));
	if (in->shm)
		usual(given, "/dev/shm", "bind", in->shm, bind, out);
	else if (host && file_exists("/dev/shm"))
		usual(given, "/dev/shm", "bind", "/dev/shm", bind, out);
	else
		usual(given, "/dev/shm", "tmpfs", "shm", shm, out);
	if (!host || !in->map)
		usual(given, "/dev/mqueue", "mqueue", "mqueue", "nosuid noexec nodev", out);
	else if (file_exists("/dev/mqueue"))
		usual(given, "/dev/mqueue", "bind", "/dev/mqueue", bind, out);
}

static void usual_mounts(const struct spec_in *in, const struct entries *given, struct buf *out)
{
	const char *access = in->task->privileged ? "nosuid noexec nodev rw" : "nosuid noexec nodev ro";
	char cgroup[80];

	(void)snprintf(cgroup, sizeof cgroup, "%s relatime", access);
	usual(given, "/proc", "proc", "proc", "nosuid noexec nodev", out);
	usual(given, "/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k", out);
	usual(given, "/dev/pts", "devpts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5", out);
	usual_ipc(in, given, out);
	usual(given, "/sys", "sysfs", "sysfs", access, out);
	usual(given, "/sys/fs/cgroup", "cgroup", "cgroup", cgroup, out);
}

static int spec_check_recursion(const struct spec_in *in, struct err *err)
{
	for (size_t i = 0; i < in->n_mounts && !in->recursive_ro; i++)
		if (in->mounts[i].folder && in->mounts[i].options && strv_has(in->mounts[i].options, MOUNT_RRO))
			return err_hint(err,
					err_set(err, ERR_PRECONDITION,
						"mount %.200s: this kernel or this runtime cannot make read-only what is "
						"mounted below",
						in->mounts[i].target),
					"it takes Linux 5.12 and runc or crun; leave out bind-recursive=readonly");
	return 0;
}

/* What stands for a bind's source in a user namespace; NULL: it is no bind. */
static char *mapped_source(const struct spec_map *map, const struct entry *e)
{
	if (strcmp(e->type, "bind") != 0 || e->device)
		return NULL;
	strv_pushf(map->sources, "%c%s", strv_has(&e->options, "bind") ? SPEC_MAP_PART : SPEC_MAP_WHOLE, e->source);
	return mem_printf("%s/%zu", map->dir, map->sources->n - 1);
}

static int check_given(const struct entries *e, struct err *err)
{
	for (size_t i = 0; i < e->n; i++)
		if (!utf8_valid(e->v[i].target, strlen(e->v[i].target)) || !utf8_valid(e->v[i].source, strlen(e->v[i].source)))
			return err_set(err, ERR_INVALID, "mount %.200s: its path is not UTF-8, which the runtime spec is made of",
				       e->v[i].target);
	return 0;
}

int spec_mounts(const struct spec_in *in, struct buf *out, struct err *err)
{
	_cleanup_(entries_done) struct entries given = { .recursive_ro = in->recursive_ro, .vm = in->vm };
	int r;

	add_all_given(in, &given);
	add_bound_devices(in, &given);
	add_own_files(in, &given);
	if (init_wanted(in))
		add_given_mount(&given,
				&(struct spec_mount){ .target = init_inside(in->task), .source = in->init, .read_only = true });
	r = check_given(&given, err);
	if (r >= 0)
		r = spec_check_recursion(in, err);
	if (r < 0)
		return r;
	if (given.n)
		qsort(given.v, given.n, sizeof *given.v, mounts_by_depth);
	emit_open(out, "mounts", '[');
	usual_mounts(in, &given, out);
	for (size_t i = 0; i < given.n; i++) {
		_cleanup_free_ char *mapped = in->map ? mapped_source(in->map, &given.v[i]) : NULL;

		emit_mount(given.v[i].target, given.v[i].type, mapped ? mapped : given.v[i].source, out);
		emit_strv(out, "options", &given.v[i].options);
		emit_close(out, '}');
	}
	emit_close(out, ']');
	return 0;
}
