#include "docker-config.h"
#include "child.h"
#include "file.h"
#include "json.h"
#include "mem.h"
#include <openssl/evp.h>
#include <pwd.h>
#include <string.h>
#include <sys/wait.h>

enum { FILE_MAX = 1 << 20, SECRET_MAX = 64 << 10, HELPER_MS = 30000 };

void credential_done(struct credential *c)
{
	free(c->user);
	free(c->secret);
	*c = (struct credential){ 0 };
}

void docker_config_done(struct docker_config *d)
{
	for (size_t i = 0; i < d->n; i++) {
		credential_done(&d->v[i]);
		free(d->hosts[i]);
	}
	free(d->v);
	free(d->hosts);
	free(d->store);
	dict_done(&d->helpers);
	*d = (struct docker_config){ 0 };
}

const char *docker_config_key(const char *host) { return strcmp(host, "docker.io") == 0 ? "https://index.docker.io/v1/" : host; }

char *docker_config_host(const char *key)
{
	const char *from = strstr(key, "://");
	char *host;

	from = from ? from + 3 : key;
	host = mem_strndup(from, strcspn(from, "/"));
	if (strcmp(host, "index.docker.io") == 0 || strcmp(host, "registry-1.docker.io") == 0) {
		free(host);
		host = mem_strdup("docker.io");
	}
	return host;
}

/* base64 of "user:password", with the line ends that base64(1) puts in: Docker skips them. */
static bool decode_auth(const char *text, struct credential *c)
{
	_cleanup_strv_ struct strv lines = { 0 };
	_cleanup_free_ unsigned char *plain = NULL;
	_cleanup_free_ char *coded = NULL;
	char *colon;
	size_t n;

	if (strlen(text) > SECRET_MAX)
		return false;
	strv_split(&lines, text, "\r\n");
	coded = strv_join(&lines, "");
	n = strlen(coded);
	plain = mem_zalloc(n + 4);
	if (n % 4 || EVP_DecodeBlock(plain, (const unsigned char *)coded, (int)n) < 0)
		return false;
	colon = strchr((char *)plain, ':');
	if (!colon)
		return false;
	c->user = mem_strndup((char *)plain, (size_t)(colon - (char *)plain));
	c->secret = mem_strdup(colon + 1);
	return true;
}

static void add_auth(struct docker_config *d, const char *key, json *entry)
{
	_cleanup_(credential_done) struct credential c = { 0 };
	const char *auth = json_get_str(entry, "auth"), *identity = json_get_str(entry, "identitytoken");
	const char *user = json_get_str(entry, "username"), *password = json_get_str(entry, "password");

	if (identity && *identity) {
		c.secret = mem_strdup(identity);
		c.identity = true;
	} else if (auth && *auth) {
		if (!decode_auth(auth, &c))
			return;
	} else if (user && password) {
		c.user = mem_strdup(user);
		c.secret = mem_strdup(password);
	} else {
		return; /* a helper has it */
	}
	d->v = mem_grow(d->v, &d->cap, d->n + 1, sizeof *d->v);
	d->hosts = mem_grow(d->hosts, &d->hosts_cap, d->n + 1, sizeof *d->hosts);
	d->hosts[d->n] = docker_config_host(key);
	d->v[d->n++] = TAKE_STRUCT(c);
}

int docker_config_parse(const char *text, size_t len, struct docker_config *ret, struct err *err)
{
	_cleanup_json_ json *root = NULL;
	json *auths, *helpers;
	int r = json_parse(text, len, &root, err);

	if (r < 0)
		return r;
	if (!json_object_is_type(root, json_type_object))
		return err_set(err, ERR_INVALID, "not a JSON object");
	auths = json_get_object(root, "auths");
	helpers = json_get_object(root, "credHelpers");
	ret->store = mem_strdup(json_get_str(root, "credsStore"));
	if (auths) {
		json_object_object_foreach(auths, key, entry)
			add_auth(ret, key, entry);
	}
	if (helpers) {
		json_object_object_foreach(helpers, name, helper) {
			_cleanup_free_ char *host = docker_config_host(name);

			dict_set(&ret->helpers, host, json_text(helper));
		}
	}
	return 0;
}

char *docker_config_path(const char *given)
{
	const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
	const struct passwd *pw = NULL;

	if (given)
		return mem_strdup(given);
	if (dir && *dir)
		return mem_printf("%s/config.json", dir);
	if (!home || !*home) {
		pw = getpwuid(getuid());
		home = pw ? pw->pw_dir : "/root";
	}
	return mem_printf("%s/.docker/config.json", home);
}

int docker_config_load(const char *given, struct docker_config *ret, char **ret_path, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_free_ char *path = docker_config_path(given);
	int r = file_read(path, FILE_MAX, &text, err);

	if (r == -ERR_NOT_FOUND && !given) {
		err_clear(err);
		r = 0;
	} else if (r == 0) {
		r = docker_config_parse(buf_str(&text), text.len, ret, err);
		if (r < 0)
			(void)err_wrap(err, r, "%s", path);
	} else {
		(void)err_wrap(err, r, "credentials");
	}
	if (r == 0)
		*ret_path = TAKE_PTR(path);
	return r;
}

/* The helper's protocol: the registry on standard input, {"Username","Secret"} on standard output; to store, both on the former. */
static int talk_to_helper(struct loop *l, const char *path, const char *verb, const char *input, const struct ctx *ctx,
			  struct buf *answer, struct err *err)
{
	_cleanup_(child_freep) struct child *c = NULL;
	_cleanup_free_ char *word = mem_strdup(verb);
	char *const argv[] = { (char[]){ "docker-credential" }, word, NULL };
	struct child_spec spec = {
		.path = path,
		.argv = argv,
		.input = input,
		.input_len = strlen(input),
		.out_max = SECRET_MAX,
		.err_max = 4096,
		.flood_max = SECRET_MAX,
		.group = true,
	};
	struct ctx within = ctx_within(ctx, HELPER_MS);
	char how[64];
	int r = child_start(l, &spec, &c, err), status;

	if (r < 0)
		return r;
	status = child_wait(c, &within, err);
	if (status < 0)
		return status;
	if (child_flooded(c))
		return err_set(err, ERR_EXHAUSTED, "it writes without end: killed after %d bytes", SECRET_MAX);
	buf_add(answer, buf_str(child_out(c)), child_out(c)->len);
	if (status == 0)
		return 1;
	if (strstr(buf_str(answer), "credentials not found"))
		return 0;
	return err_set(err, ERR_UNAUTHENTICATED, "%s: %.200s", child_describe(status, how),
		       answer->len ? buf_str(answer) : buf_str(child_err(c)));
}

int docker_config_helper(const char *helper, const char *verb, struct loop *l, const char *input, const struct ctx *ctx,
			 struct buf *answer, struct err *err)
{
	_cleanup_free_ char *name = mem_printf("docker-credential-%s", helper), *path = NULL;
	int r;

	if (!strchr(name, '/'))
		path = file_find(getenv("PATH"), name);
	if (!path)
		return err_hint(err, err_set(err, ERR_PRECONDITION, "credential helper %s: not found in PATH", name),
				"install it, or take it out of credsStore and credHelpers in Docker's config.json");
	r = talk_to_helper(l, path, verb, input, ctx, answer, err);
	return r < 0 ? err_wrap(err, r, "credential helper %s", name) : r;
}

int docker_config_ask(const char *helper, struct loop *l, const char *host, const struct ctx *ctx, struct credential *ret,
		      struct err *err)
{
	_cleanup_buf_ struct buf answer = { 0 };
	_cleanup_json_ json *j = NULL;
	const char *user, *secret;
	int r = docker_config_helper(helper, "get", l, docker_config_key(host), ctx, &answer, err);

	if (r == 1) {
		r = json_parse(buf_str(&answer), answer.len, &j, err);
		if (r < 0)
			return err_wrap(err, r, "credential helper docker-credential-%s", helper);
	}
	if (r < 0)
		return r;
	user = json_get_str(j, "Username");
	secret = json_get_str(j, "Secret");
	if (!user || !secret)
		return 0;
	ret->identity = strcmp(user, "<token>") == 0;
	ret->user = ret->identity ? NULL : mem_strdup(user);
	ret->secret = mem_strdup(secret);
	return 1;
}

int docker_config_find(const struct docker_config *d, struct loop *l, const char *host, const struct ctx *ctx,
		       struct credential *ret, struct err *err)
{
	const char *helper = dict_get(&d->helpers, host);

	if (!helper)
		helper = d->store;
	if (helper && *helper) {
		int r = docker_config_ask(helper, l, host, ctx, ret, err);

		if (r != 0)
			return r;
	}
	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(d->hosts[i], host) != 0)
			continue;
		*ret = (struct credential){ mem_strdup(d->v[i].user), mem_strdup(d->v[i].secret), d->v[i].identity };
		return 1;
	}
	return 0;
}
