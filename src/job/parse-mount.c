/* Volumes, mounts, tmpfs and devices. */
#include "check.h"
#include "csv.h"
#include "job-table.h"
#include "mem.h"
#include "mount-option.h"
#include "name.h"
#include "parse.h"
#include "path.h"
#include <string.h>
#include <strings.h>

static int add_options(const char *noun, const char *list, struct mount *m, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };

	strv_split(&words, list, ",");
	if (strv_has(&words, "ro") && strv_has(&words, "rw"))
		return check_fail(noun, list, "it cannot be both ro and rw", err);
	for (size_t i = 0; i < words.n; i++) {
		const enum mount_option_use use = mount_option(m->kind, words.v[i]);

		if (use == MOUNT_OPTION_UNKNOWN)
			return mount_option_unknown(noun, m->kind, words.v[i], err);
		if (use == MOUNT_OPTION_RO || use == MOUNT_OPTION_RW)
			m->read_only = use == MOUNT_OPTION_RO;
		else if (use == MOUNT_OPTION_KEEP)
			strv_push(&m->options, words.v[i]);
	}
	return 0;
}

static void add_mount(struct task *t, struct mount *m)
{
	*task_add_mount(t) = *m;
	*m = (struct mount){ 0 };
}

/* @cwd is NULL where the current folder was removed. */
static int set_bind(const char *noun, const char *src, const char *cwd, struct mount *m, struct err *err)
{
	if (*src != '/' && !cwd)
		return check_fail(noun, src, "relative to the current folder, which is gone", err);
	m->source = path_clean(src, cwd);
	return 0;
}

/* A source with a slash is a folder of the host, any other a volume's name. */
static int set_source(const char *noun, const char *src, const char *cwd, struct mount *m, struct err *err)
{
	bool relative = *src == '.' && (!src[1] || src[1] == '/' || (src[1] == '.' && (!src[2] || src[2] == '/')));

	if (*src == '/' || relative) {
		m->kind = MOUNT_BIND;
		return set_bind(noun, src, cwd, m, err);
	}
	if (strchr(src, '/'))
		return err_hint(err, check_fail(noun, src, "neither a volume's name nor a path", err),
				"write ./%.100s for a folder here", src);
	m->kind = MOUNT_VOLUME;
	m->source = mem_strdup(src);
	return 0;
}

int parse_volume(const char *s, const char *cwd, struct task *t, struct err *err)
{
	_cleanup_(mount_done) struct mount m = { .kind = MOUNT_VOLUME };
	size_t a = strcspn(s, ":"), b = s[a] ? a + 1 + strcspn(s + a + 1, ":") : a;
	_cleanup_free_ char *source = mem_strndup(s, a);
	int r = 0;

	if (!*s || !a || (s[a] && b == a + 1) || (s[b] && strchr(s + b + 1, ':')))
		return err_hint(err, check_fail("volume", s, "not [SOURCE:]TARGET[:OPTIONS]", err),
				"such as data:/var/lib/data:ro");
	m.target = s[a] ? mem_strndup(s + a + 1, b - a - 1) : mem_strdup(s);
	if (s[a])
		r = set_source("volume", source, cwd, &m, err);
	if (r >= 0 && s[b])
		r = add_options("volume option", s + b + 1, &m, err);
	if (r >= 0 && m.kind == MOUNT_BIND && !strv_has(&m.options, MOUNT_CREATE) && !strv_has(&m.options, MOUNT_NO_LINKS))
		/* as Docker has it, for -v alone */
		strv_push(&m.options, MOUNT_CREATE);
	if (r >= 0)
		r = check_mount(&m, err);
	if (r >= 0)
		add_mount(t, &m);
	return r;
}

int parse_tmpfs(const char *s, struct task *t, struct err *err)
{
	_cleanup_(mount_done) struct mount m = { .kind = MOUNT_TMPFS };
	size_t n = strcspn(s, ":");
	int r;

	m.target = mem_strndup(s, n);
	r = check_mount(&m, err);
	if (r >= 0 && s[n])
		r = add_options("tmpfs option", s + n + 1, &m, err);
	if (r >= 0)
		add_mount(t, &m);
	return r;
}

/* --mount: one row a key */
struct mount_parse {
	struct mount m;
	const char *cwd;
	const char *source;
};
typedef int mount_key_fn(struct mount_parse *, const char *key, const char *value, struct err *);
#define MOUNT_HINT "type=bind|volume|tmpfs,source=..,target=..,readonly"

static int key_type(struct mount_parse *p, const char *key, const char *value, struct err *err)
{
	(void)key;
	for (unsigned i = 0; mount_kind_words[i]; i++)
		if (!strcasecmp(value, mount_kind_words[i])) {
			p->m.kind = (enum mount_kind)i;
			return 0;
		}
	return err_hint(err, check_fail("mount type", value, "there is no such type", err), "bind, volume or tmpfs");
}

static int key_source(struct mount_parse *p, const char *key, const char *value, struct err *err)
{
	if (!*value)
		return check_fail("mount", key, "empty", err);
	p->source = value;
	return 0;
}

static int key_target(struct mount_parse *p, const char *key, const char *value, struct err *err)
{
	(void)key;
	(void)err;
	free(p->m.target);
	p->m.target = mem_strdup(value);
	return 0;
}

/* The words of Go's ParseBool; the key alone means true. */
static int bool_value(const char *key, const char *value, bool *ret, struct err *err)
{
	static const char *const words[] = { "1", "t", "T", "true", "TRUE", "True", "", "0", "f", "F", "false", "FALSE", "False" };
	enum { N = sizeof words / sizeof *words, N_TRUE = 7 };

	for (unsigned i = 0; i < N; i++)
		if (!strcmp(value, words[i])) {
			*ret = i < N_TRUE;
			return 0;
		}
	return err_hint(err, check_fail(key, value, "neither true nor false", err), "true, false, or the word alone");
}

static int key_readonly(struct mount_parse *p, const char *key, const char *value, struct err *err)
{
	return bool_value(key, value, &p->m.read_only, err);
}

static int key_propagation(struct mount_parse *p, const char *key, const char *value, struct err *err)
{
	if (mount_is_propagation(value)) {
		strv_push(&p->m.options, value);
		return 0;
	}
	return err_hint(err, check_fail(key, value, "there is no such propagation", err), "[r]private, [r]shared or [r]slave");
}

static int key_switch(struct mount_parse *p, const char *key, const char *value, struct err *err)
{
	bool on = false;
	int r = bool_value(key, value, &on, err);

	if (r >= 0 && on)
		strv_push(&p->m.options, !strcmp(key, "volume-nocopy")     ? "nocopy"
					 : !strcmp(key, "bind-create-src") ? MOUNT_CREATE
									   : "bind");
	return r;
}

/* What is mounted below the source comes along unless it is disabled, and is read-only with it unless it is to stay writable. */
static int key_recursive(struct mount_parse *p, const char *key, const char *value, struct err *err)
{
	static const struct {
		const char *word, *option;
	} words[] = {
		{ "enabled", NULL },
		{ "writable", MOUNT_RO_OUTER },
		{ "disabled", "bind" },
		{ "readonly", MOUNT_RRO },
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcmp(value, words[i].word) != 0)
			continue;
		if (words[i].option)
			strv_push(&p->m.options, words[i].option);
		return 0;
	}
	return err_hint(err, check_fail(key, value, "there is no such word", err), "enabled, disabled, writable or readonly");
}

static int key_tmpfs_size(struct mount_parse *p, const char *key, const char *value, struct err *err)
{
	int64_t n;
	int r = parse_size(key, value, &n, err);

	if (r >= 0)
		strv_pushf(&p->m.options, "size=%lld", (long long)n);
	return r;
}

static int key_tmpfs_mode(struct mount_parse *p, const char *key, const char *value, struct err *err)
{
	if (!*value || strspn(value, "01234567") != strlen(value) || strlen(value) > 5)
		return err_hint(err, check_fail(key, value, "not an octal mode", err), "such as 1777");
	strv_pushf(&p->m.options, "mode=%s", value);
	return 0;
}

/* A hint for the caches of other systems; Docker on Linux takes it and does nothing with it. */
static int key_ignored(struct mount_parse *p, const char *key, const char *value, struct err *err)
{
	(void)p;
	(void)key;
	(void)value;
	(void)err;
	return 0;
}

static int key_driver(struct mount_parse *p, const char *key, const char *value, struct err *err)
{
	(void)p;
	if (!*value || !strcmp(value, "local"))
		return 0;
	return err_hint(err, check_fail(key, value, "volumes have no drivers here, they are folders", err),
			"mount it on the host and use type=bind");
}

static int key_of_docker(struct mount_parse *p, const char *key, const char *value, struct err *err)
{
	(void)p;
	if (!strcmp(key, "volume-label"))
		return err_hint(err, check_fail(key, value, "a mount gives a volume no labels", err),
				"davit volume create --label K=V NAME");
	if (!strcmp(key, "volume-opt"))
		return err_hint(err, check_fail(key, value, "volumes have no options here, they are folders", err),
				"mount it on the host and use type=bind");
	return err_hint(err, check_fail(key, value, "a part of a volume or an image is not mounted by itself", err),
			"mount the whole volume, or a folder of the host with type=bind");
}

static const struct {
	const char *key;
	mount_key_fn *fn;
} mount_keys[] = {
	{ "type", key_type },
	{ "source", key_source },
	{ "src", key_source },
	{ "target", key_target },
	{ "destination", key_target },
	{ "dst", key_target },
	{ "readonly", key_readonly },
	{ "ro", key_readonly },
	{ "consistency", key_ignored },
	{ "bind-propagation", key_propagation },
	{ "bind-nonrecursive", key_switch },
	{ "bind-recursive", key_recursive },
	{ "bind-create-src", key_switch },
	{ "volume-nocopy", key_switch },
	{ "volume-driver", key_driver },
	{ "volume-label", key_of_docker },
	{ "volume-opt", key_of_docker },
	{ "volume-subpath", key_of_docker },
	{ "image-subpath", key_of_docker },
	{ "tmpfs-size", key_tmpfs_size },
	{ "tmpfs-mode", key_tmpfs_mode },
};
enum { N_MOUNT_KEYS = sizeof mount_keys / sizeof *mount_keys };

/* Keys are of any case, as Docker takes them. */
static int mount_key(struct mount_parse *p, char *word, struct err *err)
{
	const char *names[N_MOUNT_KEYS], *near;
	char *eq = strchr(word, '=');
	int r;

	if (eq)
		*eq = '\0';
	for (size_t i = 0; i < N_MOUNT_KEYS; i++) {
		names[i] = mount_keys[i].key;
		if (!strcasecmp(word, names[i]))
			return mount_keys[i].fn(p, names[i], eq ? eq + 1 : "", err);
	}
	near = name_nearest(word, names, N_MOUNT_KEYS);
	r = check_fail("mount key", word, "there is no such key", err);
	return near ? err_hint(err, r, "did you mean \"%s\"?", near) : err_hint(err, r, MOUNT_HINT);
}

/* "tmpfs-size" is of a tmpfs alone. @word was cut at its "=". */
static int check_kind(const struct mount_parse *p, const char *word, struct err *err)
{
	for (unsigned i = 0; mount_kind_words[i]; i++) {
		size_t n = strlen(mount_kind_words[i]);

		if (i != p->m.kind && !strncasecmp(word, mount_kind_words[i], n) && word[n] == '-')
			return err_hint(err, check_fail("mount key", word, "of another type", err), "it goes with type=%s",
					mount_kind_words[i]);
	}
	return 0;
}

/* The source means what the type says, so it is taken last. */
static int mount_source(struct mount_parse *p, struct err *err)
{
	if (!p->source)
		return 0;
	if (p->m.kind != MOUNT_BIND) {
		p->m.source = mem_strdup(p->source);
		return 0;
	}
	if (*p->source != '/' && *p->source != '.')
		return err_hint(err, check_fail("bind source", p->source, "not a path", err), "write ./%.100s for a folder here",
				p->source);
	return set_bind("bind source", p->source, p->cwd, &p->m, err);
}

static int check_long_mount(struct mount_parse *p, const char *s, const struct strv *words, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < words->n && r >= 0; i++)
		r = check_kind(p, words->v[i], err);
	if (r >= 0 && !p->m.target)
		return err_hint(err, check_fail("mount", s, "no target", err), MOUNT_HINT);
	if (r >= 0)
		r = mount_source(p, err);
	return r < 0 ? r : check_mount(&p->m, err);
}

static void mount_parse_done(struct mount_parse *p) { mount_done(&p->m); }

int parse_mount(const char *s, const char *cwd, struct task *t, struct err *err)
{
	_cleanup_(mount_parse_done) struct mount_parse p = { .m = { .kind = MOUNT_VOLUME }, .cwd = cwd };
	_cleanup_strv_ struct strv words = { 0 };
	int r = csv_split("mount", s, &words, err);

	for (size_t i = 0; i < words.n && r >= 0; i++)
		r = mount_key(&p, words.v[i], err);
	if (r >= 0)
		r = check_long_mount(&p, s, &words, err);
	if (r >= 0)
		add_mount(t, &p.m);
	return r;
}

static bool is_access(const char *s) { return *s && strlen(s) <= 3 && strspn(s, "rwm") == strlen(s); }

static void device_clear(struct device *d)
{
	free(d->host);
	free(d->inside);
	free(d->access);
}

int parse_device(const char *s, struct task *t, struct err *err)
{
	_cleanup_(device_clear) struct device d = { 0 };
	size_t a = strcspn(s, ":"), b = s[a] ? a + 1 + strcspn(s + a + 1, ":") : a;
	int r;

	if (*s != '/' && strchr(s, '=')) { /* no path has one in that place */
		r = check_cdi(s, NULL, err);
		if (r >= 0)
			strv_push(&t->cdi_devices, s);
		return r;
	}
	if (!a || (s[a] && b == a + 1) || (s[b] && (!s[b + 1] || strchr(s + b + 1, ':'))))
		return err_hint(err, check_fail("device", s, "not HOST[:INSIDE[:rwm]]", err), "such as /dev/fuse:/dev/fuse:rw");
	d.host = mem_strndup(s, a);
	if (s[b])
		d.access = mem_strdup(s + b + 1);
	if (s[a] && !s[b] && is_access(s + a + 1))
		d.access = mem_strdup(s + a + 1);
	else if (s[a])
		d.inside = mem_strndup(s + a + 1, b - a - 1);
	r = check_device(&d, err);
	if (r < 0)
		return r;
	*task_add_device(t) = d;
	d = (struct device){ 0 };
	return 0;
}
