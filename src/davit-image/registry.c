/* Hosts are asked in the order of hosts.toml; what one does not have, or cannot say, the next is asked for, and the error of
 * the last one, which is the registry itself, is the one that is told. */
#include "registry.h"
#include "json.h"
#include "manifest.h"
#include "mem.h"
#include "registry-login.h"
#include "sha.h"
#include <string.h>

enum { BACKOFF_MS = 500, BACKOFF_MAX_MS = 8000 };

/* TLS with whatever certificate; without TLS only where nothing there speaks it. */
static void trust_it(struct registry *g)
{
	const struct ctx within = ctx_within(&g->s->ctx, REGISTRY_ANSWER_MS);
	const struct host *h = &g->hosts.v[g->hosts.n - 1];
	_cleanup_(http_reply_freep) struct http_reply *reply = NULL;
	_cleanup_free_ char *url = mem_printf("%s/", h->base);

	hosts_trust(&g->hosts, false);
	if (!h->tls)
		return;
	reply = http_start(g->http, &(struct http_request){ .url = url, .tls = &h->trust, .max = MANIFEST_MAX });
	if (http_wait(reply, &within, NULL) < 0 && http_no_tls(reply))
		hosts_trust(&g->hosts, true);
}

int registry_open(struct registry *g, struct session *s, const struct ref *ref, const struct login *login,
		  const struct registry_way *way, struct err *err)
{
	int r;

	*g = (struct registry){ .s = s, .ref = ref, .login = login, .http = http_new(s->loop) };
	r = hosts_load(way->hosts_dir && *way->hosts_dir ? way->hosts_dir : HOSTS_DIR, ref->host, &g->hosts, err);
	if (r == 0 && way->insecure)
		trust_it(g);
	return r;
}

void registry_done(struct registry *g)
{
	http_free(g->http);
	hosts_done(&g->hosts);
	hosts_done(&g->others);
	docker_config_done(&g->config);
	free(g->config_path);
	strv_done(&g->scopes);
	*g = (struct registry){ 0 };
}

/* The registry's own words, where it has any. */
static const char *its_words(struct http_reply *reply, char out[200])
{
	_cleanup_json_ json *j = NULL;
	const char *message;

	out[0] = '\0';
	if (!http_ended(reply) || json_parse(buf_str(http_body(reply)), http_body(reply)->len, &j, NULL) < 0)
		return out;
	message = json_get_str(json_at(json_get_array(j, "errors"), 0), "message");
	if (message)
		(void)snprintf(out, 200, ": %s", message);
	return out;
}

static int passing_failure(struct http_reply *reply, int status, struct registry_retry *retry, struct err *err)
{
	char words[200];

	*retry = (struct registry_retry){ true, registry_retry_after(reply) };
	if (status == 429)
		return err_hint(err, err_set(err, ERR_EXHAUSTED, "too many requests%s", its_words(reply, words)),
				"wait, or log in for a higher limit");
	return err_set(err, ERR_UNAVAILABLE, "HTTP status %d%s", status, its_words(reply, words));
}

/* It is asked again when there is something new to say to it. */
static int unauthorized(struct registry *g, struct host *h, struct http_reply *reply, struct registry_retry *retry, struct err *err)
{
	const char *said = http_authorization(reply);
	bool renewed = h->authorization && (!said || strcmp(said, h->authorization) != 0); /* for another layer, since */
	int r = 0;

	if (!renewed && h->authorization && h->asked)
		return registry_refused(g, h, err);
	if (!renewed) {
		h->asked = h->authorization; /* a token that has run out is renewed once per success */
		r = registry_log_in(g, h, http_header(reply, "www-authenticate"), retry, err);
	}
	if (r < 0 && retry->again)
		h->asked = false;
	if (r < 0)
		return r;
	*retry = (struct registry_retry){ .again = true };
	return err_set(err, ERR_UNAUTHENTICATED, "it wants a login");
}

/* Where a redirect has led, with a login of its own: nothing that is the registry's is said there. */
static int unauthorized_elsewhere(struct registry *g, const struct host *from, struct http_reply *reply,
				  struct registry_retry *retry, struct err *err)
{
	struct host *h = hosts_at(&g->others, http_url(reply));
	int r;

	if (!h)
		return err_set(err, ERR_UNAUTHENTICATED, "it redirects to ever more hosts that want a login");
	h->led_by = &from->trust;
	r = unauthorized(g, h, reply, retry, err);
	return retry->again ? r : err_wrap(err, r, "it redirects to %s", h->name);
}

/* What http.h asks for on the way. */
static const char *authorize(void *arg, const char *url)
{
	const struct registry *g = arg;
	const struct host *h = hosts_find(&g->others, url);

	return h ? h->authorization : NULL;
}

/* The answer is of another one than the host, since a redirect or the registry's Location led there: its address, else NULL. */
static const char *answered_elsewhere(const struct host *h, const struct http_reply *reply)
{
	return host_is(h, http_url(reply)) ? NULL : http_url(reply);
}

static void accepted(struct registry *g, struct host *h, struct http_reply *reply)
{
	const char *url = answered_elsewhere(h, reply);
	struct host *other = url ? hosts_find(&g->others, url) : NULL;

	h->asked = false;
	if (other)
		other->asked = false;
}

static int judge_reply(struct registry *g, struct host *h, struct http_reply *reply, struct registry_retry *retry, struct err *err)
{
	int status = http_status(reply);
	char words[200];

	if (status == 200 || status == 206 || (g->scopes.n && (status == 201 || status == 202 || status == 204))) {
		accepted(g, h, reply);
		return 0;
	}
	if (status == 401 && answered_elsewhere(h, reply))
		return unauthorized_elsewhere(g, h, reply, retry, err);
	if (status == 401)
		return unauthorized(g, h, reply, retry, err);
	if (status == 403)
		return err_hint(err, err_set(err, ERR_PERMISSION, "access is denied%s", its_words(reply, words)), "davit login %s",
				registry_login_name(h));
	if (status == 404)
		return err_hint(err, err_set(err, ERR_NOT_FOUND, "not found at %s", h->name), "check its name and tag");
	if (registry_passing(status))
		return passing_failure(reply, status, retry, err);
	return err_set(err, ERR_UNKNOWN, "HTTP status %d%s", status, its_words(reply, words));
}

int registry_judge(struct registry *g, size_t i, struct http_reply *reply, bool *ret_again, int64_t *ret_wait_ms, struct err *err)
{
	struct registry_retry retry = { 0 };
	int r = judge_reply(g, &g->hosts.v[i], reply, &retry, err);

	*ret_again = retry.again;
	*ret_wait_ms = retry.wait_ms;
	return r;
}

/* @path NULL: what the registry says of itself. */
static struct http_reply *start_request(struct registry *g, const struct host *h, const char *path, int64_t offset, size_t max)
{
	bool mirror = h != &g->hosts.v[g->hosts.n - 1]; /* is told whose image is meant, as containerd does */
	_cleanup_free_ char *url =
		path ? mem_printf("%s/%s/%s%s%s", h->base, g->ref->path, path, mirror ? "?ns=" : "", mirror ? g->ref->host : "")
		     : mem_printf("%s/", h->base);
	struct http_request req = {
		.url = url,
		.accept = MEDIA_OCI_INDEX ", " MEDIA_DOCKER_LIST ", " MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_MANIFEST ", */*",
		.headers = h->headers,
		.authorization = h->authorization,
		.authorize = authorize,
		.authorize_arg = g,
		.tls = &h->trust,
		.offset = offset,
		.max = max,
	};

	return http_start(g->http, &req);
}

struct http_reply *registry_begin(struct registry *g, size_t i, const struct registry_ask *a)
{
	const struct host *h = &g->hosts.v[i];
	_cleanup_free_ char *url = a->url ? mem_strdup(a->url) : mem_printf("%s/%s/%s", h->base, g->ref->path, a->path);
	bool own = host_is(h, url);
	_cleanup_strv_ struct strv headers = { 0 };
	struct http_request req = {
		.url = url,
		.method = a->method,
		.content_type = a->content_type,
		.length = a->length,
		.authorization = own ? h->authorization : authorize(g, url),
		.authorize = authorize,
		.authorize_arg = g,
		.tls = &h->trust,
		.max = MANIFEST_MAX,
	};

	if (own)
		strv_add(&headers, &h->headers);
	if (a->range)
		strv_pushf(&headers, "Content-Range: %s", a->range);
	req.headers = headers;
	return http_start(g->http, &req);
}

int registry_pushes(struct registry *g, size_t *ret, struct err *err)
{
	for (size_t i = 0; i < g->hosts.n; i++)
		if (g->hosts.v[i].push)
			return *ret = i, 0;
	return err_set(err, ERR_PRECONDITION, "no host of %s takes images (capabilities of hosts.toml)", g->ref->host);
}

struct http_reply *registry_stream(struct registry *g, size_t i, const char *digest, int64_t offset)
{
	_cleanup_free_ char *path = mem_printf("blobs/%s", digest);

	return start_request(g, &g->hosts.v[i], path, offset, 0);
}

static int64_t backoff(int tries, int64_t asked)
{
	int64_t ms = (int64_t)BACKOFF_MS << (tries < 5 ? tries : 5);

	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	return asked > ms ? asked : ms;
}

/* One question: @again and @wait as registry_judge() has them. */
static int ask_once(struct registry *g, size_t i, const char *path, size_t max, struct buf *ret, bool *again, int64_t *wait,
		    struct err *err)
{
	_cleanup_(http_reply_freep) struct http_reply *reply = start_request(g, &g->hosts.v[i], path, 0, max);
	const struct ctx within = ctx_within(&g->s->ctx, REGISTRY_ANSWER_MS);
	int r = http_wait(reply, &within, err);

	*wait = 0;
	*again = r < 0 && http_transient(reply);
	if (*again && i + 1 < g->hosts.n) { /* a mirror is no reason to wait */
		g->hosts.v[i].down = true;
		*again = false;
	}
	if (r == 0)
		r = registry_judge(g, i, reply, again, wait, err);
	if (r == 0)
		buf_add(ret, buf_str(http_body(reply)), http_body(reply)->len);
	return r;
}

/* One host, with its passing failures. */
static int ask_host(struct registry *g, size_t i, const char *path, size_t max, struct buf *ret, struct err *err)
{
	for (int tries = 0;; tries++) {
		int64_t wait;
		bool again;
		int r = ask_once(g, i, path, max, ret, &again, &wait, err);

		if (r == 0)
			return 0;
		if (!again || tries + 1 >= REGISTRY_TRIES || ctx_check(&g->s->ctx, NULL) < 0)
			return r == -ERR_NOT_FOUND ? r : err_wrap(err, r, "%s", g->hosts.v[i].name);
		if (r != -ERR_UNAUTHENTICATED && session_pause(g->s, backoff(tries, wait), NULL) < 0)
			return err_wrap(err, r, "%s", g->hosts.v[i].name);
		err_clear(err);
	}
}

int registry_ping(struct registry *g, struct err *err)
{
	_cleanup_buf_ struct buf ignored = { 0 };
	size_t i = g->hosts.n - 1;
	int r = ask_host(g, i, NULL, MANIFEST_MAX, &ignored, err);

	return r < 0 ? r : g->hosts.v[i].login;
}

static int ask_all_hosts(struct registry *g, const char *path, bool tag, size_t max, struct buf *ret, struct err *err)
{
	int r = err_set(err, ERR_PRECONDITION, "no host of %s may be asked for it (capabilities of hosts.toml)", g->ref->host);

	for (size_t i = 0; i < g->hosts.n; i++) {
		const struct host *h = &g->hosts.v[i];

		if (h->down || (tag ? !h->resolve : !h->pull))
			continue;
		err_clear(err);
		r = ask_host(g, i, path, max, ret, err);
		if (r == 0 || ctx_check(&g->s->ctx, NULL) < 0)
			break;
	}
	return r;
}

static int verify(const struct buf *data, const char *digest, struct err *err)
{
	char is[DIGEST_TEXT];

	if (strcmp(sha_of(data->data, data->len, is), digest) == 0)
		return 0;
	return err_hint(err, err_set(err, ERR_DATA_LOSS, "wrong digest: %s was wanted, %s came", digest, is),
			"the registry or a mirror of it is damaged");
}

int registry_manifest(struct registry *g, const char *what, struct buf *ret, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("manifests/%s", what);
	bool digest = digest_valid(what);
	int r = ask_all_hosts(g, path, !digest, MANIFEST_MAX, ret, err);

	return r == 0 && digest ? verify(ret, what, err) : r;
}

int registry_blob(struct registry *g, const char *digest, int64_t size, struct buf *ret, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("blobs/%s", digest);
	int r;

	if (size > MANIFEST_MAX)
		return err_set(err, ERR_EXHAUSTED, "%s: %lld bytes are more than a configuration has", digest, (long long)size);
	r = ask_all_hosts(g, path, false, MANIFEST_MAX, ret, err);
	return r == 0 ? verify(ret, digest, err) : r;
}
