#include "snapshots.h"
#include "call.h"
#include "mem.h"
#include "snapshots.pb-c.h"

#define SERVICE "/containerd.services.snapshots.v1.Snapshots/"
static const struct method prepare = { SERVICE "Prepare", &snapshots__mounts_response__descriptor, "snapshot" },
			   view = { SERVICE "View", &snapshots__mounts_response__descriptor, "snapshot" },
			   mounts = { SERVICE "Mounts", &snapshots__mounts_response__descriptor, "snapshot" },
			   commit = { SERVICE "Commit", NULL, "snapshot" }, remove_ = { SERVICE "Remove", NULL, "snapshot" },
			   stat_ = { SERVICE "Stat", &snapshots__stat_response__descriptor, "snapshot" },
			   usage = { SERVICE "Usage", &snapshots__usage_response__descriptor, "snapshot" },
			   list = { SERVICE "List", &snapshots__list_response__descriptor, NULL };

static struct ctrd_call *prepare_begin(struct ctrd *c, const struct method *m, const char *snapshotter, const char *key,
				       const char *parent, const struct dict *labels, const struct ctx *ctx)
{
	_cleanup_arena_ struct arena a = { 0 };
	Snapshots__PrepareRequest req = SNAPSHOTS__PREPARE_REQUEST__INIT;

	req.snapshotter = borrow(snapshotter);
	req.key = borrow(key);
	req.parent = borrow(parent);
	req.labels = entries_pack(&a, labels, &req.n_labels);
	return call_begin(c, m, key, &req.base, ctx);
}

static struct ctrd_call *key_begin(struct ctrd *c, const struct method *m, const char *snapshotter, const char *key,
				   const struct ctx *ctx)
{
	Snapshots__KeyRequest req = SNAPSHOTS__KEY_REQUEST__INIT;

	req.snapshotter = borrow(snapshotter);
	req.key = borrow(key);
	return call_begin(c, m, key, &req.base, ctx);
}

static int mounts_end(struct ctrd_call *call, const struct ctx *ctx, struct ctrd_mounts *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	const Snapshots__MountsResponse *m;
	int r = call_end(call, ctx, &reply, err);

	if (r < 0)
		return r;
	m = (const void *)reply.msg;
	mounts_unpack(m->mounts, m->n_mounts, ret);
	return 0;
}

struct ctrd_call *snapshots_prepare_begin(struct ctrd *c, const char *snapshotter, const char *key, const char *parent,
					  const struct dict *labels, const struct ctx *ctx)
{
	return prepare_begin(c, &prepare, snapshotter, key, parent, labels, ctx);
}

int snapshots_prepare_end(struct ctrd_call *call, const struct ctx *ctx, struct ctrd_mounts *ret, struct err *err)
{
	return mounts_end(call, ctx, ret, err);
}

int snapshots_prepare(struct ctrd *c, const char *snapshotter, const char *key, const char *parent, const struct dict *labels,
		      const struct ctx *ctx, struct ctrd_mounts *ret, struct err *err)
{
	return mounts_end(prepare_begin(c, &prepare, snapshotter, key, parent, labels, ctx), ctx, ret, err);
}

int snapshots_view(struct ctrd *c, const char *snapshotter, const char *key, const char *parent, const struct dict *labels,
		   const struct ctx *ctx, struct ctrd_mounts *ret, struct err *err)
{
	return mounts_end(prepare_begin(c, &view, snapshotter, key, parent, labels, ctx), ctx, ret, err);
}

int snapshots_mounts(struct ctrd *c, const char *snapshotter, const char *key, const struct ctx *ctx, struct ctrd_mounts *ret,
		     struct err *err)
{
	return mounts_end(key_begin(c, &mounts, snapshotter, key, ctx), ctx, ret, err);
}

int snapshots_commit(struct ctrd *c, const char *snapshotter, const char *name, const char *key, const struct dict *labels,
		     const struct ctx *ctx, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	Snapshots__CommitRequest req = SNAPSHOTS__COMMIT_REQUEST__INIT;

	req.snapshotter = borrow(snapshotter);
	req.name = borrow(name);
	req.key = borrow(key);
	req.labels = entries_pack(&a, labels, &req.n_labels);
	return call_end_empty(call_begin(c, &commit, name, &req.base, ctx), ctx, err);
}

struct ctrd_call *snapshots_remove_begin(struct ctrd *c, const char *snapshotter, const char *key, const struct ctx *ctx)
{
	return key_begin(c, &remove_, snapshotter, key, ctx);
}

int snapshots_remove_end(struct ctrd_call *call, const struct ctx *ctx, struct err *err) { return call_end_absent(call, ctx, err); }

int snapshots_remove(struct ctrd *c, const char *snapshotter, const char *key, const struct ctx *ctx, struct err *err)
{
	return snapshots_remove_end(snapshots_remove_begin(c, snapshotter, key, ctx), ctx, err);
}

struct ctrd_call *snapshots_stat_begin(struct ctrd *c, const char *snapshotter, const char *key, const struct ctx *ctx)
{
	return key_begin(c, &stat_, snapshotter, key, ctx);
}

int snapshots_stat_end(struct ctrd_call *call, const struct ctx *ctx, struct dict *ret_labels, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	const Snapshots__StatResponse *m;
	int r = call_end(call, ctx, &reply, err);

	if (r < 0 || !ret_labels)
		return r;
	m = (const void *)reply.msg;
	return m->info ? entries_unpack(m->info->labels, m->info->n_labels, ret_labels, err) : 0;
}

int snapshots_stat(struct ctrd *c, const char *snapshotter, const char *key, const struct ctx *ctx, struct err *err)
{
	return snapshots_stat_end(snapshots_stat_begin(c, snapshotter, key, ctx), ctx, NULL, err);
}

int snapshots_parent(struct ctrd *c, const char *snapshotter, const char *key, const struct ctx *ctx, char **ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	const Snapshots__StatResponse *m;
	int r = call_end(snapshots_stat_begin(c, snapshotter, key, ctx), ctx, &reply, err);

	if (r < 0)
		return r;
	m = (const void *)reply.msg;
	*ret = mem_strdup(m->info && m->info->parent ? m->info->parent : "");
	return 0;
}

int snapshots_usage(struct ctrd *c, const char *snapshotter, const char *key, const struct ctx *ctx, int64_t *ret_bytes,
		    struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	int r = call_end(key_begin(c, &usage, snapshotter, key, ctx), ctx, &reply, err);

	if (r < 0)
		return r;
	*ret_bytes = ((const Snapshots__UsageResponse *)(const void *)reply.msg)->size;
	return 0;
}

int snapshots_list(struct ctrd *c, const char *snapshotter, const char *filter, const struct ctx *ctx,
		   void (*got)(void *arg, const char *key, const char *parent, bool committed), void *arg, struct err *err)
{
	_cleanup_(ctrd_call_freep) struct ctrd_call *call = NULL;
	_cleanup_reply_ struct reply reply = { 0 };
	Snapshots__ListRequest req = SNAPSHOTS__LIST_REQUEST__INIT;
	int r;

	req.snapshotter = borrow(snapshotter);
	req.n_filters = filter ? 1 : 0;
	req.filters = (char *[]){ borrow(filter) };
	call = call_begin(c, &list, NULL, &req.base, ctx);
	while ((r = call_next(call, ctx, &reply, err)) > 0) {
		const Snapshots__ListResponse *m = (const void *)reply.msg;

		for (size_t i = 0; i < m->n_info; i++)
			got(arg, m->info[i]->name, m->info[i]->parent, m->info[i]->kind == SNAPSHOTS__KIND__COMMITTED);
	}
	return r;
}
