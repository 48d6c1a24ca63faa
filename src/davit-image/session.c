#include "session.h"
#include "clock.h"
#include "leases.h"
#include "log.h"
#include "mem.h"
#include "name.h"
#include "namespaces.h"
#include <string.h>

enum { CONNECT_MS = 30000, CLEANUP_MS = 5000 };

static char *lease_make(const struct session *s, const char *name, const struct ctx *ctx, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	char digits[17], at[CLOCK_TEXT];
	char *id;

	name_random(digits, 16);
	id = name ? mem_strdup(name) : mem_printf("davit-image-%s", digits);
	dict_set(&labels, "containerd.io/gc.expire", clock_rfc3339(clock_wall() + 24 * 3600 * NSEC_PER_SEC, at));
	if (leases_create(s->plain, id, &labels, ctx, err) == 0)
		return id;
	free(id);
	return NULL;
}

static int take_lease(struct session *s, const char *given, const char *own, const struct ctx *ctx, struct err *err)
{
	s->own_lease = !given || !*given;
	s->lease = s->own_lease ? lease_make(s, own, ctx, err) : mem_strdup(given);
	if (!s->lease)
		return -(int)err->code;
	s->ctrd = ctrd_under(s->plain, s->lease);
	return 0;
}

static int choose_snapshotter(struct session *s, const char *ns, const char *given, const struct ctx *ctx, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	const char *preset;
	int r = 0;

	if (!given || !*given) {
		r = namespaces_get(s->plain, ns, ctx, &labels, err);
		if (r == -ERR_NOT_FOUND)
			err_clear(err);
		else if (r < 0)
			return r;
		preset = dict_get(&labels, "containerd.io/defaults/snapshotter");
		given = preset ? preset : "overlayfs";
	}
	s->snapshotter = mem_strdup(given);
	return 0;
}

int session_open(struct session *s, const struct session_spec *spec, const struct ctx *ctx, struct err *err)
{
	struct ctx within = ctx_within(ctx, CONNECT_MS);
	int r = platform_parse(spec->platform, &s->platform, err);

	if (r < 0)
		return r;
	s->platform_asked = spec->platform && *spec->platform;
	s->ctx = *ctx;
	s->mark = spec->mark;
	s->loop = loop_new();
	r = ctrd_open(s->loop, spec->address, spec->ns, &s->plain, err);
	if (r == 0)
		r = choose_snapshotter(s, spec->ns, spec->snapshotter, &within, err);
	if (r == 0)
		r = take_lease(s, spec->lease, spec->own_lease, &within, err);
	return r;
}

void session_open_alone(struct session *s, const struct ctx *ctx)
{
	s->ctx = *ctx;
	s->loop = loop_new();
}

/* An ingest lives as long as its lease: what a next attempt can go on from gets one that expires by itself. */
static void keep_ingests(struct session *s, const struct ctx *ctx)
{
	struct err err = ERR_INIT;
	_cleanup_free_ char *lease = lease_make(s, NULL, ctx, &err);

	for (size_t i = 0; lease && i < s->open_ingests.n; i++)
		if (leases_add_resource(s->plain, lease, s->open_ingests.v[i], "ingests", ctx, &err) < 0)
			break;
	if (err.code)
		log_debug("keep what was fetched: %s", err.msg);
}

static void session_leave(struct session *s)
{
	struct ctx ctx = ctx_within(NULL, CLEANUP_MS);
	struct err err = ERR_INIT;

	if (s->open_ingests.n)
		keep_ingests(s, &ctx);
	if (s->own_lease && leases_delete(s->plain, s->lease, false, &ctx, &err) < 0)
		log_debug("lease %s: %s", s->lease, err.msg);
}

void session_close(struct session *s)
{
	if (s->ctrd && ctrd_alive(s->ctrd))
		session_leave(s);
	ctrd_free(s->ctrd);
	ctrd_free(s->plain);
	loop_free(s->loop);
	free(s->snapshotter);
	free(s->lease);
	strv_done(&s->open_ingests);
	*s = (struct session){ 0 };
}

int session_pause(struct session *s, int64_t ms, struct err *err)
{
	struct ctx until = ctx_within(&s->ctx, ms);
	int r;

	do
		r = loop_turn(s->loop, &until, NULL);
	while (r == 0);
	return r == -ERR_DEADLINE ? ctx_check(&s->ctx, err) : ctx_check(&until, err);
}
