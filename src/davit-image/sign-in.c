/* The file is read, changed and put in place under a lock on its folder, so that two logins lose nothing of each other. All that it
 * says beside what is changed stays. */
#include "sign-in.h"
#include "base64.h"
#include "file.h"
#include "mem.h"
#include "url.h"
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

struct sign_file {
	char *path; /* of the file itself, where the name is a link */
	int lock;
	json *root;
	struct stat was; /* st_nlink 0: there was none */
};

static void sign_file_done(struct sign_file *f)
{
	free(f->path);
	if (f->lock >= 0)
		(void)close(f->lock);
	json_freep(&f->root);
}

static int lock_folder(struct sign_file *f, struct err *err)
{
	const char *slash = strrchr(f->path, '/');
	_cleanup_free_ char *dir =
		!slash ? mem_strdup(".") : mem_strndup(f->path, slash == f->path ? 1 : (size_t)(slash - f->path));
	int r = file_exists(dir) ? 0 : file_mkdirs_private(dir, err);

	if (r < 0)
		return r;
	f->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->lock < 0 || flock(f->lock, LOCK_EX) < 0)
		return err_sys(err, errno, "%s", dir);
	return 0;
}

static int sign_file_open(struct sign_file *f, const char *given, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_free_ char *path = docker_config_path(given);
	char whole[PATH_MAX];
	int r;

	f->path = mem_strdup(realpath(path, whole) ? whole : path);
	r = lock_folder(f, err);
	if (r == 0)
		r = file_read(f->path, FILE_MAX, &text, err);
	if (r == -ERR_NOT_FOUND) {
		err_clear(err);
		f->root = json_new_object();
		return 0;
	}
	if (r < 0)
		return r;
	if (stat(f->path, &f->was) < 0)
		return err_sys(err, errno, "%s", f->path);
	if (!strspn(buf_str(&text), " \t\r\n") && !text.len)
		f->root = json_new_object();
	else
		r = json_parse(buf_str(&text), text.len, &f->root, err);
	if (r == 0 && !json_object_is_type(f->root, json_type_object))
		r = err_set(err, ERR_INVALID, "not a JSON object");
	return r < 0 ? err_hint(err, err_wrap(err, r, "%s", f->path), "mend it, or name another file with --authfile") : 0;
}

static int write_whole(int fd, const struct buf *b)
{
	for (size_t at = 0; at < b->len;) {
		ssize_t n = write(fd, b->data + at, b->len - at);

		if (n < 0 && errno != EINTR)
			return -1;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Readers see the old or the new one, also after a power cut; nobody else may read it; it stays its owner's. */
static int sign_file_save(struct sign_file *f, struct err *err)
{
	_cleanup_free_ char *temp = mem_printf("%s.XXXXXX", f->path);
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_close_ int fd = mkostemp(temp, O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return err_sys(err, errno, "%s", f->path);
	json_write_pretty(f->root, &text);
	if (text.len && text.data[text.len - 1] != '\n')
		buf_addc(&text, '\n');
	if (write_whole(fd, &text) < 0 || fsync(fd) < 0 ||
	    (f->was.st_nlink && f->was.st_uid != geteuid() && fchown(fd, f->was.st_uid, f->was.st_gid) < 0) ||
	    rename(temp, f->path) < 0)
		r = err_sys(err, errno, "%s", f->path);
	if (r < 0)
		(void)unlink(temp);
	explicit_bzero(text.data, text.len);
	return r;
}

static json *auths_of(struct sign_file *f)
{
	if (!json_get_object(f->root, "auths"))
		json_put(f->root, "auths", json_new_object());
	return json_get_object(f->root, "auths");
}

/* Every key that means this registry: the first of them is what is read. 1: there was one. */
static int drop_entries(json *auths, const char *host)
{
	_cleanup_strv_ struct strv keys = { 0 };

	json_object_object_foreach(auths, key, entry) {
		_cleanup_free_ char *its = docker_config_host(key);

		(void)entry;
		if (strcmp(its, host) == 0)
			strv_push(&keys, key);
	}
	for (size_t i = 0; i < keys.n; i++)
		json_object_object_del(auths, keys.v[i]);
	return keys.n > 0;
}

static const char *helper_of(const struct docker_config *d, const char *host)
{
	const char *helper = dict_get(&d->helpers, host);

	helper = helper ? helper : d->store;
	return helper && *helper ? helper : NULL;
}

static int parse_again(struct sign_file *f, struct docker_config *ret, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };

	json_write(f->root, &text);
	return docker_config_parse(buf_str(&text), text.len, ret, err);
}

static int store_in_helper(struct session *s, const char *helper, const char *host, const struct credential *c, struct err *err)
{
	_cleanup_json_ json *j = json_new_object();
	_cleanup_buf_ struct buf text = { 0 }, answer = { 0 };
	int r;

	json_put_str(j, "ServerURL", docker_config_key(host));
	json_put_str(j, "Username", c->user);
	json_put_str(j, "Secret", c->secret);
	json_write(j, &text);
	r = docker_config_helper(helper, "store", s->loop, buf_str(&text), &s->ctx, &answer, err);
	explicit_bzero(text.data, text.len);
	return r < 0 ? r : 0;
}

static json *entry_of(const struct credential *c)
{
	_cleanup_free_ char *plain = mem_printf("%s:%s", c->user, c->secret);
	_cleanup_buf_ struct buf coded = { 0 };
	json *o = json_new_object();

	base64_encode(&coded, plain, strlen(plain));
	json_put_str(o, "auth", buf_str(&coded));
	explicit_bzero(plain, strlen(plain));
	return o;
}

static int keep_login(struct session *s, const char *host, const struct login *login, json *result, struct err *err)
{
	_cleanup_(sign_file_done) struct sign_file f = { .lock = -1 };
	_cleanup_(docker_config_done) struct docker_config conf = { 0 };
	const char *helper;
	int r = sign_file_open(&f, login->file, err);

	if (r == 0)
		r = parse_again(&f, &conf, err);
	if (r < 0)
		return r;
	helper = helper_of(&conf, host);
	if (helper)
		r = store_in_helper(s, helper, host, &login->cred, err);
	if (r < 0)
		return r;
	(void)drop_entries(auths_of(&f), host);
	json_put(auths_of(&f), docker_config_key(host), helper ? json_new_object() : entry_of(&login->cred));
	json_put_str(result, "file", f.path);
	json_put_str(result, "helper", helper);
	return sign_file_save(&f, err);
}

static int registry_name(const char *text, char **ret, struct err *err)
{
	_cleanup_free_ char *host = docker_config_host(text), *url = mem_printf("https://%s", host);
	const char *name, *path;
	size_t n;
	bool tls;

	if (!*host || strlen(host) > 255 || url_split(url, &tls, &name, &n, &path) < 0 || *path)
		return err_hint(err, err_set(err, ERR_INVALID, "registry \"%.200s\": not HOST[:PORT]", text),
				"as in registry.example:5000");
	*ret = TAKE_PTR(host);
	return 0;
}

int sign_in(struct session *s, const char *registry, const struct login *login, const struct registry_way *way, json *result,
	    struct err *err)
{
	_cleanup_(registry_done) struct registry g = { 0 };
	_cleanup_(ref_done) struct ref ref = { 0 };
	int r = registry_name(registry, &ref.host, err);

	if (r < 0)
		return r;
	r = registry_open(&g, s, &ref, login, way, err);
	if (r == 0)
		r = registry_ping(&g, err);
	if (r < 0)
		return err_wrap(err, r, "login");
	json_put_str(result, "registry", ref.host);
	json_put_bool(result, "wanted", r == 1);
	r = keep_login(s, ref.host, login, result, err);
	return r < 0 ? err_wrap(err, r, "login %s", ref.host) : 0;
}

/* All that the file knows of, whether it has them or a helper does. */
static void all_hosts(struct sign_file *f, const struct docker_config *conf, struct strv *out)
{
	json *auths = json_get_object(f->root, "auths");

	if (auths) {
		json_object_object_foreach(auths, key, entry) {
			(void)entry;
			strv_own(out, docker_config_host(key));
		}
	}
	for (size_t i = 0; i < conf->helpers.n; i++)
		if (!strv_has(out, conf->helpers.v[i].key))
			strv_push(out, conf->helpers.v[i].key);
}

/* 1: something was known. */
static int forget_login(struct session *s, struct sign_file *f, const struct docker_config *conf, const char *host, struct err *err)
{
	const char *helper = helper_of(conf, host);
	_cleanup_(credential_done) struct credential had = { 0 };
	_cleanup_buf_ struct buf answer = { 0 };
	int known = helper ? docker_config_ask(helper, s->loop, host, &s->ctx, &had, err) : 0, r = known;

	if (known > 0)
		r = docker_config_helper(helper, "erase", s->loop, docker_config_key(host), &s->ctx, &answer, err);
	if (r < 0)
		return r;
	return drop_entries(auths_of(f), host) || known > 0;
}

int sign_out(struct session *s, const char *registry, const char *file, json *result, struct err *err)
{
	_cleanup_(sign_file_done) struct sign_file f = { .lock = -1 };
	_cleanup_(docker_config_done) struct docker_config conf = { 0 };
	_cleanup_strv_ struct strv hosts = { 0 };
	json *gone = json_new_array();
	char *host = NULL;
	int r = registry ? registry_name(registry, &host, err) : 0, failed = 0;

	json_put(result, "registries", gone);
	if (host)
		strv_own(&hosts, host);
	if (r == 0)
		r = sign_file_open(&f, file, err);
	if (r == 0)
		r = parse_again(&f, &conf, err);
	if (r == 0 && !registry)
		all_hosts(&f, &conf, &hosts);
	for (size_t i = 0; r >= 0 && i < hosts.n; i++) { /* a helper that fails keeps no other login */
		struct err why = ERR_INIT;
		int known = forget_login(s, &f, &conf, hosts.v[i], &why);

		if (known == 1)
			json_append(gone, json_new_str(hosts.v[i]));
		if (known < 0 && failed == 0) {
			failed = known;
			*err = why;
		}
	}
	if (r >= 0 && json_len(gone))
		r = sign_file_save(&f, failed < 0 ? NULL : err);
	r = failed < 0 ? failed : r;
	return r < 0 ? err_wrap(err, r, "logout") : 0;
}
