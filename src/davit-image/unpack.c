#include "unpack.h"
#include "clock.h"
#include "content.h"
#include "diff.h"
#include "image.h"
#include "log.h"
#include "mem.h"
#include "name.h"
#include "sha.h"
#include "snapshots.h"
#include <string.h>

enum { CALL_MS = 60000, APPLY_MS = 3600 * 1000, CLEANUP_MS = 10000, KEY_TRIES = 3 };

struct unpack {
	struct session *s;
	const struct manifest *m;
	struct strv diff_ids, chain;
	size_t next;             /* the layer to unpack next, or being unpacked */
	bool looked, told;       /* next was set by what is there already; the progress knows */
	char *key;               /* of the snapshot that is being filled */
	char *layers;            /* its folder and those below it (image.h), or NULL */
	struct ctrd_call *apply; /* running */
	struct timer tell;       /* that it is: a layer may take minutes, and the call says nothing meanwhile */
};

static void unpack_tell(void *arg)
{
	struct unpack *u = arg;

	progress_repeat(u->s->progress, u->m->children[u->next].digest);
	timer_set(&u->tell, clock_mono() + PROGRESS_TELL_MS * NSEC_PER_MSEC);
}

int unpack_new(struct session *s, const struct manifest *m, const struct strv *diff_ids, struct unpack **ret, struct err *err)
{
	struct unpack *u;

	if (diff_ids->n != m->n)
		return err_set(err, ERR_INVALID, "configuration %s: %zu layer digests for %zu layers", m->config.digest,
			       diff_ids->n, m->n);
	for (size_t i = 0; i < diff_ids->n; i++)
		if (!digest_valid(diff_ids->v[i]))
			return err_set(err, ERR_INVALID, "configuration %s: \"%.80s\" is no digest", m->config.digest,
				       diff_ids->v[i]);
	u = mem_new(struct unpack);
	u->s = s;
	u->m = m;
	strv_add(&u->diff_ids, diff_ids);
	sha_chain(diff_ids, &u->chain);
	timer_init(&u->tell, s->loop, unpack_tell, u);
	*ret = u;
	return 0;
}

static void drop_snapshot(struct unpack *u)
{
	struct ctx ctx = ctx_within(NULL, CLEANUP_MS);
	struct err err = ERR_INIT;

	if (!u->key)
		return;
	if (snapshots_remove(u->s->ctrd, u->s->snapshotter, u->key, &ctx, &err) < 0)
		log_debug("snapshot %s: %s", u->key, err.msg);
	free(TAKE_PTR(u->key));
}

void unpack_free(struct unpack *u)
{
	if (!u)
		return;
	timer_done(&u->tell);
	ctrd_call_free(u->apply);
	drop_snapshot(u);
	strv_done(&u->diff_ids);
	strv_done(&u->chain);
	free(u->layers);
	free(u);
}

/* 1: the snapshot of layer @i is there; 0: it is not. */
static int has_snapshot(struct unpack *u, size_t i, struct err *err)
{
	struct ctx ctx = ctx_within(&u->s->ctx, CALL_MS);
	int r = snapshots_stat(u->s->ctrd, u->s->snapshotter, u->chain.v[i], &ctx, err);

	if (r != -ERR_NOT_FOUND)
		return r < 0 ? r : 1;
	err_clear(err);
	return 0;
}

/* A snapshot stands on its parents: the topmost one that is there says where to begin. */
static int unpack_look(struct unpack *u, struct err *err)
{
	u->looked = true;
	for (u->next = u->m->n; u->next; u->next--) {
		int r = has_snapshot(u, u->next - 1, err);

		if (r < 0)
			return r;
		if (r == 1)
			break;
	}
	return 0;
}

static void tell_present(struct unpack *u)
{
	u->told = true;
	for (size_t i = 0; i < u->next; i++)
		progress_state(u->s->progress, u->m->children[i].digest, PROGRESS_DONE);
}

/* 1: somebody else has unpacked the layer meanwhile. */
static int unpack_prepare(struct unpack *u, struct ctrd_mounts *mounts, struct err *err)
{
	const char *parent = u->next ? u->chain.v[u->next - 1] : "", *chain = u->chain.v[u->next];
	_cleanup_dict_ struct dict labels = { 0 };
	struct ctx ctx = ctx_within(&u->s->ctx, CALL_MS);
	int r = -ERR_EXISTS;

	dict_set(&labels, "containerd.io/snapshot.ref", chain);
	for (int i = 0; r == -ERR_EXISTS && i < KEY_TRIES; i++) {
		_cleanup_free_ char *key = NULL;
		char digits[9];

		name_random(digits, 8);
		key = mem_printf("extract-%lld-%s %s", (long long)clock_wall(), digits, chain);
		err_clear(err);
		r = snapshots_prepare(u->s->ctrd, u->s->snapshotter, key, parent, &labels, &ctx, mounts, err);
		if (r == 0)
			u->key = TAKE_PTR(key);
		else if (r == -ERR_EXISTS && has_snapshot(u, u->next, &(struct err)ERR_INIT) == 1)
			return 1;
	}
	return r;
}

/* Label and value together stay below containerd's limit. */
static void note_layers(struct unpack *u, const struct ctrd_mounts *mounts)
{
	enum { LONGEST = 4000 };
	const char *lower = NULL, *upper = NULL;

	free(TAKE_PTR(u->layers));
	if (strcmp(u->s->snapshotter, "overlayfs") != 0 || mounts->n != 1)
		return;
	if (!strcmp(mounts->v[0].type, "bind"))
		u->layers = mem_strdup(mounts->v[0].source);
	for (size_t i = 0; i < mounts->v[0].options.n; i++) {
		const char *o = mounts->v[0].options.v[i];

		lower = strncmp(o, "lowerdir=", 9) ? lower : o + 9;
		upper = strncmp(o, "upperdir=", 9) ? upper : o + 9;
	}
	if (lower && upper)
		u->layers = mem_printf("%s:%s", upper, lower);
	if (u->layers && strlen(u->layers) > LONGEST)
		free(TAKE_PTR(u->layers));
}

static int begin_layer(struct unpack *u, struct err *err)
{
	_cleanup_(ctrd_mounts_done) struct ctrd_mounts mounts = { 0 };
	struct ctx ctx = ctx_within(&u->s->ctx, APPLY_MS);
	int r = unpack_prepare(u, &mounts, err);

	if (r == 1) {
		err_clear(err);
		u->next++;
		return 0;
	}
	if (r < 0)
		return r;
	progress_state(u->s->progress, u->m->children[u->next].digest, PROGRESS_UNPACKING);
	note_layers(u, &mounts);
	u->apply = diff_apply_begin(u->s->ctrd, &u->m->children[u->next], &mounts, &ctx);
	timer_set(&u->tell, clock_mono() + PROGRESS_TELL_MS * NSEC_PER_MSEC);
	return 0;
}

static int commit_layer(struct unpack *u, struct err *err)
{
	const char *chain = u->chain.v[u->next];
	_cleanup_dict_ struct dict snapshot = { 0 }, layer = { 0 };
	struct ctx ctx = ctx_within(&u->s->ctx, CALL_MS);
	int r;

	dict_set(&snapshot, "containerd.io/snapshot.ref", chain);
	if (u->layers)
		dict_set(&snapshot, IMAGE_LAYERS, u->layers);
	r = snapshots_commit(u->s->ctrd, u->s->snapshotter, chain, u->key, &snapshot, &ctx, err);
	if (r == -ERR_EXISTS) {
		err_clear(err);
		drop_snapshot(u);
		r = 0;
	}
	if (r < 0)
		return r;
	free(TAKE_PTR(u->key));
	dict_set(&layer, "containerd.io/uncompressed", u->diff_ids.v[u->next]);
	return content_set_labels(u->s->ctrd, u->m->children[u->next].digest, &layer, &ctx, err);
}

static int end_layer(struct unpack *u, struct err *err)
{
	_cleanup_(ctrd_descriptor_done) struct ctrd_descriptor applied = { 0 };
	int r = diff_apply_end(TAKE_PTR(u->apply), &u->s->ctx, &applied, err);

	timer_set(&u->tell, 0);
	if (r < 0)
		return r;
	if (!applied.digest || strcmp(applied.digest, u->diff_ids.v[u->next]) != 0)
		return err_hint(err,
				err_set(err, ERR_DATA_LOSS, "unpacks to %s, but the image's configuration says %s",
					applied.digest ? applied.digest : "nothing", u->diff_ids.v[u->next]),
				"the image is damaged: build or push it again");
	r = commit_layer(u, err);
	if (r < 0)
		return r;
	progress_state(u->s->progress, u->m->children[u->next].digest, PROGRESS_DONE);
	u->next++;
	return 0;
}

bool unpack_ready(const struct unpack *u, size_t present)
{
	return !u->looked || (u->apply ? ctrd_call_ready(u->apply) : u->next < u->m->n && u->next < present);
}

int unpack_step(struct unpack *u, size_t present, struct err *err)
{
	int r = u->looked ? 0 : unpack_look(u, err);

	if (r == 0 && !u->told)
		tell_present(u);
	while (r == 0 && u->next < u->m->n) {
		const char *digest = u->m->children[u->next].digest;

		if (u->apply ? !ctrd_call_ready(u->apply) : u->next >= present)
			return 0;
		r = u->apply ? end_layer(u, err) : begin_layer(u, err);
		if (r < 0) {
			drop_snapshot(u);
			return err_wrap(err, r, "unpack layer %s", digest);
		}
	}
	return r < 0 ? r : 1;
}

/* Before anything is unpacked in vain. */
static int unpack_check_layers(struct unpack *u, struct err *err)
{
	struct ctx ctx = ctx_within(&u->s->ctx, CALL_MS);
	int r = u->looked ? 0 : unpack_look(u, err);

	for (size_t i = u->next; r == 0 && i < u->m->n; i++) {
		_cleanup_(ctrd_content_done) struct ctrd_content content = { 0 };

		r = content_info(u->s->ctrd, u->m->children[i].digest, &ctx, &content, err);
		if (r < 0)
			return err_wrap(err, r, "layer %s", u->m->children[i].digest);
	}
	return r;
}

int unpack_finish(struct unpack *u, struct err *err)
{
	int r = unpack_check_layers(u, err);

	if (r == 0)
		r = unpack_step(u, u->m->n, err);

	while (r == 0) {
		r = loop_turn(u->s->loop, &u->s->ctx, err);
		if (r == 0)
			r = unpack_step(u, u->m->n, err);
	}
	return r < 0 ? r : 0;
}

const char *unpack_chain_id(const struct unpack *u) { return u->chain.n ? u->chain.v[u->chain.n - 1] : ""; }
