#include "core.h"
#include "engine.h"
#include "file.h"
#include "mem.h"
#include "namespaces.h"
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

static int no_containerd(const struct core *c, int r, struct err *err)
{
	if (r == -ERR_PERMISSION)
		return err_hint(err, r, "run as root: sudo davit ...");
	if (r == -ERR_NOT_FOUND || r == -ERR_UNAVAILABLE)
		return err_hint(err, r, "start containerd there, or leave the address away to use davit's own engine");
	(void)c;
	return r;
}

static int connect_to(struct core *c, const char *address, struct err *err)
{
	int r = ctrd_open(c->loop, address, c->conf.ns, &c->ctrd, err);

	if (r < 0)
		return r;
	free(c->address);
	c->address = mem_strdup(address);
	return 0;
}

/* Nothing was asked for: the system's containerd, else the engine of our own. */
static int connect_default(struct core *c, bool start, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *own = engine_address(&c->conf);
	int r = connect_to(c, CTRD_ADDRESS, err);

	if (r != -ERR_NOT_FOUND && r != -ERR_UNAVAILABLE)
		return r < 0 ? no_containerd(c, r, err) : r;
	if (!start && !engine_running(&c->conf))
		return err_hint(err, r, "start one: davit engine start");
	err_clear(err);
	if (!engine_running(&c->conf)) {
		r = engine_start(&c->conf, ctx, err);
		if (r < 0)
			return err_wrap(err, r, "no containerd at " CTRD_ADDRESS);
		core_notice(c, "no containerd at " CTRD_ADDRESS ": started one of davit's own (davit engine status)");
	}
	return connect_to(c, own, err);
}

void core_own_folders(const struct core_conf *conf)
{
	if (conf->data_dir)
		(void)file_own_folder(conf->data_dir, 0700, NULL);
	if (conf->run_dir)
		(void)file_own_folder(conf->run_dir, 0711, NULL);
}

static int open_core(const struct core_conf *conf, bool start, const struct ctx *ctx, struct core **ret, struct err *err)
{
	_cleanup_(core_freep) struct core *c = mem_new(struct core);
	int r;

	if (!strcmp(conf->ns, ENGINE_FOLDER))
		return err_hint(err,
				err_set(err, ERR_INVALID, "namespace %s: its folder in %s is that of davit's own containerd",
					conf->ns, conf->run_dir),
				"choose another name with --namespace");
	if (start)
		core_own_folders(conf);
	c->conf = *conf;
	c->loop = loop_new();
	if (!conf->address) {
		r = connect_default(c, start, ctx, err);
	} else {
		r = connect_to(c, conf->address, err);
		if (r < 0)
			r = no_containerd(c, r, err);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

int core_open(const struct core_conf *conf, const struct ctx *ctx, struct core **ret, struct err *err)
{
	return open_core(conf, true, ctx, ret, err);
}

int core_open_existing(const struct core_conf *conf, const struct ctx *ctx, struct core **ret, struct err *err)
{
	return open_core(conf, false, ctx, ret, err);
}

int core_reconnect(struct core *c, struct err *err)
{
	_cleanup_free_ char *ns = NULL, *lease = NULL;
	struct ctrd *fresh = NULL;
	int r;

	if (ctrd_alive(c->ctrd))
		return 0;
	ns = mem_strdup(ctrd_namespace(c->ctrd));
	lease = mem_strdup(ctrd_lease(c->ctrd));
	r = ctrd_open(c->loop, c->address, ns, &fresh, err);
	if (r == -ERR_NOT_FOUND) { /* the socket; not to be taken for a job that is gone */
		r = -ERR_UNAVAILABLE;
		if (err)
			err->code = ERR_UNAVAILABLE;
	}
	if (r < 0)
		return r;
	ctrd_set_lease(fresh, lease);
	ctrd_free(c->ctrd);
	c->ctrd = fresh;
	return 0;
}

void core_free(struct core *c)
{
	if (!c)
		return;
	ctrd_free(c->ctrd);
	loop_free(c->loop);
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
