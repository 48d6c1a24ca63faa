/* Each layer is a small state machine. One pass lets every machine go as far as it can without waiting for the network, then
 * the loop turns until one of them, or the unpacking, can go on. Calls to containerd are waited for where they stand: they
 * are short, and the transfers go on meanwhile.
 *
 *   QUEUED -> (ref locked: WAITING) -> RUNNING -> PRESENT
 *                                      RUNNING -> (passing failure: BACKOFF) -> RUNNING, from where it had come
 */
#include "fetch.h"
#include "clock.h"
#include "content.h"
#include "mem.h"
#include "name.h"
#include <string.h>

enum {
	PARALLEL = 3,
	PIECE = 128 << 10, /* bytes that are worth a message to containerd */
	CALL_MS = 60000,
	BACKOFF_MS = 500,
	LOCKED_MS = 250,
};

enum state { QUEUED, WAITING, BACKOFF, RUNNING, PRESENT };

struct fetch {
	struct registry *g;
	const struct ctrd_descriptor *d;
	const struct fetch *same; /* an earlier layer with the same digest: it does the work */
	enum state state;
	char *ref;
	struct content_writer *writer;
	struct http_reply *reply;
	size_t host;
	int64_t at;          /* bytes in the ingest */
	int64_t skip;        /* bytes to drop: the server began at 0 */
	int64_t wake;        /* of WAITING and BACKOFF: clock_mono() */
	int tries;           /* failures since bytes last came */
	bool resumed, again; /* not all bytes are of one answer; was begun anew because they were wrong */
	bool judged;         /* the answer's status is fine */
};

struct fetches {
	struct fetch *v;
	size_t n;
};

static void drop_ingest(struct fetch *f)
{
	struct ctx ctx = ctx_within(NULL, CALL_MS);

	http_reply_free(TAKE_PTR(f->reply));
	content_writer_free(TAKE_PTR(f->writer));
	(void)content_abort(f->g->s->ctrd, f->ref, &ctx, NULL);
	f->at = 0;
}

/* Who interrupts a pull will start it again; a failure leaves nothing. */
static void fetches_done(struct fetches *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct fetch *f = &all->v[i];
		bool interrupted = ctx_check(&f->g->s->ctx, NULL) < 0;

		if (f->writer && f->at && interrupted)
			strv_push(&f->g->s->open_ingests, f->ref);
		else if (f->writer && ctrd_alive(f->g->s->ctrd))
			drop_ingest(f);
		http_reply_free(f->reply);
		content_writer_free(f->writer);
		free(f->ref);
	}
	free(all->v);
}

void fetch_source_label(const struct ref *ref, struct dict *labels)
{
	_cleanup_free_ char *key = mem_printf("containerd.io/distribution.source.%s", ref->host);

	dict_set(labels, key, ref->path);
}

static bool has_repository(const char *list, const char *word)
{
	_cleanup_strv_ struct strv words = { 0 };

	strv_split(&words, list, ",");
	return strv_has(&words, word);
}

int fetch_note_source(struct session *s, const struct ref *ref, const char *digest, struct err *err)
{
	_cleanup_(ctrd_content_done) struct ctrd_content content = { 0 };
	_cleanup_free_ char *key = mem_printf("containerd.io/distribution.source.%s", ref->host);
	_cleanup_dict_ struct dict label = { 0 };
	struct ctx ctx = ctx_within(&s->ctx, CALL_MS);
	int r = content_info(s->ctrd, digest, &ctx, &content, err);
	const char *old = r == 0 ? dict_get(&content.labels, key) : NULL;

	if (r < 0 || (old && has_repository(old, ref->path)) || (old && strlen(old) > 2048))
		return r;
	dict_setf(&label, key, "%s%s%s", old ? old : "", old && *old ? "," : "", ref->path);
	return content_set_labels(s->ctrd, digest, &label, &ctx, err);
}

static void show(const struct fetch *f, enum progress_state state) { progress_state(f->g->s->progress, f->d->digest, state); }

static int present(struct fetch *f, struct err *err)
{
	f->state = PRESENT;
	show(f, PROGRESS_FETCHED);
	return fetch_note_source(f->g->s, f->g->ref, f->d->digest, err);
}

/* From the first byte, once: what is there is not a part of the layer. */
static bool anew(struct fetch *f)
{
	if (f->again)
		return false;
	drop_ingest(f);
	f->again = true;
	f->state = QUEUED;
	return true;
}

static int commit(struct fetch *f, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	int r;

	fetch_source_label(f->g->ref, &labels);
	r = content_writer_commit(f->writer, f->d->size, f->d->digest, &labels, &f->g->s->ctx, NULL, err);
	if (r == 0) {
		content_writer_free(TAKE_PTR(f->writer));
		f->state = PRESENT;
		show(f, PROGRESS_FETCHED);
		return 0;
	}
	if (r != -ERR_PRECONDITION) /* which is how containerd says that the digest is another */
		return r;
	err_clear(err);
	if (f->resumed && anew(f))
		return 0;
	drop_ingest(f);
	return err_hint(err,
			err_set(err, ERR_DATA_LOSS, "wrong digest: what %s sent is something else", f->g->hosts.v[f->host].name),
			"the registry or a mirror of it is damaged");
}

static void fetch_ask(struct fetch *f)
{
	f->judged = false;
	f->skip = 0;
	f->resumed = f->resumed || f->at;
	f->state = RUNNING;
	f->reply = registry_stream(f->g, f->host, f->d->digest, f->at);
	show(f, PROGRESS_FETCHING);
}

/* The first host that may be asked for blobs, from @i on; the number of hosts when there is none. */
static size_t next_host(const struct registry *g, size_t i)
{
	while (i < g->hosts.n && (!g->hosts.v[i].pull || g->hosts.v[i].down))
		i++;
	return i;
}

static int fetch_begin(struct fetch *f, struct err *err)
{
	struct session *s = f->g->s;
	int r;

	f->host = next_host(f->g, 0);
	if (f->host == f->g->hosts.n)
		return err_set(err, ERR_PRECONDITION, "no host of %s may be asked for it (capabilities of hosts.toml)",
			       f->g->ref->host);
	r = content_writer_try(s->ctrd, f->ref, f->d->size, f->d->digest, &s->ctx, &f->writer, &f->at, err);
	if (r == 1)
		return present(f, err);
	if (r == -ERR_UNAVAILABLE && ctrd_alive(s->ctrd)) { /* another process fetches it: when it has, it is there */
		err_clear(err);
		f->state = WAITING;
		f->wake = clock_mono() + LOCKED_MS * NSEC_PER_MSEC;
		return 0;
	}
	if (r < 0)
		return r;
	if (f->at > f->d->size) {
		r = content_writer_truncate(f->writer, &s->ctx, err);
		f->at = 0;
	}
	f->resumed = f->at > 0;
	progress_at(s->progress, f->d->digest, f->at);
	if (r == 0 && f->at == f->d->size)
		return commit(f, err);
	if (r == 0)
		fetch_ask(f);
	return r;
}

/* The reply did not bring all: again later from where it came to, or at the next host, or give up with @err. */
static int fetch_fail(struct fetch *f, int r, bool again, int64_t wait_ms, struct err *err)
{
	struct registry *g = f->g;
	size_t next = next_host(g, f->host + 1);

	http_reply_free(TAKE_PTR(f->reply));
	if (ctx_check(&g->s->ctx, NULL) < 0)
		return r;
	if (again && ++f->tries < REGISTRY_TRIES) {
		int64_t ms = r == -ERR_UNAUTHENTICATED ? 0 : (int64_t)BACKOFF_MS << (f->tries - 1);

		err_clear(err);
		f->state = BACKOFF;
		f->wake = clock_mono() + (ms > wait_ms ? ms : wait_ms) * NSEC_PER_MSEC;
		return 0;
	}
	if (next == g->hosts.n)
		return r == -ERR_NOT_FOUND ? r : err_wrap(err, r, "%s", g->hosts.v[f->host].name);
	err_clear(err);
	f->host = next;
	f->tries = 0;
	fetch_ask(f);
	return 0;
}

/* Layers whose makers let nobody else serve them; their manifests name URLs, which davit asks for nobody's sake. */
static bool may_not_be_distributed(const struct ctrd_descriptor *d)
{
	return strstr(d->media_type, ".foreign.") || strstr(d->media_type, ".nondistributable.");
}

static int tell_elsewhere(const struct fetch *f, struct err *err)
{
	err_clear(err);
	return err_hint(err,
			err_set(err, ERR_NOT_FOUND, "not found at %s: its manifest names another place, which davit does not ask",
				f->g->hosts.v[f->host].name),
			"push the image with all its layers: docker push with allow-nondistributable-artifacts");
}

/* The status, once there is one: 1 when the body may be taken, 0 when something else happened. */
static int fetch_judge(struct fetch *f, struct err *err)
{
	int64_t wait, from;
	bool again;
	int r;

	if (http_ended(f->reply)) {
		r = http_result(f->reply, err);
		if (r < 0 && !http_status(f->reply))
			return fetch_fail(f, r, http_transient(f->reply), 0, err);
		err_clear(err);
	}
	if (http_status(f->reply) == 416 && f->at && anew(f))
		return 0;
	r = registry_judge(f->g, f->host, f->reply, &again, &wait, err);
	if (r == -ERR_NOT_FOUND && may_not_be_distributed(f->d))
		r = tell_elsewhere(f, err);
	if (r < 0)
		return fetch_fail(f, r, again, wait, err);
	from = http_offset(f->reply, f->at);
	if (from < 0 || from > f->at) {
		r = err_set(err, ERR_DATA_LOSS, "it answers with another part than was asked for");
		return fetch_fail(f, r, false, 0, err);
	}
	f->skip = f->at - from;
	f->judged = true;
	return 1;
}

static int take_body(struct fetch *f, struct err *err)
{
	_cleanup_buf_ struct buf body = { 0 };
	size_t drop, n;
	int r;

	http_take(f->reply, &body);
	drop = f->skip < (int64_t)body.len ? (size_t)f->skip : body.len;
	n = body.len - drop;
	if ((int64_t)n > f->d->size - f->at) {
		drop_ingest(f);
		return err_hint(
			err,
			err_set(err, ERR_DATA_LOSS, "longer than the %lld bytes that the manifest says", (long long)f->d->size),
			"the registry or a mirror of it is damaged");
	}
	f->skip -= (int64_t)drop;
	r = n ? content_writer_write(f->writer, body.data + drop, n, &f->g->s->ctx, err) : 0;
	if (r < 0)
		return r;
	f->at += (int64_t)n;
	f->tries = n ? 0 : f->tries;
	progress_at(f->g->s->progress, f->d->digest, f->at);
	return 0;
}

static int fetch_end(struct fetch *f, struct err *err)
{
	bool again = true;
	int r = http_result(f->reply, err);

	if (f->at == f->d->size) { /* whatever was promised beyond it: the digest decides */
		err_clear(err);
		http_reply_free(TAKE_PTR(f->reply));
		return commit(f, err);
	}
	if (r < 0)
		again = http_transient(f->reply);
	else
		r = err_set(err, ERR_DATA_LOSS, "truncated: %lld of %lld bytes came", (long long)f->at, (long long)f->d->size);
	return fetch_fail(f, r, again, 0, err);
}

static bool ready(const struct fetch *f)
{
	switch (f->state) {
	case WAITING:
	case BACKOFF: return clock_mono() >= f->wake;
	case RUNNING: return http_ended(f->reply) || http_body(f->reply)->len >= PIECE;
	case QUEUED:
	case PRESENT: break;
	}
	return false;
}

static int fetch_step(struct fetch *f, struct err *err)
{
	int r = 1;

	if (f->state == WAITING)
		return fetch_begin(f, err);
	if (f->state == BACKOFF) {
		fetch_ask(f);
		return 0;
	}
	if (!f->judged)
		r = fetch_judge(f, err);
	if (r == 1) {
		bool ended = http_ended(f->reply);

		r = take_body(f, err);
		if (r == 0 && ended)
			r = fetch_end(f, err);
	}
	return r;
}

static bool is_present(const struct fetch *f) { return (f->same ? f->same : f)->state == PRESENT; }

static size_t present_from_bottom(const struct fetches *all)
{
	size_t n = 0;

	while (n < all->n && is_present(&all->v[n]))
		n++;
	return n;
}

static size_t busy(const struct fetches *all)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		n += all->v[i].state == RUNNING || all->v[i].state == BACKOFF;
	return n;
}

/* Let every machine go on that can: 1 when one did. */
static int pass(struct fetches *all, struct err *err)
{
	bool moved = false;

	for (size_t i = 0; i < all->n; i++) {
		struct fetch *f = &all->v[i];
		bool start = f->state == QUEUED && !f->same && busy(all) < PARALLEL;
		int r;

		if (!start && !ready(f))
			continue;
		r = start ? fetch_begin(f, err) : fetch_step(f, err);
		if (r < 0)
			return err_wrap(err, r, "layer %s", f->d->digest);
		moved = true;
	}
	return moved;
}

/* Until something happens, or a machine's time has come. */
static int fetch_turn(struct session *s, const struct fetches *all, struct err *err)
{
	struct ctx until = s->ctx;
	int r;

	for (size_t i = 0; i < all->n; i++) {
		const struct fetch *f = &all->v[i];

		if ((f->state == WAITING || f->state == BACKOFF) && (!until.deadline || f->wake < until.deadline))
			until.deadline = f->wake;
	}
	r = loop_turn(s->loop, &until, NULL);
	return r < 0 ? ctx_check(&s->ctx, err) : 0;
}

static void prepare_fetches(struct registry *g, const struct manifest *m, struct fetches *all)
{
	all->v = mem_array(struct fetch, m->n + 1);
	for (all->n = 0; all->n < m->n; all->n++) {
		struct fetch *f = &all->v[all->n];

		*f = (struct fetch){ .g = g, .d = &m->children[all->n] };
		f->ref = mem_printf("layer-%s", f->d->digest);
		for (size_t i = 0; i < all->n && !f->same; i++)
			if (strcmp(all->v[i].d->digest, f->d->digest) == 0)
				f->same = &all->v[i];
		progress_add(g->s->progress, f->d->digest, f->d->size);
	}
}

int fetch_layers(struct registry *g, const struct manifest *m, struct unpack *u, struct err *err)
{
	_cleanup_(fetches_done) struct fetches all = { 0 };
	int r, unpacked;

	prepare_fetches(g, m, &all);
	for (;;) {
		r = pass(&all, err);
		if (r < 0)
			return r;
		unpacked = unpack_step(u, present_from_bottom(&all), err);
		if (unpacked < 0)
			return unpacked;
		if (r == 0 && unpacked == 1 && present_from_bottom(&all) == all.n)
			return 0;
		/* The unpacking's own calls turned the loop: only an idle pass after it may wait. */
		for (size_t i = 0; r == 0 && i < all.n; i++)
			r = ready(&all.v[i]);
		if (r == 0 && !unpack_ready(u, present_from_bottom(&all)))
			r = fetch_turn(g->s, &all, err);
		if (r < 0)
			return r;
	}
}
