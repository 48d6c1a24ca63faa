#include "registry-login.h"
#include "challenge.h"
#include "json.h"
#include "mem.h"
#include "url.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_MAX = 1 << 20, RETRY_AFTER_MAX_S = 30 };

const char *registry_login_name(const struct host *h)
{
	return strcmp(h->name, "registry-1.docker.io") == 0 ? "docker.io" : h->name;
}

/* A host that only a redirect named is shown the user's credential for it where its name is certain: over TLS, as checked by
 * the system's authorities, not by what the host that led there is trusted by. */
static bool may_log_in(const struct host *h)
{
	return !h->foreign || (h->tls && !(h->led_by && (h->led_by->skip_verify || h->led_by->ca.n)));
}

/* The credential that was given is the registry's: no mirror, and nobody that it leads to, sees it. */
static bool login_is_for(const struct registry *g, const struct host *h)
{
	return g->login->cred.secret && !h->foreign && strcmp(registry_login_name(h), g->ref->host) == 0;
}

static int find_credential(struct registry *g, const struct host *h, struct credential *ret, struct err *err)
{
	int r;

	if (!may_log_in(h))
		return 0;
	if (login_is_for(g, h)) {
		*ret = (struct credential){ mem_strdup(g->login->cred.user), mem_strdup(g->login->cred.secret), false };
		return 1;
	}
	r = g->config_read || g->login->no_file ? 0 : docker_config_load(g->login->file, &g->config, &g->config_path, err);
	if (r < 0)
		return r;
	g->config_read = true;
	r = docker_config_find(&g->config, g->s->loop, registry_login_name(h), &g->s->ctx, ret, err);
	if (r == 0 && g->login->helper)
		r = docker_config_ask(g->login->helper, g->s->loop, registry_login_name(h), &g->s->ctx, ret, err);
	return r;
}

static char *basic(const struct credential *c)
{
	_cleanup_free_ char *plain = mem_printf("%s:%s", c->user, c->secret), *coded = NULL;
	size_t n = strlen(plain);

	coded = mem_zalloc(4 * (n / 3 + 1) + 1);
	(void)EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)plain, (int)n);
	return mem_printf("Basic %s", coded);
}

int registry_refused(const struct registry *g, const struct host *h, struct err *err)
{
	int r = err_set(err, ERR_UNAUTHENTICATED,
			g->ref->path && !g->scopes.n ? h->login ? "the login for it is refused, or it has no such image"
								: "it wants a login, or has no such image"
			: h->login                   ? "the login for it is refused"
						     : "it wants a login");

	if (login_is_for(g, h))
		return err_hint(err, r,
				g->ref->path ? "is what --creds or the job's auth says right?"
					     : "are user name and password right?");
	if (strcmp(registry_login_name(h), "docker.io") == 0)
		return err_hint(err, r, "davit login writes %s", g->config_path ? g->config_path : "~/.docker/config.json");
	return err_hint(err, r, "davit login %s writes one into %s", h->name,
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

/* Of several scopes each is a field of an address, and all are one of a form. */
static void token_fields(const struct registry *g, const struct challenge *c, bool form, struct buf *b)
{
	_cleanup_free_ char *pull = g->ref->path ? mem_printf("repository:%s:pull", g->ref->path) : NULL;
	_cleanup_free_ char *all = g->scopes.n ? strv_join(&g->scopes, " ") : NULL;

	add_field(b, "service", c->service);
	for (size_t i = 0; !form && i < g->scopes.n; i++)
		add_field(b, "scope", g->scopes.v[i]);
	if (form && all)
		add_field(b, "scope", all);
	if (!g->scopes.n)
		add_field(b, "scope", c->scope && *c->scope ? c->scope : pull);
}

/* An identity token is exchanged by OAuth2's form, a password by basic authentication, nobody gets an anonymous token. */
static struct http_reply *ask_token(struct registry *g, const struct host *h, const struct challenge *c,
				    const struct credential *cred)
{
	_cleanup_buf_ struct buf fields = { 0 }, url = { 0 };
	_cleanup_free_ char *authorization = NULL;
	struct http_request req = { .tls = h->led_by ? h->led_by : &h->trust, .max = TOKEN_MAX };

	token_fields(g, c, cred->identity, &fields);
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

bool registry_passing(int status) { return status == 429 || status == 408 || status >= 500; }

int64_t registry_retry_after(struct http_reply *reply)
{
	const char *after = http_header(reply, "retry-after");
	long s = after && strspn(after, "0123456789") ? strtol(after, NULL, 10) : 0;

	return 1000 * (s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S);
}

static int get_token(struct registry *g, struct host *h, const struct challenge *c, const struct credential *cred,
		     struct registry_retry *retry, struct err *err)
{
	_cleanup_(http_reply_freep) struct http_reply *reply = NULL;
	_cleanup_free_ char *authorization = NULL;
	int r = check_realm(h, c->realm, err), status;
	struct ctx within;

	if (r < 0)
		return r;
	reply = ask_token(g, h, c, cred);
	within = ctx_within(&g->s->ctx, REGISTRY_ANSWER_MS);
	r = http_wait(reply, &within, err);
	retry->again = r < 0 && http_transient(reply);
	if (r < 0)
		return err_wrap(err, r, "token service %.200s", c->realm);
	status = http_status(reply);
	*retry = (struct registry_retry){ registry_passing(status), registry_retry_after(reply) };
	if (status == 400 || status == 401 || status == 403)
		return registry_refused(g, h, err);
	if (status != 200)
		return err_set(err, ERR_UNAVAILABLE, "token service %.200s: HTTP status %d", c->realm, status);
	r = take_token(reply, &authorization, err);
	if (r < 0)
		return r;
	free(h->authorization);
	h->authorization = TAKE_PTR(authorization);
	return 0;
}

int registry_log_in(struct registry *g, struct host *h, const char *header, struct registry_retry *retry, struct err *err)
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
		return registry_refused(g, h, err);
	h->asked = true;
	free(h->authorization);
	h->authorization = basic(&cred);
	return 0;
}
