/* Snapshots. The key of a record is "SNAPSHOTTER KEY"; active and committed ones share it. */
#include "serve.h"
#include "mem.h"
#include "snapshots.pb-c.h"
#include <string.h>

static char *key_of(const char *snapshotter, const char *key) { return mem_printf("%s %s", snapshotter, key); }

static struct record *find(struct served *s, const char *snapshotter, const char *key)
{
	_cleanup_free_ char *full = key_of(snapshotter, key);
	struct record *r = store_find(&s->fake->store, SNAPSHOT, s->ns, full);

	if (!r)
		served_fail(s, ERR_NOT_FOUND, "snapshot %s does not exist: not found", key);
	return r;
}

static void reply_mounts(struct served *s, const struct record *r)
{
	Types__Mount mount = TYPES__MOUNT__INIT;
	Snapshots__MountsResponse reply = SNAPSHOTS__MOUNTS_RESPONSE__INIT;

	mount.type = borrow("bind");
	mount.source = s->fake->rootfs;
	mount.n_options = 2;
	mount.options = (char *[]){ borrow(r->state == SNAPSHOTS__KIND__VIEW ? "ro" : "rw"), borrow("rbind") };
	reply.n_mounts = 1;
	reply.mounts = (Types__Mount *[]){ &mount };
	served_reply(s, &reply.base);
}

static void make(struct served *s, const Snapshots__PrepareRequest *req, Snapshots__Kind kind)
{
	_cleanup_free_ char *key = key_of(req->snapshotter, req->key), *type = mem_printf("snapshots/%s", req->snapshotter);
	struct record *parent = NULL, *r;

	if (*req->parent) {
		parent = find(s, req->snapshotter, req->parent);
		if (!parent)
			return;
		if (parent->state != SNAPSHOTS__KIND__COMMITTED) {
			served_fail(s, ERR_INVALID, "parent %s is not committed snapshot: invalid argument", req->parent);
			return;
		}
	}
	if (store_find(&s->fake->store, SNAPSHOT, s->ns, key)) {
		served_fail(s, ERR_EXISTS, "snapshot %s: already exists", req->key);
		return;
	}
	r = store_add(&s->fake->store, SNAPSHOT, s->ns, key);
	r->state = (int)kind;
	r->parent = parent ? mem_strdup(parent->key) : NULL;
	(void)entries_unpack(req->labels, req->n_labels, &r->labels, NULL);
	lease_add(s, type, req->key);
	reply_mounts(s, r);
}

static void prepare(struct served *s, const ProtobufCMessage *msg) { make(s, (const void *)msg, SNAPSHOTS__KIND__ACTIVE); }

static void view(struct served *s, const ProtobufCMessage *msg) { make(s, (const void *)msg, SNAPSHOTS__KIND__VIEW); }

static void mounts(struct served *s, const ProtobufCMessage *msg)
{
	const Snapshots__KeyRequest *req = (const void *)msg;
	struct record *r = find(s, req->snapshotter, req->key);

	if (r)
		reply_mounts(s, r);
}

static void commit(struct served *s, const ProtobufCMessage *msg)
{
	const Snapshots__CommitRequest *req = (const void *)msg;
	_cleanup_free_ char *name = key_of(req->snapshotter, req->name), *type = mem_printf("snapshots/%s", req->snapshotter);
	struct record *r = find(s, req->snapshotter, req->key);

	if (!r)
		return;
	if (r->state != SNAPSHOTS__KIND__ACTIVE) {
		served_fail(s, ERR_PRECONDITION, "snapshot %s is not active: failed precondition", req->key);
		return;
	}
	if (store_find(&s->fake->store, SNAPSHOT, s->ns, name)) {
		served_fail(s, ERR_EXISTS, "committed snapshot %s: already exists", req->name);
		return;
	}
	free(r->key);
	r->key = TAKE_PTR(name);
	r->state = SNAPSHOTS__KIND__COMMITTED;
	dict_done(&r->labels);
	(void)entries_unpack(req->labels, req->n_labels, &r->labels, NULL);
	lease_add(s, type, req->name);
	served_empty(s);
}

static void remove_(struct served *s, const ProtobufCMessage *msg)
{
	const Snapshots__KeyRequest *req = (const void *)msg;
	struct record *r = find(s, req->snapshotter, req->key);

	if (!r)
		return;
	list_for_each(it, &s->fake->store.records) {
		const struct record *child = container_of(it, struct record, node);

		if (child->kind == SNAPSHOT && child->parent && !strcmp(child->ns, s->ns) && !strcmp(child->parent, r->key)) {
			served_fail(s, ERR_PRECONDITION, "cannot remove snapshot with child: failed precondition");
			return;
		}
	}
	record_free(r);
	served_empty(s);
}

/* Behind the snapshotter's name. */
static char *bare(const char *key) { return key ? borrow(strchr(key, ' ') + 1) : NULL; }

static void info_of(const struct record *r, struct arena *a, Snapshots__Info *info)
{
	snapshots__info__init(info);
	info->name = bare(r->key);
	info->parent = bare(r->parent);
	info->kind = (Snapshots__Kind)r->state;
	info->created_at = info->updated_at = time_pack(a, r->created);
	info->labels = entries_pack(a, &r->labels, &info->n_labels);
}

static void stat_(struct served *s, const ProtobufCMessage *msg)
{
	const Snapshots__KeyRequest *req = (const void *)msg;
	struct record *r = find(s, req->snapshotter, req->key);
	_cleanup_arena_ struct arena a = { 0 };
	Snapshots__Info info;
	Snapshots__StatResponse reply = SNAPSHOTS__STAT_RESPONSE__INIT;

	if (!r)
		return;
	info_of(r, &a, &info);
	reply.info = &info;
	served_reply(s, &reply.base);
}

static void usage(struct served *s, const ProtobufCMessage *msg)
{
	const Snapshots__KeyRequest *req = (const void *)msg;
	Snapshots__UsageResponse reply = SNAPSHOTS__USAGE_RESPONSE__INIT;

	if (!find(s, req->snapshotter, req->key))
		return;
	reply.size = 4096;
	reply.inodes = 1;
	served_reply(s, &reply.base);
}

static void list(struct served *s, const ProtobufCMessage *msg)
{
	const Snapshots__ListRequest *req = (const void *)msg;
	size_t n = strlen(req->snapshotter);

	list_for_each(it, &s->fake->store.records) {
		struct record *r = container_of(it, struct record, node);
		Snapshots__ListResponse reply = SNAPSHOTS__LIST_RESPONSE__INIT;
		_cleanup_arena_ struct arena a = { 0 };
		Snapshots__Info info;

		if (r->kind != SNAPSHOT || strcmp(r->ns, s->ns) || strncmp(r->key, req->snapshotter, n) || r->key[n] != ' ' ||
		    !filters_match(req->filters, req->n_filters, record_field, r))
			continue;
		info_of(r, &a, &info);
		reply.n_info = 1;
		reply.info = (Snapshots__Info *[]){ &info };
		served_send(s, &reply.base);
	}
	served_finish(s);
}

#define SN "/containerd.services.snapshots.v1.Snapshots/"
const struct service_method snapshot_methods[] = {
	{ SN "Prepare", &snapshots__prepare_request__descriptor, prepare },
	{ SN "View", &snapshots__prepare_request__descriptor, view },
	{ SN "Mounts", &snapshots__key_request__descriptor, mounts },
	{ SN "Commit", &snapshots__commit_request__descriptor, commit },
	{ SN "Remove", &snapshots__key_request__descriptor, remove_ },
	{ SN "Stat", &snapshots__key_request__descriptor, stat_ },
	{ SN "Usage", &snapshots__key_request__descriptor, usage },
	{ SN "List", &snapshots__list_request__descriptor, list },
	{ 0 },
};
