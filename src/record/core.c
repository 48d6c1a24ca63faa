#include "core.h"
#include "file.h"
#include "mem.h"
#include "namespaces.h"
#include "places.h"
#include <stdarg.h>
#include <string.h>

void core_notice(const struct core *c, const char *fmt, ...)
{
	_cleanup_free_ char *line = NULL;
	va_list ap;

	if (!c->conf.notice)
		return;
	va_start(ap, fmt);
	line = mem_vprintf(fmt, ap);
	va_end(ap);
	c->conf.notice(c->conf.notice_arg, line);
}

void core_own_folders(const struct core_conf *conf)
{
	if (conf->data_dir)
		(void)file_own_folder(conf->data_dir, 0700, NULL);
	if (conf->run_dir)
		(void)file_own_folder(conf->run_dir, 0711, NULL);
}

int core_check_namespace(const struct core_conf *conf, struct err *err)
{
	if (strcmp(conf->ns, PLACES_OWN) != 0)
		return 0;
	return err_hint(err,
			err_set(err, ERR_INVALID, "namespace %s: its folder in %s is that of davit's own containerd", conf->ns,
				conf->run_dir),
			"choose another name with --namespace");
}

/* On @loop, or one of its own. */
static struct core *core_make(struct loop *loop, const struct core_conf *conf)
{
	struct core *c = mem_new(struct core);

	c->conf = *conf;
	c->own = loop ? NULL : loop_new();
	c->loop = loop ? loop : c->own;
	c->reaper = reaper_new(c->loop);
	c->conf.address = c->address = mem_strdup(conf->address ? conf->address : CTRD_ADDRESS);
	c->ctrd = ctrd_unopened(c->loop, c->address, conf->ns);
	return c;
}

int core_open(const struct core_conf *conf, struct core **ret, struct err *err)
{
	_cleanup_(core_freep) struct core *c = NULL;
	int r = core_check_namespace(conf, err);

	if (r < 0)
		return r;
	c = core_make(NULL, conf);
	r = ctrd_reopen(c->ctrd, err);
	if (r < 0)
		return r == -ERR_PERMISSION ? err_hint(err, r, "run as root: sudo davit ...") : r;
	*ret = TAKE_PTR(c);
	return 0;
}

int core_open_on(struct loop *loop, const struct core_conf *conf, struct core **ret, struct err *err)
{
	int r = core_check_namespace(conf, err);

	if (r >= 0)
		*ret = core_make(loop, conf);
	return r;
}

int core_reconnect(struct core *c, struct err *err)
{
	int r = ctrd_reopen(c->ctrd, err);

	if (r == -ERR_NOT_FOUND) { /* the socket; not to be taken for a job that is gone */
		r = -ERR_UNAVAILABLE;
		if (err)
			err->code = ERR_UNAVAILABLE;
	}
	return r;
}

struct core core_in(const struct core *c, const char *ns)
{
	struct core there = *c;

	there.ctrd = ctrd_in(c->ctrd, ns);
	there.conf.ns = ns;
	return there;
}

void core_leave(struct core *there)
{
	ctrd_free(there->ctrd);
	*there = (struct core){ 0 };
}

void core_free(struct core *c)
{
	if (!c)
		return;
	ctrd_free(c->ctrd);
	reaper_free(c->reaper);
	loop_free(c->own);
	free(c->address);
	free(c);
}

int core_snapshotter(struct core *c, const struct ctx *ctx, char **ret, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	const char *name = c->conf.snapshotter;
	int r;

	if (!name) {
		r = namespaces_get(c->ctrd, c->conf.ns, ctx, &labels, err);
		if (r < 0 && r != -ERR_NOT_FOUND)
			return r;
		err_clear(err);
		name = dict_get(&labels, "containerd.io/defaults/snapshotter");
	}
	*ret = mem_strdup(name ? name : "overlayfs");
	return 0;
}
