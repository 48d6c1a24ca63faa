#include "mapped.h"
#include "held.h"
#include "json.h"
#include "labels.h"
#include "err-rename.h"
#include "mem.h"
#include "remains.h"
#include "shim.h"
#include "userns.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

void run_users_free(struct run_users *u)
{
	if (u)
		closep(&u->fd);
	free(u);
}

static bool wants_users(const struct task *t) { return t->userns && !strcmp(t->userns, "private"); }

bool task_is_mapped(const struct run_task *t) { return t->run->users && wants_users(t->task); }

/* the namespace */

int mapped_ids(const struct record *rec, struct idmap *ret, struct err *err)
{
	_cleanup_json_ json *spec = NULL;
	json *uid, *gid;
	int r = json_parse(rec->c.spec.value.data, rec->c.spec.value.len, &spec, err);

	if (r < 0)
		return err_wrap(err, r, "spec of job %s", rec->name);
	uid = json_at(json_get_array(json_get_object(spec, "linux"), "uidMappings"), 0);
	gid = json_at(json_get_array(json_get_object(spec, "linux"), "gidMappings"), 0);
	*ret = (struct idmap){ (uint32_t)json_get_int(uid, "hostID", 0), (uint32_t)json_get_int(gid, "hostID", 0),
			       (uint32_t)json_get_int(uid, "size", 0) };
	return 0;
}

int run_decide_users(struct run *run, struct err *err)
{
	struct idmap ids = { 0 };
	const struct run_task *first = NULL;
	int r;

	for (size_t i = 0; i < run->n_tasks && !first; i++)
		if (wants_users(&run->job->tasks[i]))
			first = &run->tasks[i];
	if (!first)
		return 0;
	r = first->record ? mapped_ids(first->record, &ids, err) : idmap_of_host("/etc/subuid", "/etc/subgid", &ids, err);
	if (r >= 0 && (!ids.n || !ids.uid || !ids.gid))
		r = err_set(err, ERR_INVALID, "spec of job %s: no ids of a user namespace", run->job->name);
	if (r < 0)
		return r;
	run->users = mem_new(struct run_users);
	*run->users = (struct run_users){ .ids = ids, .fd = -1 };
	return 0;
}

int run_make_users(struct run *run, struct err *err)
{
	_cleanup_close_ int net = -1;
	int r = userns_new(&run->users->ids, &run->users->fd, &net, err);

	return r < 0 ? r : netns_keep(NETNS_DIR, run->id, net, err);
}

int run_join_users(struct run *run, struct err *err)
{
	int r = userns_of_netns(run->netns, &run->users->fd, err);

	if (r == -ERR_PRECONDITION)
		return err_hint(err, r, "run that job with --userns private as well, or this one with --userns host");
	return r;
}

/* what is mapped */

static int mapped_recall(struct run_task *t, struct err *err)
{
	_cleanup_json_ json *spec = NULL;
	const char *source;
	char key[64];
	int r;

	if (!t->record)
		return 0;
	r = json_parse(t->record->c.spec.value.data, t->record->c.spec.value.len, &spec, err);
	for (size_t i = 0; r >= 0; i++) {
		(void)snprintf(key, sizeof key, SPEC_MAPPED "%zu", i);
		source = json_get_str(json_get_object(spec, "annotations"), key);
		if (!source || !*source)
			break;
		strv_push(&t->mapped, source);
	}
	return r;
}

static int cannot_map(const char *from, int sys, struct err *err)
{
	int r = err_sys(err, sys, "userns private: owners of files in %s cannot be mapped", from);

	return err_hint(err, r,
			sys == ENOSYS ? "Linux 5.19 can, or use --userns host"
				      : "use another file system, as ext4, xfs, btrfs (tmpfs from Linux 6.3 on), or --userns host");
}

/* @from at @to, with owners mapped by namespace @user. */
static int mapped_mount(const char *from, const char *to, int user, bool whole, struct err *err)
{
	const unsigned flags = whole ? AT_RECURSIVE : 0;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)user };
	_cleanup_close_ int fd = open_tree(AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "mount %s", from);
	if (mount_setattr(fd, "", AT_EMPTY_PATH | flags, &attr, sizeof attr) < 0)
		return cannot_map(from, errno, err);
	r = held_put(fd, S_ISDIR(st.st_mode), to, err);
	return r < 0 ? err_wrap(err, r, "mount %s", from) : 0;
}

/* @dir/N for the N-th source of the spec. */
static int map_sources(struct run_task *t, const char *dir, struct err *err)
{
	int r = mapped_recall(t, err);

	for (size_t i = 0; r >= 0 && i < t->mapped.n; i++) {
		_cleanup_free_ char *to = mem_printf("%s/%zu", dir, i);

		r = mapped_mount(t->mapped.v[i] + 1, to, t->run->users->fd, *t->mapped.v[i] == SPEC_MAP_WHOLE, err);
	}
	return r;
}

/* the root file system */

static int map_lower(const struct run_task *t, const char *dir, const char *list, struct buf *out, struct err *err)
{
	_cleanup_strv_ struct strv lower = { 0 };
	int r = 0;

	strv_split(&lower, list, ":");
	buf_adds(out, "lowerdir=");
	for (size_t i = 0; r >= 0 && i < lower.n; i++) {
		_cleanup_free_ char *to = mem_printf("%s/l%zu", dir, i);

		r = mapped_mount(lower.v[i], to, t->run->users->fd, false, err);
		buf_addf(out, "%s%s", i ? ":" : "", to);
	}
	return r;
}

/* The upper folder is the root folder of the container, made as the image has it. */
static int map_upper(const struct run_task *t, const char *path, struct err *err)
{
	const struct idmap *ids = &t->run->users->ids;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "snapshot %s", path);
	if (st.st_uid >= ids->n || st.st_gid >= ids->n)
		return 0; /* of an earlier start */
	return fchown(fd, ids->uid + st.st_uid, ids->gid + st.st_gid) < 0 ? err_sys(err, errno, "snapshot %s: owner", path) : 0;
}

static int map_overlay(const struct run_task *t, const char *dir, struct ctrd_mount *m, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < m->options.n; i++) {
		char **option = &m->options.v[i];
		_cleanup_buf_ struct buf mapped = { 0 };

		if (!strncmp(*option, "upperdir=", 9))
			r = map_upper(t, *option + 9, err);
		if (strncmp(*option, "lowerdir=", 9) != 0)
			continue;
		r = map_lower(t, dir, *option + 9, &mapped, err);
		free(*option);
		*option = buf_take(&mapped);
	}
	return r;
}

static int map_root(struct run_task *t, const char *dir, struct err *err)
{
	struct ctrd_mount *m = t->mounts.v;
	_cleanup_free_ char *to = mem_printf("%s/root", dir);
	int r;

	if (t->mounts.n == 1 && !strcmp(m->type, "overlay"))
		return map_overlay(t, dir, m, err);
	if (t->mounts.n != 1 || strcmp(m->type, "bind") != 0)
		return err_hint(err,
				err_set(err, ERR_UNIMPLEMENTED,
					"userns private: snapshotter %s has no folders whose owners could be mapped",
					t->run->snapshotter ? t->run->snapshotter : "of this job"),
				"--snapshotter overlayfs, or --userns host");
	r = mapped_mount(m->source, to, t->run->users->fd, false, err);
	free(m->source);
	m->source = TAKE_PTR(to);
	return r;
}

static int mapped_fill(struct run_task *t, const char *dir, struct err *err)
{
	_cleanup_free_ char *user = mem_printf("%s/%s", dir, SPEC_MAP_USERNS);
	int r = userns_bind(t->run->users->fd, user, err);

	if (r >= 0)
		r = shims_see(t->core, user, err);
	if (r >= 0)
		r = map_root(t, dir, err);
	return r < 0 ? r : map_sources(t, dir, err);
}

int mapped_make(struct run_task *t, struct err *err)
{
	_cleanup_free_ char *dir = places_map(t->core, t->run->id, t->index);
	int r;

	if (!task_is_mapped(t))
		return 0;
	r = held_place(dir, err);
	if (r < 0)
		return r;
	r = mapped_fill(t, dir, err);
	if (r < 0)
		mapped_drop(t);
	return r;
}

void mapped_rename(const struct run_task *t, struct err *err)
{
	_cleanup_free_ char *dir = places_map(t->core, t->run->id, t->index);

	for (size_t i = 0; i < t->mapped.n; i++) {
		_cleanup_free_ char *to = mem_printf("%s/%zu", dir, i);

		err_rename(err, to, t->mapped.v[i] + 1);
	}
}

void mapped_drop(const struct run_task *t)
{
	_cleanup_free_ char *dir = places_map(t->core, t->run->id, t->index);

	if (!task_is_mapped(t))
		return;
	remains_unmount(dir);
	(void)rmdir(dir);
}
