#include "orphans.h"
#include "cgroup.h"
#include "conn.h"
#include "containers.h"
#include "file.h"
#include "job-name.h"
#include "mem.h"
#include "tasks.h"
#include <ctype.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CGROUPS "/sys/fs/cgroup"
/* where containerd's runc.v2 shim has every engine keep its state, unless told otherwise (reference A.8) */
#define ENGINE_STATE "/run/containerd/runc"
#define BUNDLES "io.containerd.runtime.v2.task"

enum { CMDLINE_MAX = 65536, STAT_MAX = 4096, BUSY_MS = 5000, END_MS = 2000, PAUSE_MS = 20, ANCESTORS_MAX = 64 };

DEFINE_CLEANUP(DIR, closedir)

/* One job that containerd may have lost. */
struct orphan {
	struct core *core;
	const char *id;
	ino_t mounts;       /* containerd's mount namespace, in which its shims are */
	struct strv shims;  /* pids of those that containerd started for it */
	char *bundle;       /* that of a shim, else where containerd has it by default */
};

static void orphan_done(struct orphan *o)
{
	strv_done(&o->shims);
	free(o->bundle);
}

/* -- processes ------------------------------------------------------------------------------------------------------------ */

static void read_args(const char *pid, struct strv *out)
{
	_cleanup_free_ char *path = mem_printf("/proc/%s/cmdline", pid);
	_cleanup_buf_ struct buf text = { 0 };

	if (file_read(path, CMDLINE_MAX, &text, NULL) < 0)
		return;
	for (size_t i = 0; i < text.len; i += strlen(text.data + i) + 1)
		strv_push(out, text.data + i);
}

/* What stands behind @flag, "" when nothing does. */
static const char *value_of(const struct strv *args, const char *flag)
{
	for (size_t i = 1; i + 1 < args->n; i++)
		if (!strcmp(args->v[i], flag))
			return args->v[i + 1];
	return "";
}

/* containerd starts every shim as "containerd-shim-NAME -namespace NS -id ID -address SOCKET". */
static bool is_shim(const struct strv *args)
{
	const char *base = args->n ? strrchr(args->v[0], '/') : NULL;

	base = base ? base + 1 : args->n ? args->v[0] : "";
	return !strncmp(base, "containerd-shim-", 16);
}

static const char *socket_of(const struct core *c)
{
	return strncmp(c->address, "unix://", 7) ? c->address : c->address + 7;
}

/* 0 when it cannot be told. */
static ino_t mounts_of(const char *pid)
{
	_cleanup_free_ char *path = mem_printf("/proc/%s/ns/mnt", pid);
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static ino_t mounts_of_containerd(const struct core *c)
{
	_cleanup_free_ char *pid = mem_printf("%d", (int)conn_listener(socket_of(c)));

	return mounts_of(pid);
}

struct shim { struct strv args; const char *id; bool foreign; };

static void shim_done(struct shim *s)
{
	strv_done(&s->args);
}

/* The id stays NULL when it is no shim of our namespace. A shim of another containerd's is foreign, also when that one has the
 * same address elsewhere, in a container or a sandbox: its mounts are not those of ours. */
static void look_at_shim(const struct core *c, const char *pid, ino_t mounts, struct shim *s)
{
	const char *id;

	read_args(pid, &s->args);
	id = value_of(&s->args, "-id");
	if (!is_shim(&s->args) || strcmp(value_of(&s->args, "-namespace"), c->conf.ns) || !*id)
		return;
	s->id = id;
	s->foreign = strcmp(value_of(&s->args, "-address"), socket_of(c)) || !mounts || mounts_of(pid) != mounts;
}

static pid_t parent_of(pid_t pid)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/stat", (int)pid);
	_cleanup_buf_ struct buf text = { 0 };
	const char *end;

	if (file_read(path, STAT_MAX, &text, NULL) < 0)
		return 0;
	end = strrchr(buf_str(&text), ')'); /* the name before it may hold anything */
	return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

/* Of another pid namespace, or below a shim that is not @o's. */
static bool is_others_process(const struct orphan *o, pid_t pid)
{
	if (pid <= 0)
		return true;
	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		_cleanup_free_ char *text = mem_printf("%d", (int)pid);
		_cleanup_strv_ struct strv args = { 0 };

		read_args(text, &args);
		if (is_shim(&args))
			return !strv_has(&o->shims, text);
		pid = parent_of(pid);
	}
	return false;
}

static bool has_others_process(const struct orphan *o)
{
	_cleanup_(cgroup_pids_done) struct cgroup_pids pids = { 0 };

	cgroup_pids(CGROUPS, o->core->conf.ns, o->id, &pids);
	for (size_t i = 0; i < pids.n; i++)
		if (is_others_process(o, pids.v[i]))
			return true;
	return false;
}

static bool in_cgroup(const struct cgroup_pids *pids, pid_t pid)
{
	for (size_t i = 0; i < pids->n; i++)
		if (pids->v[i] == pid)
			return true;
	return false;
}

/* It has a child that is not of the job: an engine that makes or removes a container. */
static bool has_engine(const char *shim, const struct cgroup_pids *job)
{
	_cleanup_free_ char *folder = mem_printf("/proc/%s/task", shim);
	_cleanup_(closedirp) DIR *d = opendir(folder);

	for (struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *path = mem_printf("%s/%s/children", folder, e->d_name);
		_cleanup_buf_ struct buf children = { 0 };

		if (!isdigit((unsigned char)e->d_name[0]) || file_read(path, CMDLINE_MAX, &children, NULL) < 0)
			continue;
		for (char *s = (char *)buf_str(&children), *end; *s; s = *end ? end + 1 : end) {
			long pid = strtol(s, &end, 10);

			if (end == s)
				break;
			if (!in_cgroup(job, (pid_t)pid))
				return true;
		}
	}
	return false;
}

/* -- finding -------------------------------------------------------------------------------------------------------------- */

static void add_id(struct strv *ids, const char *id)
{
	if (job_id_is_ours(id) && !strv_has(ids, id))
		strv_push(ids, id);
}

static void ids_of_folder(const char *path, struct strv *ids)
{
	_cleanup_(closedirp) DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));)
		add_id(ids, e->d_name);
}

/* Where containerd has its bundles unless told otherwise: beside its socket. */
static char *bundles(const struct core *c)
{
	const char *socket = socket_of(c), *slash = strrchr(socket, '/');

	return mem_printf("%.*s/" BUNDLES "/%s", slash ? (int)(slash - socket) : 0, socket, c->conf.ns);
}

/* Ids of shims of ours; with @o its shims, and *ret_foreign when another containerd has a shim of that id. */
static int look_at_shims(struct core *c, ino_t mounts, struct strv *ids, struct orphan *o, bool *ret_foreign, struct err *err)
{
	_cleanup_(closedirp) DIR *d = opendir("/proc");

	if (!d)
		return err_sys(err, errno, "/proc");
	for (struct dirent *e; (e = readdir(d));) {
		_cleanup_(shim_done) struct shim s = { 0 };

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		look_at_shim(c, e->d_name, mounts, &s);
		if (s.id && ids && !s.foreign)
			add_id(ids, s.id);
		if (!s.id || !o || strcmp(s.id, o->id))
			continue;
		if (s.foreign)
			*ret_foreign = true;
		else
			strv_push(&o->shims, e->d_name);
	}
	return 0;
}

/* 1 when containerd knows neither a task nor a record of it. */
static int is_lost(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	struct ctrd_container container = { 0 };
	struct ctrd_process task = { 0 };
	int r = tasks_get(c->ctrd, id, NULL, ctx, &task, err);

	if (r >= 0) {
		ctrd_process_done(&task);
		return 0;
	}
	if (r != -ERR_NOT_FOUND)
		return r;
	err_clear(err);
	r = containers_get(c->ctrd, id, ctx, &container, err);
	if (r >= 0)
		ctrd_container_done(&container);
	if (r != -ERR_NOT_FOUND)
		return r < 0 ? r : 0;
	err_clear(err);
	return 1;
}

static char *engine_state(const struct orphan *o)
{
	return mem_printf(ENGINE_STATE "/%s/%s", o->core->conf.ns, o->id);
}

/* 1 when something of it is there and nothing of another containerd's. */
static int look(struct orphan *o, struct err *err)
{
	_cleanup_free_ char *folder = bundles(o->core), *state = engine_state(o);
	bool foreign = false;
	int r;

	strv_done(&o->shims);
	r = look_at_shims(o->core, o->mounts, NULL, o, &foreign, err);
	if (r < 0 || foreign || has_others_process(o))
		return r;
	if (o->shims.n && !o->bundle) {
		_cleanup_free_ char *link = mem_printf("/proc/%s/cwd", o->shims.v[0]);
		char path[4096];
		ssize_t n = readlink(link, path, sizeof path);

		if (n > 0 && (size_t)n < sizeof path)
			o->bundle = mem_strndup(path, (size_t)n);
	}
	if (!o->bundle)
		o->bundle = mem_printf("%s/%s", folder, o->id);
	return o->shims.n || file_exists(o->bundle) || file_exists(state) || cgroup_exists(CGROUPS, o->core->conf.ns, o->id);
}

/* -- ending --------------------------------------------------------------------------------------------------------------- */

/* The pidfd comes before the second look at the arguments: then it is that very process that gets the signal. */
static void end_shim(const struct orphan *o, const char *pid)
{
	_cleanup_(shim_done) struct shim now = { 0 };
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, (pid_t)strtol(pid, NULL, 10), 0);
	struct pollfd gone = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return;
	look_at_shim(o->core, pid, o->mounts, &now);
	if (now.id && !now.foreign && !strcmp(now.id, o->id) && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0)
		(void)poll(&gone, 1, END_MS);
}

static bool is_busy(const struct orphan *o)
{
	_cleanup_(cgroup_pids_done) struct cgroup_pids job = { 0 };

	cgroup_pids(CGROUPS, o->core->conf.ns, o->id, &job);
	for (size_t i = 0; i < o->shims.n; i++)
		if (has_engine(o->shims.v[i], &job))
			return true;
	return false;
}

/* An engine at work is left to finish, for a while. What look() says at the end. */
static int await_engine(struct orphan *o, const struct ctx *ctx, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, BUSY_MS);
	int r = look(o, err);

	while (r > 0 && is_busy(o) && ctx_check(&limit, NULL) >= 0) {
		(void)poll(NULL, 0, PAUSE_MS);
		r = look(o, err);
	}
	return r;
}

/* containerd sees a shim end and removes its bundle by itself. */
static void await_containerd(const struct orphan *o, const struct ctx *ctx)
{
	const struct ctx limit = ctx_within(ctx, END_MS);

	while (file_exists(o->bundle) && ctx_check(&limit, NULL) >= 0)
		(void)poll(NULL, 0, PAUSE_MS);
}

/* A bundle, with the root file system mounted in it and a link to a second folder beside containerd's root. */
static int remove_bundle(const struct orphan *o, struct err *err)
{
	_cleanup_free_ char *rootfs = mem_printf("%s/rootfs", o->bundle), *link = mem_printf("%s/work", o->bundle);
	char work[4096];
	ssize_t n = readlink(link, work, sizeof work - 1);

	if (umount2(rootfs, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
		return err_sys(err, errno, "unmount %s", rootfs);
	if (n > 0 && (size_t)n < sizeof work - 1) {
		work[n] = '\0';
		if (strstr(work, "/" BUNDLES "/"))
			(void)file_remove_tree(work, NULL);
	}
	return file_remove_tree(o->bundle, err);
}

static int end(struct orphan *o, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *state = engine_state(o);
	const struct ctx limit = ctx_within(ctx, END_MS);
	int r = await_engine(o, ctx, err);

	if (r <= 0)
		return r;
	for (size_t i = 0; i < o->shims.n; i++)
		end_shim(o, o->shims.v[i]);
	r = cgroup_end(CGROUPS, o->core->conf.ns, o->id, &limit, err);
	if (o->shims.n)
		await_containerd(o, ctx);
	if (r >= 0)
		r = remove_bundle(o, err);
	if (r >= 0)
		r = file_remove_tree(state, err);
	return r < 0 ? r : 1;
}

/* 1 when there was something. */
static int end_if_lost(struct core *c, ino_t mounts, const char *id, bool dry_run, const struct ctx *ctx, struct err *err)
{
	_cleanup_(orphan_done) struct orphan o = { .core = c, .id = id, .mounts = mounts };
	int r = is_lost(c, id, ctx, err);

	if (r > 0)
		r = dry_run ? look(&o, err) : end(&o, ctx, err);
	return r < 0 ? err_wrap(err, r, "leftover of job %s", id) : r;
}

int orphans_end_job(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	int r = job_id_is_ours(id) ? end_if_lost(c, mounts_of_containerd(c), id, false, ctx, err) : 0;

	return r < 0 ? r : 0;
}

int orphans_end(struct core *c, bool dry_run, const struct ctx *ctx, struct strv *removed, struct err *err)
{
	_cleanup_free_ char *state = mem_printf(ENGINE_STATE "/%s", c->conf.ns), *folder = bundles(c);
	_cleanup_strv_ struct strv ids = { 0 };
	const ino_t mounts = mounts_of_containerd(c);
	int r = look_at_shims(c, mounts, &ids, NULL, NULL, err);

	cgroup_ids(CGROUPS, c->conf.ns, &ids);
	ids_of_folder(state, &ids);
	ids_of_folder(folder, &ids);
	for (size_t i = 0; r >= 0 && i < ids.n; i++) {
		if (!job_id_is_ours(ids.v[i]))
			continue;
		r = end_if_lost(c, mounts, ids.v[i], dry_run, ctx, err);
		if (r > 0 && removed)
			strv_pushf(removed, "leftover of job %s, which is gone", ids.v[i]);
	}
	return r < 0 ? r : 0;
}
