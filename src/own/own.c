#include "own.h"
#include "mem.h"
#include "own-tasks.h"
#include "places.h"
#include "version.h"
#include <limits.h>
#include <unistd.h>

void own_status_done(struct own_status *s)
{
	free(s->address);
	free(s->version);
	free(s->program);
	free(s->config);
	*s = (struct own_status){ 0 };
}

static int own_ask(const struct core_conf *conf, const struct ctx *ctx, struct own_status *s, struct err *err)
{
	_cleanup_(core_freep) struct core *l = NULL;
	_cleanup_(ctrd_version_done) struct ctrd_version v = { 0 };
	_cleanup_(own_tasks_done) struct own_tasks live = { 0 };
	int r = own_link(conf, &l, err);

	if (r >= 0)
		r = version_get(l->ctrd, ctx, &v, err);
	if (r >= 0)
		r = own_tasks_list(l, ctx, &live, err);
	if (r < 0)
		return r;
	s->version = TAKE_PTR(v.version);
	s->jobs = live.n;
	return 0;
}

int own_get_status(const struct core_conf *conf, const struct ctx *ctx, struct own_status *ret, struct err *err)
{
	_cleanup_(own_status_done) struct own_status s = { .address = own_address(conf),
							   .config = places_own_data(conf, "config.toml") };
	_cleanup_close_ int pidfd = -1;
	_cleanup_free_ char *exe = NULL;
	char program[PATH_MAX];
	ssize_t n;
	int r = own_process(conf, &s.pid, &pidfd, err);

	if (r == -ERR_NOT_FOUND) {
		err_clear(err);
		r = 0;
	} else if (r >= 0) {
		s.running = true;
		exe = mem_printf("/proc/%d/exe", (int)s.pid);
		n = readlink(exe, program, sizeof program);
		s.program = n > 0 ? mem_strndup(program, (size_t)n) : NULL;
		r = own_ask(conf, ctx, &s, err);
	}
	if (r < 0)
		return err_wrap(err, r, "engine status");
	*ret = s;
	s = (struct own_status){ 0 };
	return 0;
}

/* At @address, or there is none. */
static int open_at(const struct core_conf *conf, const char *address, struct core **ret, struct err *err)
{
	struct core_conf at = *conf;

	at.address = address;
	return core_open(&at, ret, err);
}

static bool nobody_listens(int r) { return r == -ERR_NOT_FOUND || r == -ERR_UNAVAILABLE; }

static int open_given(const struct core_conf *conf, struct core **ret, struct err *err)
{
	int r = core_open(conf, ret, err);

	if (!nobody_listens(r))
		return r;
	return err_hint(err, r, "start containerd there, or leave the address away to use davit's own engine");
}

int own_open_existing(const struct core_conf *conf, struct core **ret, struct err *err)
{
	_cleanup_free_ char *own = own_address(conf);
	int r;

	if (conf->address)
		return open_given(conf, ret, err);
	r = core_open(conf, ret, err);
	if (!nobody_listens(r))
		return r;
	if (!own_running(conf))
		return err_hint(err, r, "start one: davit engine start");
	err_clear(err);
	return open_at(conf, own, ret, err);
}

int own_open(const struct core_conf *conf, const struct ctx *ctx, struct core **ret, struct err *err)
{
	_cleanup_free_ char *own = own_address(conf);
	int r = core_check_namespace(conf, err);

	if (r < 0)
		return r;
	core_own_folders(conf);
	if (conf->address)
		return open_given(conf, ret, err);
	r = core_open(conf, ret, err);
	if (!nobody_listens(r))
		return r;
	err_clear(err);
	if (own_running(conf))
		return open_at(conf, own, ret, err);
	r = own_start(conf, ctx, err);
	if (r < 0)
		return err_wrap(err, r, "no containerd at " CTRD_ADDRESS);
	r = open_at(conf, own, ret, err);
	if (r >= 0)
		core_notice(*ret, "no containerd at " CTRD_ADDRESS ": started one of davit's own (davit engine status)");
	return r;
}
