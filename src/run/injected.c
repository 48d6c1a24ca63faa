#include "injected.h"
#include "init.h"
#include "mem.h"
#include "path.h"
#include "self.h"
#include <string.h>
#include <sys/stat.h>

static int look_at_scripts(const struct strv *scripts, struct err *err)
{
	struct stat st;

	for (size_t i = 0; i < scripts->n; i++) {
		if (stat(scripts->v[i], &st) < 0)
			return err_sys(err, errno, "provision script %s", scripts->v[i]);
		if (!S_ISREG(st.st_mode))
			return err_set(err, ERR_INVALID, "provision script %s: not a file", scripts->v[i]);
	}
	return 0;
}

int run_decide_injected(struct run_task *t, struct err *err)
{
	int r = 0;

	if (t->record)
		return 0;
	if (t->task->init || t->task->provision.n)
		r = self_find("davit-init", &t->init, err);
	if (r >= 0)
		r = look_at_scripts(&t->task->provision, err);
	return r < 0 ? r : cdi_find(cdi_folders, &t->task->cdi_devices, &t->cdi, err);
}

/* In the place of a bind at the same target, or behind all. The texts are the caller's to keep. */
static void inject(struct run_task *t, const struct spec_mount *m)
{
	_cleanup_free_ char *target = path_clean(m->target, NULL);

	for (size_t i = 0; i < t->n_binds; i++) {
		_cleanup_free_ char *its = path_clean(t->binds[i].target, NULL);

		if (!strcmp(its, target)) {
			t->binds[i] = *m;
			return;
		}
	}
	t->binds = mem_resize(t->binds, (t->n_binds + 1) * sizeof *t->binds);
	t->binds[t->n_binds++] = *m;
}

static void inject_scripts(struct run_task *t)
{
	const struct strv *from = &t->task->provision;

	for (size_t i = 0; i < from->n; i++) {
		strv_pushf(&t->scripts, "%s.%zu", init_inside(t->task), i);
		inject(t, &(struct spec_mount){ .source = from->v[i], .target = t->scripts.v[i], .read_only = true });
	}
}

static int inject_cdi(struct run_task *t, const struct cdi_mount *m, struct err *err)
{
	const bool bind = !m->type || !*m->type || !strcmp(m->type, "bind");
	struct stat st;

	if (bind && stat(m->host, &st) < 0)
		return err_sys(err, errno, "mount %s of a CDI file", m->host);
	inject(t, &(struct spec_mount){ .source = m->host,
					.target = m->inside,
					.read_only = strv_has(&m->options, "ro"),
					.options = &m->options,
					.type = bind ? NULL : m->type });
	return 0;
}

int run_inject(struct run_task *t, struct err *err)
{
	int r = 0;

	inject_scripts(t);
	for (size_t i = 0; r >= 0 && i < t->cdi.n_mounts; i++)
		r = inject_cdi(t, &t->cdi.mounts[i], err);
	return r;
}
