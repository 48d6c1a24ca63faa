#include "runtimes.h"
#include "controllers.h"
#include "ctrd-path.h"
#include "doctor-row.h"
#include "file.h"
#include "kata.h"
#include "mem.h"
#include "self.h"
#include "socket.h"
#include <ctype.h>
#include <string.h>

#define SHIM_PREFIX "containerd-shim-"
enum { SHIM_PREFIX_LEN = sizeof SHIM_PREFIX - 1 };

const char *const runtime_engines[] = { "runc", "crun", "runsc", "youki", "kata-runtime", NULL };

void found_runtimes_done(struct found_runtimes *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].version);
		free(l->v[i].path);
		free(l->v[i].why);
		free(l->v[i].remedy);
	}
	free(l->v);
	*l = (struct found_runtimes){ 0 };
}

/* "containerd-shim-NAME-vN" */
static bool is_shim_program(const char *name)
{
	const char *v = strrchr(name, '-');

	return !strncmp(name, SHIM_PREFIX, SHIM_PREFIX_LEN) && v > name + SHIM_PREFIX_LEN - 1 && v[1] == 'v' &&
	       isdigit((unsigned char)v[2]);
}

void doctor_shims(const struct doctor *d, struct strv *ret)
{
	for (size_t i = 0; i < d->folders.n; i++) {
		_cleanup_(closedirp) DIR *dir = opendir(d->folders.v[i]);

		for (struct dirent *e; dir && (e = readdir(dir));)
			if (is_shim_program(e->d_name) && !strv_has(ret, e->d_name))
				strv_push(ret, e->d_name);
	}
}

/* "runc version 1.1.5+ds1" and "Version:  1.6.20" become "1.1.5+ds1" and "1.6.20". */
static char *bare_version(const char *line)
{
	const char *from = line ? line + strcspn(line, "0123456789") : "";

	return *from ? mem_strdup(from) : NULL;
}

char *doctor_engine_version(const struct doctor *d, const char *path)
{
	_cleanup_free_ char *line = doctor_ask(d, path, "--version", NULL);

	return bare_version(line);
}

/* Shims of containerd's library have a line of their own for it, davit's has its name before it. */
char *doctor_shim_version(const struct doctor *d, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	_cleanup_free_ char *line = doctor_ask(d, path, "-v", "Version:");

	if (!line)
		line = doctor_ask(d, path, "-v", name);
	return bare_version(line && !strncmp(line, name, strlen(name)) ? line + strlen(name) : line);
}

/* What programs need. */

/* crun 1.8 looks for hugetlb in version 1 whether or not a limit is asked for. */
static int need_hugetlb(const struct doctor *d, struct err *err)
{
	if (controllers_v2(d->root) || !controllers_have(d->root, "memory") || controllers_have(d->root, "hugetlb"))
		return 0;
	return err_hint(err, err_set(err, ERR_PRECONDITION, "with cgroup version 1 it needs the controller hugetlb mounted"),
			"mkdir -p /sys/fs/cgroup/hugetlb && mount -t cgroup -o hugetlb cgroup /sys/fs/cgroup/hugetlb");
}

static int need_kata_config(const struct doctor *d, struct err *err)
{
	_cleanup_free_ char *config = NULL;

	return kata_config(d->root, &config, err);
}

static int need_kata_devices(const struct doctor *d, struct err *err) { return kata_check_devices(d->root, err); }

static int need_runsc(const struct doctor *d, struct err *err)
{
	_cleanup_free_ char *runsc = doctor_program(d, "runsc");

	return runsc ? 0 : err_hint(err, err_set(err, ERR_PRECONDITION, "no program runsc"), "apt-get install runsc");
}

static int need_engine(const struct doctor *d, struct err *err)
{
	_cleanup_free_ char *runc = doctor_program(d, "runc"), *crun = doctor_program(d, "crun");

	if (runc)
		return 0;
	if (crun)
		return need_hugetlb(d, err);
	return err_hint(err, err_set(err, ERR_PRECONDITION, "neither runc nor crun is there"), "apt-get install runc");
}

static int need_runc(const struct doctor *d, struct err *err)
{
	_cleanup_free_ char *runc = doctor_program(d, "runc");

	return runc ? 0
		    : err_hint(err, err_set(err, ERR_PRECONDITION, "no program runc, which it calls unless it is told of another"),
			       "apt-get install runc");
}

static const struct {
	const char *program;
	int (*met)(const struct doctor *, struct err *);
} needs[] = {
	{ "crun", need_hugetlb },
	{ "containerd-shim-runc-v2", need_runc },
	{ OWN_SHIM, need_engine },
	{ "containerd-shim-runsc-v1", need_runsc },
	{ "containerd-shim-kata-v2", need_kata_config },
	{ "containerd-shim-kata-v2", need_kata_devices },
	{ "kata-runtime", need_kata_config },
	{ "kata-runtime", need_kata_devices },
};

int doctor_need(const struct doctor *d, const char *program, size_t *at, struct err *err)
{
	for (; *at < sizeof needs / sizeof *needs; (*at)++) {
		const bool its = !strcmp(needs[*at].program, program);
		const int r = its ? needs[*at].met(d, err) : 0;

		if (r < 0) {
			(*at)++;
			return r;
		}
	}
	return 0;
}

/* "io.containerd.runc.v2" of "containerd-shim-runc-v2" */
static char *type_of_shim(const char *program)
{
	const char *name = program + SHIM_PREFIX_LEN, *v = strrchr(name, '-');

	return mem_printf("io.containerd.%.*s.%s", (int)(v - name), name, v + 1);
}

/* The first need that is not met. */
static void judge(const struct doctor *d, const char *program, struct found_runtime *f)
{
	struct err err = ERR_INIT;
	size_t at = 0;

	if (f->why || doctor_need(d, program, &at, &err) >= 0)
		return;
	f->why = mem_strdup(err.msg);
	f->remedy = *err.hint ? mem_strdup(err.hint) : NULL;
}

static struct found_runtime *add_found(struct found_runtimes *l, const struct doctor *d, const char *path)
{
	l->v = mem_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
	l->v[l->n] = (struct found_runtime){ .path = mem_strdup(doctor_shown(d, path)) };
	return &l->v[l->n++];
}

/* Whoever's shim is not where containerd looks is started by its path; davit gives that of its own. */
static void add_shims(const struct doctor *d, const char *theirs, struct found_runtimes *l)
{
	_cleanup_strv_ struct strv names = { 0 };

	doctor_shims(d, &names);
	strv_sort(&names, 0);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = doctor_program(d, names.v[i]), *there = file_find(theirs, names.v[i]);
		struct found_runtime *f = path ? add_found(l, d, path) : NULL;

		if (!f)
			continue;
		f->name = type_of_shim(names.v[i]);
		f->version = doctor_shim_version(d, path);
		if (!there && strcmp(names.v[i], OWN_SHIM) != 0) {
			f->why = mem_strdup("containerd does not look there: it is started by its path only");
			f->remedy = mem_printf("davit run --runtime %s", f->path);
		}
		judge(d, names.v[i], f);
	}
}

static void add_engines(const struct doctor *d, struct found_runtimes *l)
{
	for (size_t i = 0; runtime_engines[i]; i++) {
		_cleanup_free_ char *path = doctor_program(d, runtime_engines[i]);
		struct found_runtime *f = path ? add_found(l, d, path) : NULL;

		if (!f)
			continue;
		f->engine = true;
		f->name = mem_strdup(runtime_engines[i]);
		f->version = doctor_engine_version(d, path);
		if (!f->version)
			f->why = mem_strdup("it does not tell its version");
		judge(d, runtime_engines[i], f);
	}
}

static void add_own_folder(struct doctor *d)
{
	char *shim = NULL;

	if (self_find(OWN_SHIM, &shim, NULL) < 0)
		return;
	*strrchr(shim, '/') = '\0';
	doctor_add_folders(d, shim);
	free(shim);
}

void runtimes_find(const char *root, const char *address, const struct ctx *ctx, struct found_runtimes *ret)
{
	_cleanup_(loop_freep) struct loop *loop = loop_new();
	_cleanup_free_ char *path = ctrd_path(address ? socket_listener(address) : 0), *theirs = NULL;
	struct doctor d = { .root = root, .ctx = ctx, .loop = loop };

	*ret = (struct found_runtimes){ 0 };
	doctor_add_folders(&d, path);
	theirs = strv_join(&d.folders, ":");
	add_own_folder(&d);
	doctor_add_usual_folders(&d);
	add_shims(&d, theirs, ret);
	add_engines(&d, ret);
	strv_done(&d.folders);
}
