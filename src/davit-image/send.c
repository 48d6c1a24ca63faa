/* Each blob is a small state machine, as in fetch.c: one pass lets every machine go as far as it can without waiting, then the loop
 * turns until one of them can go on. What is read from containerd waits in the request until it has gone: a quarter of a MiB each.
 *
 *   QUEUED -> ASKING (is it there?) -> OPENING (an upload, or a mount from another repository) -> SENDING -> [CLOSING] -> THERE
 *   SENDING -> (broken: BACKOFF) -> LOOKING (how much has come?) -> SENDING, the rest
 *
 * Sent is in one PUT, which every registry takes. In parts (PATCH, and then an empty PUT) goes what a broken connection has left to
 * be sent, and what is refused for its size: then the parts become smaller. */
#include "send.h"
#include "clock.h"
#include "content.h"
#include "fetch.h"
#include "mem.h"
#include "url.h"
#include <inttypes.h>
#include <string.h>

enum {
	PARALLEL = 3,
	AHEAD = 256 << 10,   /* bytes that wait for the network */
	PART_MAX = 16 << 20, /* of what is refused whole; then a quarter of that, and so on */
	PART_MIN = 1 << 20,
	CALL_MS = 60000,
	BACKOFF_MS = 500,
	BACKOFF_MAX_MS = 8000,
	LEADS_MAX = 10, /* Locations that a server may send us to for one part */
};

enum state { QUEUED, ASKING, OPENING, SENDING, CLOSING, LOOKING, BACKOFF, THERE };

struct send {
	struct registry *g;
	size_t host;
	const struct send_blob *b;
	enum state state, next; /* next: of BACKOFF */
	struct http_reply *reply;
	struct ctrd_call *read; /* from containerd, of the part that is sent */
	char *where;            /* the upload goes on there; NULL: none was opened */
	int64_t at, end;        /* bytes that the registry has; where the part ends that is sent */
	int64_t most;           /* bytes that it ever had: only more than that is progress */
	int64_t fed, part;      /* bytes handed on; of a part, 0: all at once */
	int64_t wake, said;     /* clock_mono(): of BACKOFF; when containerd was heard last */
	bool patch;             /* in parts */
	bool led;               /* @where is where a redirect of the closing request leads */
	int tries, leads;
};

struct sends {
	struct send *v;
	size_t n;
};

static void send_stop(struct send *f)
{
	http_reply_free(TAKE_PTR(f->reply));
	ctrd_call_free(TAKE_PTR(f->read));
}

static void sends_done(struct sends *all)
{
	for (size_t i = 0; i < all->n; i++) {
		send_stop(&all->v[i]);
		free(all->v[i].where);
	}
	free(all->v);
}

static const char *host_name(const struct send *f) { return f->g->hosts.v[f->host].name; }

static int send_there(struct send *f, struct err *err)
{
	send_stop(f);
	f->state = THERE;
	progress_state(f->g->s->progress, f->b->d.digest, PROGRESS_DONE);
	return fetch_note_source(f->g->s, f->g->ref, f->b->d.digest, err);
}

static void send_ask(struct send *f)
{
	_cleanup_free_ char *path = mem_printf("blobs/%s", f->b->d.digest);

	f->state = ASKING;
	f->reply = registry_begin(f->g, f->host, &(struct registry_ask){ .method = "HEAD", .path = path });
}

static void send_open(struct send *f)
{
	_cleanup_buf_ struct buf path = { 0 };

	buf_adds(&path, "blobs/uploads/");
	if (f->b->from) {
		buf_addf(&path, "?mount=%s&from=", f->b->d.digest);
		url_escape(&path, f->b->from);
	}
	f->at = 0;
	f->state = OPENING;
	/* @where: NULL, but where a redirect leads */
	f->reply =
		registry_begin(f->g, f->host, &(struct registry_ask){ .method = "POST", .path = buf_str(&path), .url = f->where });
}

/* The address with the digest, which ends an upload. */
static char *closing_url(const struct send *f)
{
	_cleanup_buf_ struct buf url = { 0 };

	if (f->led) /* it has it */
		return mem_strdup(f->where);
	buf_addf(&url, "%s%cdigest=", f->where, strchr(f->where, '?') ? '&' : '?');
	url_escape(&url, f->b->d.digest);
	return buf_take(&url);
}

static void send_part(struct send *f)
{
	int64_t left = f->b->d.size - f->at, part = f->patch && f->part && f->part < left ? f->part : left;
	_cleanup_free_ char *url = f->patch ? mem_strdup(f->where) : closing_url(f);
	_cleanup_free_ char *range = mem_printf("%" PRId64 "-%" PRId64, f->at, f->at + part - 1);

	f->end = f->at + part;
	f->fed = f->at;
	f->state = SENDING;
	f->said = clock_mono();
	f->read = content_stream_begin(f->g->s->ctrd, f->b->d.digest, f->at, &f->g->s->ctx);
	f->reply = registry_begin(f->g, f->host,
				  &(struct registry_ask){ .method = f->patch ? "PATCH" : "PUT",
							  .url = url,
							  .content_type = "application/octet-stream",
							  .range = f->patch ? range : NULL,
							  .length = part });
	progress_state(f->g->s->progress, f->b->d.digest, PROGRESS_PUSHING);
}

static void send_closing(struct send *f)
{
	_cleanup_free_ char *url = closing_url(f);

	f->state = CLOSING;
	f->reply = registry_begin(f->g, f->host, &(struct registry_ask){ .method = "PUT", .url = url });
}

static void send_look(struct send *f)
{
	f->state = LOOKING;
	f->reply = registry_begin(f->g, f->host, &(struct registry_ask){ .method = "GET", .url = f->where });
}

/* From the beginning: the upload that was open is forgotten, which the registry clears away some day. */
static void send_anew(struct send *f)
{
	send_stop(f);
	free(TAKE_PTR(f->where));
	f->at = 0;
	f->patch = f->part;
	send_open(f);
}

static void send_begin(struct send *f, enum state state)
{
	switch (state) {
	case ASKING: send_ask(f); break;
	case OPENING: send_open(f); break;
	case SENDING: f->at == f->b->d.size ? send_closing(f) : send_part(f); break;
	case CLOSING: send_closing(f); break;
	case LOOKING: send_look(f); break;
	case QUEUED:
	case BACKOFF:
	case THERE: break;
	}
}

static int send_fail(struct send *f, int r, bool again, int64_t wait_ms, struct err *err)
{
	enum state was = f->state;
	bool sent = was == SENDING || was == CLOSING;
	int64_t ms;

	send_stop(f);
	if (ctx_check(&f->g->s->ctx, NULL) < 0)
		return r;
	if (!again || ++f->tries >= REGISTRY_TRIES)
		return err_wrap(err, r, "%s", host_name(f));
	ms = (int64_t)BACKOFF_MS << (f->tries - 1);
	ms = r == -ERR_UNAUTHENTICATED ? 0 : ms > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : ms;
	f->state = BACKOFF;
	f->next = sent && r != -ERR_UNAUTHENTICATED ? LOOKING : was;
	f->wake = clock_mono() + (ms > wait_ms ? ms : wait_ms) * NSEC_PER_MSEC;
	err_clear(err);
	return 0;
}

/* What pull does not know: statuses of an upload that are no passing failure. */
static int upload_refused(const struct send *f, int status, struct err *err)
{
	const char *path = f->g->ref->path;

	if (status == 404)
		return err_hint(err, err_set(err, ERR_NOT_FOUND, "it knows no repository %s", path),
				"is the name right? some want it made first");
	if (status == 405)
		return err_set(err, ERR_UNIMPLEMENTED, "it takes no images (HTTP status 405)");
	return err_hint(
		err,
		err_set(err, ERR_EXHAUSTED, "a part of %" PRId64 " bytes is too large for it (HTTP status 413)", f->end - f->at),
		"a proxy before the registry may have a limit: client_max_body_size of nginx");
}

/* Smaller parts, as long as there are some. */
static bool shrink(struct send *f)
{
	int64_t sent = f->end - f->at, part = f->part ? f->part / 4 : PART_MAX;

	while (part >= sent)
		part /= 4;
	if (part < PART_MIN)
		return false;
	f->part = part;
	send_anew(f);
	return true;
}

/* Where the upload goes on: over TLS what began so. Of the same name it is the same origin, whatever a proxy has made of the
 * scheme. */
static int take_where(struct send *f, struct err *err)
{
	const struct host *h = &f->g->hosts.v[f->host];
	_cleanup_free_ char *url = http_location(f->reply), *tls = NULL;
	const char *host, *path;
	bool is_tls;
	size_t n;

	if (url && strncmp(url, "http://", 7) == 0 && h->tls) {
		tls = mem_printf("https://%s", url + 7);
		if (!host_is(h, tls))
			return err_set(err, ERR_PERMISSION, "it leads the upload to %.200s, which has no TLS", url);
	}
	if (!url && !f->where)
		return err_set(err, ERR_UNKNOWN, "it does not say where the upload goes on");
	if (!url)
		return 0;
	if (url_split(url, &is_tls, &host, &n, &path) < 0)
		return err_set(err, ERR_INVALID, "it leads the upload to \"%.200s\", which is no address", url);
	free(f->where);
	f->where = tls ? TAKE_PTR(tls) : TAKE_PTR(url);
	return 0;
}

static int led_on(struct send *f, struct err *err)
{
	enum state state = f->state;
	int r = take_where(f, err);

	f->led = state == CLOSING || (state == SENDING && !f->patch);
	if (r == 0 && ++f->leads > LEADS_MAX)
		r = err_set(err, ERR_UNAVAILABLE, "more than %d redirects", LEADS_MAX);
	if (r < 0)
		return send_fail(f, r, false, 0, err);
	send_stop(f);
	send_begin(f, state);
	return 0;
}

/* The upload was opened, a part has come, or all is there. */
static int send_accepted(struct send *f, int status, struct err *err)
{
	enum state state = f->state;
	int r;

	if (state == ASKING || state == CLOSING || (state == OPENING && status == 201) || (state == SENDING && !f->patch))
		return send_there(f, err);
	r = take_where(f, err);
	f->led = false;
	if (r < 0)
		return send_fail(f, r, false, 0, err);
	if (state == SENDING) {
		f->at = f->end;
		f->leads = 0;
		if (f->at > f->most) {
			f->most = f->at;
			f->tries = 0;
		}
	}
	send_stop(f);
	send_begin(f, SENDING);
	return 0;
}

/* "0-1023" or "bytes=0-1023": the bytes that have come. 0: none, or it does not say. */
static int64_t come_so_far(const struct http_reply *reply)
{
	const char *range = http_header(reply, "range"), *dash;

	if (!range)
		return 0;
	range += strncmp(range, "bytes=", 6) == 0 ? 6 : 0;
	dash = strncmp(range, "0-", 2) == 0 ? range + 1 : NULL;
	return dash && strspn(dash + 1, "0123456789") ? strtoll(dash + 1, NULL, 10) + 1 : 0;
}

/* How far a broken upload came. Where the registry does not say, or has forgotten it, all is sent again. */
static int send_looked(struct send *f, int status, struct err *err)
{
	int64_t come = status == 204 || status == 202 || status == 200 ? come_so_far(f->reply) : 0;

	if (come <= f->at || come > f->b->d.size || take_where(f, err) < 0) {
		err_clear(err);
		send_anew(f);
		return 0;
	}
	f->at = come;
	f->patch = true;
	send_stop(f);
	send_begin(f, SENDING);
	return 0;
}

static bool says_digest(struct http_reply *reply) { return strstr(buf_str(http_body(reply)), "DIGEST_INVALID"); }

static int send_judge(struct send *f, int status, struct err *err)
{
	enum state state = f->state;
	bool again, sent = state == SENDING || state == CLOSING;
	int64_t wait;
	int r;

	if (state == ASKING && status == 404) {
		send_stop(f);
		send_open(f);
		return 0;
	}
	if ((status == 307 || status == 308) && http_header(f->reply, "location"))
		return led_on(f, err);
	if (state == LOOKING && status != 401 && !(status >= 500))
		return send_looked(f, status, err);
	if (state == SENDING && status == 413 && shrink(f))
		return 0;
	if (sent && says_digest(f->reply))
		return send_fail(f,
				 err_hint(err, err_set(err, ERR_DATA_LOSS, "it got something else than the image says"),
					  "the blob is damaged in containerd's store, or was on its way: remove the image and "
					  "fetch it again"),
				 false, 0, err);
	if (sent && (status == 400 || status == 404 || status == 416) && f->tries + 1 < REGISTRY_TRIES) {
		f->tries++; /* it has lost the upload */
		send_anew(f);
		return 0;
	}
	if (status == 404 || status == 405 || status == 413)
		return send_fail(f, upload_refused(f, status, err), false, 0, err);
	r = registry_judge(f->g, f->host, f->reply, &again, &wait, err);
	return r < 0 ? send_fail(f, r, again, wait, err) : send_accepted(f, status, err);
}

static bool send_hungry(const struct send *f)
{
	return f->state == SENDING && f->read && f->fed < f->end && http_unsent(f->reply) < AHEAD;
}

/* A piece of the blob to the request. */
static int send_feed(struct send *f, struct err *err)
{
	const struct ctx within = ctx_within(&f->g->s->ctx, CALL_MS);
	_cleanup_buf_ struct buf piece = { 0 };
	size_t n;
	int r = content_stream_next(f->read, &within, &piece, err);

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, ERR_DATA_LOSS, "it has %" PRId64 " bytes in containerd's store instead of %" PRId64, f->fed,
			       f->b->d.size);
	n = (int64_t)piece.len < f->end - f->fed ? piece.len : (size_t)(f->end - f->fed);
	http_feed(f->reply, piece.data, n);
	f->fed += (int64_t)n;
	f->said = clock_mono();
	if (f->fed == f->end)
		ctrd_call_free(TAKE_PTR(f->read));
	progress_at(f->g->s->progress, f->b->d.digest, f->fed - (int64_t)http_unsent(f->reply));
	return 0;
}

static bool send_ready(const struct send *f)
{
	switch (f->state) {
	case QUEUED:
	case THERE: return false;
	case BACKOFF: return clock_mono() >= f->wake;
	case SENDING:
		if (send_hungry(f) && (content_stream_ready(f->read) || clock_mono() - f->said > CALL_MS * NSEC_PER_MSEC))
			return true;
		break;
	case ASKING:
	case OPENING:
	case CLOSING:
	case LOOKING: break;
	}
	return http_ended(f->reply);
}

static int send_step(struct send *f, struct err *err)
{
	int r, status;

	if (f->state == BACKOFF) {
		if (f->next == LOOKING && !f->where)
			f->next = OPENING;
		send_begin(f, f->next);
		return 0;
	}
	if (!http_ended(f->reply))
		return content_stream_ready(f->read) ? send_feed(f, err)
						     : err_set(err, ERR_DEADLINE, "containerd does not read it");
	status = http_status(f->reply);
	r = http_result(f->reply, err);
	if (r < 0 && status < 300)
		return send_fail(f, r, http_transient(f->reply), 0, err);
	err_clear(err);
	return send_judge(f, status, err);
}

static size_t send_busy(const struct sends *all)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		n += all->v[i].state != QUEUED && all->v[i].state != THERE;
	return n;
}

/* 1: something moved; 0: all wait for something. */
static int send_pass(struct sends *all, struct err *err)
{
	int moved = 0, r;

	for (size_t i = 0; i < all->n; i++) {
		struct send *f = &all->v[i];

		if (f->state == QUEUED && send_busy(all) < PARALLEL) {
			send_ask(f);
			moved = 1;
		}
		if (!send_ready(f))
			continue;
		r = send_step(f, err);
		if (r < 0)
			return err_wrap(err, r, "blob %s", f->b->d.digest);
		moved = 1;
	}
	return moved;
}

static int send_turn(struct session *s, const struct sends *all, struct err *err)
{
	struct ctx until = s->ctx;
	int r;

	for (size_t i = 0; i < all->n; i++) {
		const struct send *f = &all->v[i];
		int64_t wake = f->state == BACKOFF ? f->wake : send_hungry(f) ? f->said + (CALL_MS + 1) * NSEC_PER_MSEC : 0;

		if (wake && (!until.deadline || wake < until.deadline))
			until.deadline = wake;
	}
	r = loop_turn(s->loop, &until, NULL);
	return r < 0 ? ctx_check(&s->ctx, err) : 0;
}

int send_blobs(struct registry *g, size_t host, const struct send_blob *blobs, size_t n, struct err *err)
{
	_cleanup_(sends_done) struct sends all = { .v = mem_array(struct send, n + 1), .n = n };
	int r;

	for (size_t i = 0; i < n; i++) {
		all.v[i] = (struct send){ .g = g, .host = host, .b = &blobs[i] };
		progress_add(g->s->progress, blobs[i].d.digest, blobs[i].d.size);
	}
	for (;;) {
		r = send_pass(&all, err);
		if (r < 0 || (r == 0 && !send_busy(&all)))
			return r;
		if (r == 0)
			r = send_turn(g->s, &all, err);
		if (r < 0)
			return r;
	}
}

/* One try: *ret_again as registry_judge() has it. */
static int send_manifest_once(struct registry *g, size_t host, const struct registry_ask *a, const struct buf *data,
			      bool *ret_again, int64_t *ret_wait, struct err *err)
{
	_cleanup_(http_reply_freep) struct http_reply *reply = registry_begin(g, host, a);
	const struct ctx within = ctx_within(&g->s->ctx, REGISTRY_ANSWER_MS);
	int r, status;

	http_feed(reply, data->data, data->len);
	r = http_wait(reply, &within, err);
	*ret_wait = 0;
	*ret_again = r < 0 && http_transient(reply);
	if (r < 0)
		return r;
	status = http_status(reply);
	if (status == 404)
		return err_hint(err, err_set(err, ERR_NOT_FOUND, "it knows no repository %s", g->ref->path),
				"is the name right? some want it made first");
	return registry_judge(g, host, reply, ret_again, ret_wait, err);
}

int send_manifest(struct registry *g, size_t host, const char *what, const struct ctrd_descriptor *d, const struct buf *data,
		  struct err *err)
{
	_cleanup_free_ char *path = mem_printf("manifests/%s", what);
	const struct registry_ask ask = {
		.method = "PUT", .path = path, .content_type = d->media_type, .length = (int64_t)data->len
	};

	for (int tries = 0;; tries++) {
		int64_t wait, ms = (int64_t)BACKOFF_MS << tries;
		bool again;
		int r = send_manifest_once(g, host, &ask, data, &again, &wait, err);

		if (r == 0)
			return 0;
		if (!again || tries + 1 >= REGISTRY_TRIES || ctx_check(&g->s->ctx, NULL) < 0)
			return err_wrap(err, r, "%s: manifest %s", g->hosts.v[host].name, d->digest);
		err_clear(err);
		if (r != -ERR_UNAUTHENTICATED)
			(void)session_pause(g->s, wait > ms ? wait : ms, NULL);
	}
}
