/* Hosts are asked in the order of hosts.toml; what one does not have, or cannot say, the next is asked for, and the error of
 * the last one, which is the registry itself, is the one that is told. */
#include "registry.h"
#include "challenge.h"
#include "json.h"
#include "manifest.h"
#include "mem.h"
#include "sha.h"
#include "url.h"
#include <openssl/evp.h>
#include <string.h>

enum { TOKEN_MAX = 1 << 20, BACKOFF_MS = 500, BACKOFF_MAX_MS = 8000, RETRY_AFTER_MAX_S = 30, ANSWER_MS = 120000 };

int registry_open(struct registry *g, struct session *s, const struct ref *ref, const char *hosts_dir, struct err *err)
{
	*g = (struct registry){ .s = s, .ref = ref, .http = http_new(s->loop) };
	return hosts_load(hosts_dir && *hosts_dir ? hosts_dir : HOSTS_DIR, ref->host, &g->hosts, err);
}

void registry_done(struct registry *g)
{
	http_free(g->http);
	hosts_done(&g->hosts);
	hosts_done(&g->others);
	docker_config_done(&g->config);
	free(g->config_path);
	*g = (struct registry){ 0 };
}

/* Docker Hub's credentials stand under its own name. */
static const char *login_name(const struct host *h) { return strcmp(h->name, "registry-1.docker.io") == 0 ? "docker.io" : h->name; }

/* A host that only a redirect named is shown the user's credential for it where its name is certain: over TLS, as checked by
 * the system's authorities, not by what the host that led there is trusted by. */
static bool may_log_in(const struct host *h)
{
	return !h->foreign || (h->tls && !(h->led_by && (h->led_by->skip_verify || h->led_by->ca.n)));
}

static int find_credential(struct registry *g, const struct host *h, struct credential *ret, struct err *err)
{
	int r = !may_log_in(h) || g->config_read ? 0 : docker_config_load(&g->config, &g->config_path, err);

	if (r < 0)
		return r;
	if (!may_log_in(h))
		return 0;
	g->config_read = true;
	return docker_config_find(&g->config, g->s->loop, login_name(h), &g->s->ctx, ret, err);
}

static char *basic(const struct credential *c)
{
	_cleanup_free_ char *plain = mem_printf("%s:%s", c->user, c->secret), *coded = NULL;
	size_t n = strlen(plain);

	coded = mem_zalloc(4 * (n / 3 + 1) + 1);
	(void)EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)plain, (int)n);
	return mem_printf("Basic %s", coded);
}

/* Registries tell strangers no more than this, so that nobody learns which images there are. */
static int refused(const struct registry *g, const struct host *h, struct err *err)
{
	int r = err_set(err, ERR_UNAUTHENTICATED,
			h->login ? "the login for it is refused, or it has no such image"
				 : "it wants a login, or has no such image");

	if (strcmp(login_name(h), "docker.io") == 0)
		return err_hint(err, r, "docker login writes %s", g->config_path ? g->config_path : "~/.docker/config.json");
	return err_hint(err, r, "docker login %s writes one into %s", h->name,
			g->config_path ? g->config_path : "~/.docker/config.json");
}

/* A credential goes to a token service only over TLS, unless the registry itself has none. */
static int check_realm(const struct host *h, const char *realm, struct err *err)
{
	const char *host, *path;
	size_t n;
	bool tls;

	if (strlen(realm) > 2048 || url_split(realm, &tls, &host, &n, &path) < 0)
		return err_set(err, ERR_INVALID, "its token service \"%.200s\" is no address", realm);
	if (h->tls && !tls)
		return err_set(err, ERR_PERMISSION, "its token service %.200s has no TLS", realm);
	return 0;
}

static void add_field(struct buf *b, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	buf_addf(b, "%s%s=", b->len ? "&" : "", key);
	url_escape(b, value);
}

static void token_fields(const struct registry *g, const struct challenge *c, struct buf *b)
{
	_cleanup_free_ char *scope = mem_printf("repository:%s:pull", g->ref->path);

	add_field(b, "service", c->service);
	add_field(b, "scope", c->scope && *c->scope ? c->scope : scope);
}

/* An identity token is exchanged by OAuth2's form, a password by basic authentication, nobody gets an anonymous token. */
static struct http_reply *ask_token(struct registry *g, const struct host *h, const struct challenge *c,
				    const struct credential *cred)
{
	_cleanup_buf_ struct buf fields = { 0 }, url = { 0 };
	_cleanup_free_ char *authorization = NULL;
	struct http_request req = { .tls = h->led_by ? h->led_by : &h->trust, .max = TOKEN_MAX };

	token_fields(g, c, &fields);
	buf_adds(&url, c->realm);
	if (cred->identity) {
		add_field(&fields, "grant_type", "refresh_token");
		add_field(&fields, "client_id", "davit");
		add_field(&fields, "refresh_token", cred->secret);
		req.form = buf_str(&fields);
	} else {
		buf_addf(&url, "%c%s", strchr(c->realm, '?') ? '&' : '?', buf_str(&fields));
		authorization = cred->secret ? basic(cred) : NULL;
		req.authorization = authorization;
	}
	req.url = buf_str(&url);
	return http_start(g->http, &req);
}

static int take_token(struct http_reply *reply, char **ret, struct err *err)
{
	_cleanup_json_ json *j = NULL;
	const char *token;
	int r = json_parse(buf_str(http_body(reply)), http_body(reply)->len, &j, err);

	if (r < 0)
		return err_wrap(err, r, "token service");
	token = json_get_str(j, "token");
	if (!token || !*token)
		token = json_get_str(j, "access_token");
	if (!token || !*token)
		return err_set(err, ERR_UNAUTHENTICATED, "its token service gave no token");
	for (const char *c = token; *c; c++)
		if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f)
			return err_set(err, ERR_INVALID, "its token service gave a damaged token");
	*ret = mem_printf("Bearer %s", token);
	return 0;
}

/* Whether a failure is worth another try, and when the server wants that at the earliest. */
struct retry {
	bool again;
	int64_t wait_ms;
};

static bool passing(int status) { return status == 429 || status == 408 || status >= 500; }

static int64_t retry_after_ms(struct http_reply *reply)
{
	const char *after = http_header(reply, "retry-after");
	long s = after && strspn(after, "0123456789") ? strtol(after, NULL, 10) : 0;

	return 1000 * (s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S);
}

static int get_token(struct registry *g, struct host *h, const struct challenge *c, const struct credential *cred,
		     struct retry *retry, struct err *err)
{
	_cleanup_(http_reply_freep) struct http_reply *reply = NULL;
	_cleanup_free_ char *authorization = NULL;
	int r = check_realm(h, c->realm, err), status;
	struct ctx within;

	if (r < 0)
		return r;
	reply = ask_token(g, h, c, cred);
	within = ctx_within(&g->s->ctx, ANSWER_MS);
	r = http_wait(reply, &within, err);
	retry->again = r < 0 && http_transient(reply);
	if (r < 0)
		return err_wrap(err, r, "token service %.200s", c->realm);
	status = http_status(reply);
	*retry = (struct retry){ passing(status), retry_after_ms(reply) };
	if (status == 400 || status == 401 || status == 403)
		return refused(g, h, err);
	if (status != 200)
		return err_set(err, ERR_UNAVAILABLE, "token service %.200s: HTTP status %d", c->realm, status);
	r = take_token(reply, &authorization, err);
	if (r < 0)
		return r;
	free(h->authorization);
	h->authorization = TAKE_PTR(authorization);
	return 0;
}

/* Answer a host's challenge: its authorization is set, or there is an error. */
static int authenticate(struct registry *g, struct host *h, const char *header, struct retry *retry, struct err *err)
{
	_cleanup_(challenge_done) struct challenge c = { 0 };
	_cleanup_(credential_done) struct credential cred = { 0 };
	int r;

	challenge_parse(header ? header : "", &c);
	if (!header || !*header)
		return err_hint(err,
				err_set(err, ERR_UNAUTHENTICATED, "it refuses access (HTTP status 401) and names no way to log in"),
				"is it an image registry? a proxy may have answered in its place");
	if (!c.basic && !c.bearer)
		return err_set(err, ERR_UNAUTHENTICATED, "it wants a kind of login that davit does not know");
	r = find_credential(g, h, &cred, err);
	if (r < 0)
		return r;
	h->login = r == 1;
	if (c.bearer)
		return get_token(g, h, &c, &cred, retry, err);
	if (r == 0 || cred.identity || h->asked)
		return refused(g, h, err);
	h->asked = true;
	free(h->authorization);
	h->authorization = basic(&cred);
	return 0;
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

static int passing_failure(struct http_reply *reply, int status, struct retry *retry, struct err *err)
{
	char words[200];

	*retry = (struct retry){ true, retry_after_ms(reply) };
	if (status == 429)
		return err_hint(err, err_set(err, ERR_EXHAUSTED, "too many requests%s", its_words(reply, words)),
				"wait, or log in for a higher limit");
	return err_set(err, ERR_UNAVAILABLE, "HTTP status %d%s", status, its_words(reply, words));
}

/* It is asked again when there is something new to say to it. */
static int unauthorized(struct registry *g, struct host *h, struct http_reply *reply, struct retry *retry, struct err *err)
{
	const char *said = http_authorization(reply);
	bool renewed = h->authorization && (!said || strcmp(said, h->authorization) != 0); /* for another layer, since */
	int r = 0;

	if (!renewed && h->authorization && h->asked)
		return refused(g, h, err);
	if (!renewed) {
		h->asked = h->authorization; /* a token that has run out is renewed once per success */
		r = authenticate(g, h, http_header(reply, "www-authenticate"), retry, err);
	}
	if (r < 0 && retry->again)
		h->asked = false;
	if (r < 0)
		return r;
	*retry = (struct retry){ .again = true };
	return err_set(err, ERR_UNAUTHENTICATED, "it wants a login");
}

/* Where a redirect has led, with a login of its own: nothing that is the registry's is said there. */
static int unauthorized_elsewhere(struct registry *g, const struct host *from, struct http_reply *reply, struct retry *retry,
				  struct err *err)
{
	struct host *h = hosts_at(&g->others, http_elsewhere(reply));
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

static void accepted(struct registry *g, struct host *h, struct http_reply *reply)
{
	struct host *other = http_elsewhere(reply) ? hosts_find(&g->others, http_elsewhere(reply)) : NULL;

	h->asked = false;
	if (other)
		other->asked = false;
}

static int judge_reply(struct registry *g, struct host *h, struct http_reply *reply, struct retry *retry, struct err *err)
{
	int status = http_status(reply);
	char words[200];

	if (status == 200 || status == 206) {
		accepted(g, h, reply);
		return 0;
	}
	if (status == 401 && http_elsewhere(reply))
		return unauthorized_elsewhere(g, h, reply, retry, err);
	if (status == 401)
		return unauthorized(g, h, reply, retry, err);
	if (status == 403)
		return err_hint(err, err_set(err, ERR_PERMISSION, "access is denied%s", its_words(reply, words)), "docker login %s",
				login_name(h));
	if (status == 404)
		return err_hint(err, err_set(err, ERR_NOT_FOUND, "not found at %s", h->name), "check its name and tag");
	if (passing(status))
		return passing_failure(reply, status, retry, err);
	return err_set(err, ERR_UNKNOWN, "HTTP status %d%s", status, its_words(reply, words));
}

int registry_judge(struct registry *g, size_t i, struct http_reply *reply, bool *ret_again, int64_t *ret_wait_ms, struct err *err)
{
	struct retry retry = { 0 };
	int r = judge_reply(g, &g->hosts.v[i], reply, &retry, err);

	*ret_again = retry.again;
	*ret_wait_ms = retry.wait_ms;
	return r;
}

static struct http_reply *start_request(struct registry *g, const struct host *h, const char *path, int64_t offset, size_t max)
{
	bool mirror = h != &g->hosts.v[g->hosts.n - 1]; /* is told whose image is meant, as containerd does */
	_cleanup_free_ char *url =
		mem_printf("%s/%s/%s%s%s", h->base, g->ref->path, path, mirror ? "?ns=" : "", mirror ? g->ref->host : "");
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
	const struct ctx within = ctx_within(&g->s->ctx, ANSWER_MS);
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
