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
	const struct cdi_edits *cdi;
	bool bound; /* rules alone */
	size_t n;
};

static const char *device_type(mode_t mode) { return S_ISCHR(mode) ? "c" : S_ISBLK(mode) ? "b" : NULL; }

static void emit_numbers(struct buf *out, const struct stat *st)
{
	emit_str(out, "type", device_type(st->st_mode));
	emit_int(out, "major", major(st->st_rdev));
	emit_int(out, "minor", minor(st->st_rdev));
}

/* One that a CDI device has under that path takes its place. */
static bool is_replaced(const struct walk *w, const char *inside)
{
	for (size_t i = 0; w->cdi && i < w->cdi->n_nodes; i++)
		if (!strcmp(w->cdi->nodes[i].path, inside))
			return true;
	return false;
}

static void emit_access(struct walk *w, const struct stat *st, const char *access)
{
	if (!w->rules)
		return;
	emit_open(w->rules, NULL, '{');
	emit_bool(w->rules, "allow", true);
	emit_numbers(w->rules, st);
	emit_str(w->rules, "access", access);
	emit_close(w->rules, '}');
}

bool device_is_bound(const struct spec_in *in, const char *host, const char *inside)
{
	return in->map && inside && host && strcmp(host, inside) != 0;
}

static void add_device(struct walk *w, const char *inside, const struct stat *st)
{
	if (w->n++ >= DEVICES_MAX || is_replaced(w, inside))
		return;
	if (!w->bound) {
		emit_open(w->nodes, NULL, '{');
		emit_str(w->nodes, "path", inside);
		emit_numbers(w->nodes, st);
		emit_int(w->nodes, "fileMode", st->st_mode & 07777);
		emit_uint(w->nodes, "uid", st->st_uid);
		emit_uint(w->nodes, "gid", st->st_gid);
		emit_close(w->nodes, '}');
	}
	emit_access(w, st, w->access);
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

/* CDI: what the file does not say is as the host has it, and the owner is who the process is. */
static int cdi_numbers(const struct cdi_node *n, struct stat *st, struct err *err)
{
	const char *host = n->host ? n->host : n->path;

	*st = (struct stat){ .st_mode = S_IFIFO };
	if (n->type && *n->type == 'p')
		return 0;
	if (n->type && n->major > 0) {
		st->st_mode = *n->type == 'b' ? S_IFBLK : S_IFCHR;
		st->st_rdev = makedev((unsigned)n->major, (unsigned)(n->minor < 0 ? 0 : n->minor));
		return 0;
	}
	if (stat(host, st) < 0)
		return err_sys(err, errno, "device %s of a CDI file", host);
	if (!device_type(st->st_mode) || (n->type && (*n->type == 'b') != !!S_ISBLK(st->st_mode)))
		return err_set(err, ERR_INVALID, "device %s of a CDI file: no %s device", host,
			       !n->type          ? ""
			       : *n->type == 'b' ? "block"
						 : "character");
	return 0;
}

static void emit_cdi_owner(const char *key, int64_t id, uint32_t own, struct buf *out)
{
	if (id >= 0 || own)
		emit_int(out, key, id >= 0 ? id : own);
}

static void emit_cdi_node(const struct spec_in *in, const struct cdi_node *n, const struct stat *st, struct buf *out)
{
	emit_open(out, NULL, '{');
	emit_str(out, "path", n->path);
	if (S_ISFIFO(st->st_mode))
		emit_str(out, "type", "p");
	else
		emit_numbers(out, st);
	if (n->mode >= 0)
		emit_int(out, "fileMode", n->mode);
	emit_cdi_owner("uid", n->uid, in->user->uid, out);
	emit_cdi_owner("gid", n->gid, in->user->gid, out);
	emit_close(out, '}');
}

static int add_cdi_node(const struct spec_in *in, const struct cdi_node *n, struct walk *w, struct err *err)
{
	struct stat st;
	int r = cdi_numbers(n, &st, err);

	if (r < 0)
		return r;
	if (!device_is_bound(in, n->host, n->path))
		emit_cdi_node(in, n, &st, w->nodes);
	if (!S_ISFIFO(st.st_mode))
		emit_access(w, &st, n->access ? n->access : "rwm");
	return 0;
}

/* "c 1:3 rwm", whose form was checked; "*" is left out, and so is the type of all. */
static void emit_device_rule(const char *rule, struct buf *rules)
{
	const char *major = rule + 2, *minor = strchr(rule, ':') + 1, *access = strrchr(rule, ' ') + 1;
	const char type[2] = { *rule, '\0' };

	emit_open(rules, NULL, '{');
	emit_bool(rules, "allow", true);
	emit_str(rules, "type", type);
	if (*major != '*')
		emit_int(rules, "major", strtol(major, NULL, 10));
	if (*minor != '*')
		emit_int(rules, "minor", strtol(minor, NULL, 10));
	emit_str(rules, "access", access);
	emit_close(rules, '}');
}

static int add_cdi(const struct spec_in *in, struct walk *w, struct err *err)
{
	int r = 0;

	if (in->cdi && in->cdi->n_nets)
		return err_hint(err,
				err_set(err, ERR_UNIMPLEMENTED,
					"network device %s of a CDI file: the engines move none into a container",
					in->cdi->nets[0].host),
				"attach the job to a network of a CNI plugin that does, such as host-device");
	for (size_t i = 0; in->cdi && r >= 0 && i < in->cdi->n_nodes; i++)
		r = add_cdi_node(in, &in->cdi->nodes[i], w, err);
	return r;
}

int spec_devices(const struct spec_in *in, struct buf *nodes, struct buf *rules, struct err *err)
{
	const struct task *t = in->task;
	struct walk w = { .nodes = nodes, .cdi = in->cdi };
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
		w.bound = device_is_bound(in, d->host, d->inside);
		r = add_given_device(d, &w, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; w.rules && i < t->device_rules.n; i++)
		emit_device_rule(t->device_rules.v[i], rules);
	return add_cdi(in, &w, err);
}
