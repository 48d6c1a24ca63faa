#include "hosts.h"
#include "file.h"
#include "mem.h"
#include "toml.h"
#include "url.h"
#include <string.h>
#include <strings.h>

enum { FILE_MAX = 1 << 20, HOSTS_MAX = 32 };

void hosts_done(struct hosts *h)
{
	for (size_t i = 0; i < h->n; i++) {
		struct host *o = &h->v[i];

		free(o->base);
		free(o->name);
		free(o->authorization);
		strv_done(&o->headers);
		strv_done(&o->trust.ca);
		free(o->trust.cert);
		free(o->trust.key);
	}
	free(h->v);
	*h = (struct hosts){ 0 };
}

/* The scheme that is meant when none is written. */
static bool plain_http(const char *host, size_t len)
{
	return url_loopback(host, len) && !(len > 4 && strncmp(host + len - 4, ":443", 4) == 0);
}

/* @url may lack its scheme. @override: the path is complete. */
static int add_host(struct hosts *h, const char *url, bool override, struct host **ret, struct err *err)
{
	_cleanup_free_ char *full = NULL;
	const char *host, *path;
	struct host *o;
	size_t n, trail;
	bool tls;

	if (!strstr(url, "://"))
		full = mem_printf("%s://%s", plain_http(url, strcspn(url, "/")) ? "http" : "https", url);
	else
		full = mem_strdup(url);
	if (strlen(full) > 1024 || url_split(full, &tls, &host, &n, &path) < 0 || strpbrk(path, "?#"))
		return err_set(err, ERR_INVALID, "host \"%.200s\": not an address such as https://mirror.example", url);
	if (h->n == HOSTS_MAX)
		return err_set(err, ERR_INVALID, "more than %d hosts", HOSTS_MAX);
	for (trail = strlen(path); trail && path[trail - 1] == '/'; trail--)
		;
	h->v = mem_grow(h->v, &h->cap, h->n + 1, sizeof *h->v);
	o = &h->v[h->n++];
	*o = (struct host){ .pull = true, .resolve = true, .push = true, .tls = tls };
	o->name = mem_strndup(host, n);
	if (strcmp(o->name, "docker.io") == 0) {
		free(o->name);
		o->name = mem_strdup("registry-1.docker.io");
	}
	o->base = mem_printf("%s://%s%.*s%s", tls ? "https" : "http", o->name, (int)trail, path, override ? "" : "/v2");
	*ret = o;
	return 0;
}

static char *beside(const char *dir, const char *path) { return *path == '/' ? mem_strdup(path) : mem_printf("%s/%s", dir, path); }

/* "client": "both.pem", or [["cert", "key"]], or ["cert", ...]. The first counts. */
static void take_client(json *client, const char *dir, struct host *o)
{
	json *first = json_object_is_type(client, json_type_array) ? json_at(client, 0) : client;
	json *pair = json_object_is_type(first, json_type_array) ? first : NULL;
	const char *cert = json_text(pair ? json_at(pair, 0) : first), *key = json_text(json_at(pair, 1));

	if (cert)
		o->trust.cert = beside(dir, cert);
	if (cert && key)
		o->trust.key = beside(dir, key);
}

static void take_authorities(json *ca, const char *dir, struct host *o)
{
	if (json_text(ca))
		strv_own(&o->trust.ca, beside(dir, json_text(ca)));
	for (size_t i = 0; json_object_is_type(ca, json_type_array) && i < json_len(ca); i++)
		if (json_text(json_at(ca, i)))
			strv_own(&o->trust.ca, beside(dir, json_text(json_at(ca, i))));
}

/* A header must stay one line. */
static void host_take_header(const char *name, const char *value, struct host *o)
{
	if (value && *name && !strpbrk(name, "\r\n: \t") && !strpbrk(value, "\r\n"))
		strv_pushf(&o->headers, "%s: %s", name, value);
}

static void take_headers(json *headers, struct host *o)
{
	if (!headers)
		return;
	json_object_object_foreach(headers, name, value) {
		host_take_header(name, json_text(value), o);
		for (size_t i = 0; json_object_is_type(value, json_type_array) && i < json_len(value); i++)
			host_take_header(name, json_text(json_at(value, i)), o);
	}
}

static void take_settings(json *table, const char *dir, struct host *o)
{
	_cleanup_strv_ struct strv caps = { 0 };

	if (json_get_array(table, "capabilities")) {
		json_get_strv(table, "capabilities", &caps);
		o->pull = strv_has(&caps, "pull");
		o->resolve = strv_has(&caps, "resolve");
		o->push = strv_has(&caps, "push");
	}
	o->trust.skip_verify = json_get_bool(table, "skip_verify", false);
	take_authorities(json_get(table, "ca"), dir, o);
	take_client(json_get(table, "client"), dir, o);
	take_headers(json_get_object(table, "header"), o);
}

static int add_table(struct hosts *h, const char *url, json *table, const char *dir, struct err *err)
{
	struct host *o = NULL;
	int r = add_host(h, url, json_get_bool(table, "override_path", false), &o, err);

	if (r == 0)
		take_settings(table, dir, o);
	return r;
}

int hosts_parse(const char *text, size_t len, const char *dir, const char *registry, struct hosts *ret, struct err *err)
{
	_cleanup_(hosts_done) struct hosts h = { 0 };
	_cleanup_json_ json *root = NULL;
	const char *server;
	json *tables;
	int r = toml_parse(text, len, &root, err);

	if (r < 0)
		return r;
	tables = json_get_object(root, "host");
	if (tables) {
		json_object_object_foreach(tables, url, table) {
			r = add_table(&h, url, table, dir, err);
			if (r < 0)
				return r;
		}
	}
	server = json_get_str(root, "server");
	r = add_table(&h, server && *server ? server : registry, root, dir, err);
	if (r == 0)
		*ret = TAKE_STRUCT(h);
	return r;
}

/* Docker's way: *.crt are authorities, NAME.cert and NAME.key a client's: the first by name, in whatever order the folder has them.
 */
static void take_certificates(const char *dir, struct host *o)
{
	_cleanup_(closedirp) DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		_cleanup_free_ char *path = mem_printf("%s/%s", dir, e->d_name);
		const char *dot = strrchr(e->d_name, '.');

		if (dot && strcmp(dot, ".crt") == 0)
			strv_push(&o->trust.ca, path);
		if (!dot || strcmp(dot, ".cert") != 0 || (o->trust.cert && strcmp(o->trust.cert, path) < 0))
			continue;
		free(o->trust.cert);
		free(o->trust.key);
		o->trust.cert = TAKE_PTR(path);
		o->trust.key = mem_printf("%s/%.*s.key", dir, (int)(dot - e->d_name), e->d_name);
	}
}

static int load_file(const char *dir, const char *registry, struct hosts *ret, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/hosts.toml", dir);
	_cleanup_buf_ struct buf text = { 0 };
	int r = file_read(path, FILE_MAX, &text, err);

	if (r < 0)
		return r;
	r = hosts_parse(buf_str(&text), text.len, dir, registry, ret, err);
	return r < 0 ? err_wrap(err, r, "%s", path) : 0;
}

/* 1: the folder decides. */
static int try_folder(const char *root, const char *name, const char *registry, struct hosts *ret, struct err *err)
{
	_cleanup_free_ char *dir = mem_printf("%s/%s", root, name);
	struct host *o = NULL;
	int r;

	if (!file_exists(dir))
		return 0;
	r = load_file(dir, registry, ret, err);
	if (r != -ERR_NOT_FOUND)
		return r < 0 ? r : 1;
	err_clear(err);
	r = add_host(ret, registry, false, &o, err);
	if (r < 0)
		return r;
	take_certificates(dir, o);
	return 1;
}

/* "HOST:5000" is also written HOST_5000_, where a colon is no good in a folder's name. */
static char *folder_name(const char *registry)
{
	const char *colon = strrchr(registry, ':');

	if (!colon || strchr(colon, ']'))
		return mem_strdup(registry);
	return mem_printf("%.*s_%s_", (int)(colon - registry), registry, colon + 1);
}

/* TLS libraries open these by themselves. */
static int check_trust(const struct host *o, struct err *err)
{
	int r = o->trust.cert ? file_check(o->trust.cert, err) : 0;

	if (r >= 0 && o->trust.key)
		r = file_check(o->trust.key, err);
	for (size_t i = 0; r >= 0 && i < o->trust.ca.n; i++)
		r = file_check(o->trust.ca.v[i], err);
	return r;
}

int hosts_load(const char *dir, const char *registry, struct hosts *ret, struct err *err)
{
	_cleanup_(hosts_done) struct hosts h = { 0 };
	_cleanup_free_ char *other = folder_name(registry);
	const struct {
		const char *root, *name;
	} places[] = {
		{ dir, other },
		{ dir, registry },
		{ dir, "_default" },
		{ HOSTS_DOCKER_DIR, registry },
	};
	struct host *o = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof places / sizeof *places; i++)
		r = try_folder(places[i].root, places[i].name, registry, &h, err);
	if (r == 0)
		r = add_host(&h, registry, false, &o, err);
	for (size_t i = 0; r >= 0 && i < h.n; i++)
		r = check_trust(&h.v[i], err);
	if (r < 0)
		return r;
	*ret = TAKE_STRUCT(h);
	return 0;
}

struct host *hosts_find(const struct hosts *h, const char *url)
{
	const char *host, *path;
	size_t n;
	bool tls;

	if (url_split(url, &tls, &host, &n, &path) < 0)
		return NULL;
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].tls == tls && strlen(h->v[i].name) == n && strncasecmp(h->v[i].name, host, n) == 0)
			return &h->v[i];
	return NULL;
}

bool host_is(const struct host *o, const char *url)
{
	const char *host, *path, *its_host, *its_path;
	size_t n, its_n;
	bool tls, its_tls;

	return url_split(url, &tls, &host, &n, &path) == 0 && url_split(o->base, &its_tls, &its_host, &its_n, &its_path) == 0 &&
	       tls == its_tls && n == its_n && strncasecmp(host, its_host, n) == 0;
}

void hosts_trust(struct hosts *h, bool plain)
{
	struct host *o = &h->v[h->n - 1];
	char *base;

	o->trust.skip_verify = true;
	if (!plain || !o->tls)
		return;
	base = mem_printf("http://%s", o->base + strlen("https://"));
	free(o->base);
	o->base = base;
	o->tls = false;
}

struct host *hosts_at(struct hosts *h, const char *url)
{
	_cleanup_free_ char *origin = NULL;
	struct host *o = hosts_find(h, url);
	const char *host, *path;
	size_t n;
	bool tls;

	if (o || url_split(url, &tls, &host, &n, &path) < 0)
		return o;
	origin = mem_strndup(url, (size_t)(path - url));
	if (add_host(h, origin, false, &o, NULL) < 0)
		return NULL;
	free(o->name);
	o->name = mem_strndup(host, n);
	o->foreign = true;
	return o;
}
