/* Devices: those that the task asks for, or all of the host's for a privileged one. */
#include "mem.h"
#include "spec-parts.h"
#include "utf8.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { DEPTH_MAX_ = 8, DEVICES_MAX = 8192 };

struct walk {
	struct buf *nodes, *rules; /* rules NULL: one rule allows everything */
	const char *access;
	size_t n;
};

static const char *device_type(mode_t mode) { return S_ISCHR(mode) ? "c" : S_ISBLK(mode) ? "b" : NULL; }

static void emit_numbers(struct buf *out, const struct stat *st)
{
	emit_str(out, "type", device_type(st->st_mode));
	emit_int(out, "major", major(st->st_rdev));
	emit_int(out, "minor", minor(st->st_rdev));
}

static void add_device(struct walk *w, const char *inside, const struct stat *st)
{
	if (w->n++ >= DEVICES_MAX)
		return;
	emit_open(w->nodes, NULL, '{');
	emit_str(w->nodes, "path", inside);
	emit_numbers(w->nodes, st);
	emit_int(w->nodes, "fileMode", st->st_mode & 07777);
	emit_uint(w->nodes, "uid", st->st_uid);
	emit_uint(w->nodes, "gid", st->st_gid);
	emit_close(w->nodes, '}');
	if (!w->rules)
		return;
	emit_open(w->rules, NULL, '{');
	emit_bool(w->rules, "allow", true);
	emit_numbers(w->rules, st);
	emit_str(w->rules, "access", w->access);
	emit_close(w->rules, '}');
}

/* What the engine makes itself, or what is not the host's to give. */
static bool skipped(const char *name)
{
	static const char *const names[] = { ".",       "..",   "pts",  "shm",         "fd",   "mqueue",
					     "console", "ptmx", ".lxc", ".lxd-mounts", ".udev" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void walk_folder(struct walk *w, int parent, const char *name, const char *inside, int depth)
{
	_cleanup_close_ int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(closedirp) DIR *d = NULL;

	if (fd < 0 || depth > DEPTH_MAX_)
		return;
	d = fdopendir(fd);
	if (!d)
		return;
	TAKE_FD(fd);
	for (struct dirent *e; (e = readdir(d));) {
		_cleanup_free_ char *path = mem_printf("%s/%s", inside, e->d_name);
		struct stat st;

		if (skipped(e->d_name) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !utf8_valid(path, strlen(path)))
			continue;
		if (S_ISDIR(st.st_mode))
			walk_folder(w, dirfd(d), e->d_name, path, depth + 1);
		else if (device_type(st.st_mode))
			add_device(w, path, &st);
	}
}

static int add_given_device(const struct device *d, struct walk *w, struct err *err)
{
	const char *inside = d->inside ? d->inside : d->host;
	size_t before = w->n;
	struct stat st;

	if (stat(d->host, &st) < 0)
		return err_hint(err, err_sys(err, errno, "device %s", d->host), "the host must have it: ls -l %s", d->host);
	if (S_ISDIR(st.st_mode))
		walk_folder(w, AT_FDCWD, d->host, inside, 0);
	else if (device_type(st.st_mode))
		add_device(w, inside, &st);
	if (w->n == before)
		return err_set(err, ERR_INVALID, "device %s: neither a device nor a folder of devices", d->host);
	return 0;
}

int spec_devices(const struct spec_in *in, struct buf *nodes, struct buf *rules, struct err *err)
{
	const struct task *t = in->task;
	struct walk w = { .nodes = nodes };
	bool all = t->privileged && !in->vm;

	emit_open(rules, NULL, '{');
	emit_bool(rules, "allow", all);
	emit_str(rules, "access", "rwm");
	emit_close(rules, '}');
	if (all)
		walk_folder(&w, AT_FDCWD, "/dev", "/dev", 0);
	w.rules = all ? NULL : rules;
	for (size_t i = 0; i < t->n_devices; i++) {
		const struct device *d = &t->devices[i];
		int r;

		if (all && (!d->inside || !strcmp(d->inside, d->host)) && !strncmp(d->host, "/dev/", 5))
			continue; /* it is there already */
		w.access = d->access ? d->access : "rwm";
		r = add_given_device(d, &w, err);
		if (r < 0)
			return r;
	}
	return 0;
}
