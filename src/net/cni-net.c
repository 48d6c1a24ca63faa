/* A folder of configurations is read as libcni does: the .conflist files first, then .conf and .json, each kind by name.
 * Unlike there, a file that cannot be read hides no other: it is left out with a notice. */
#include "cni-net.h"
#include "file.h"
#include "mem.h"
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { CONF_MAX = 1 << 20, PLUGINS_MAX = 64 };

void cni_net_free(struct cni_net *n)
{
	if (!n)
		return;
	free(n->name);
	free(n->version);
	free(n->file);
	json_freep(&n->list);
	buf_done(&n->text);
	free(n);
}

bool cni_name_valid(const char *s)
{
	if (!s || !isalnum((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_.-", *s))
			return false;
	return true;
}

bool cni_ifname_valid(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (n < 1 || n > 15 || !strcmp(s, ".") || !strcmp(s, ".."))
		return false;
	for (; *s; s++)
		if (*s == '/' || *s == ':' || isspace((unsigned char)*s))
			return false;
	return true;
}

unsigned cni_version(const char *s)
{
	unsigned part[3] = { 0 };

	for (int i = 0; i < 3; i++) {
		size_t n = strspn(s, "0123456789");

		if (n < 1 || n > 2 || s[n] != (i < 2 ? '.' : '\0'))
			return 0;
		part[i] = (unsigned)strtoul(s, NULL, 10);
		s += n + 1;
	}
	return part[0] * 10000 + part[1] * 100 + part[2];
}

/* cniVersion, unless cniVersions has a higher one that we know; SPEC 1.1, "Configuration format". Without any: 0.1.0. */
static int pick_version(json *list, const char **ret, struct err *err)
{
	const char *best = json_get_str(list, "cniVersion");
	json *all = json_get_array(list, "cniVersions");

	if (best && !*best)
		best = NULL;
	if (json_get(list, "cniVersion") && !json_get_str(list, "cniVersion"))
		return err_set(err, ERR_INVALID, "cniVersion is not a string");
	if (best && !cni_version(best))
		return err_set(err, ERR_INVALID, "cniVersion \"%.40s\" is not a version", best);
	for (size_t i = 0; i < json_len(all); i++) {
		const char *v = json_text(json_at(all, i));
		unsigned n = v ? cni_version(v) : 0;

		if (n && n <= CNI_1_1_0 && (!best || n > cni_version(best) || cni_version(best) > CNI_1_1_0))
			best = v;
	}
	*ret = best ? best : "0.1.0";
	return 0;
}

static int check_plugins(json *plugins, struct err *err)
{
	size_t n = json_len(plugins);

	if (n < 1)
		return err_set(err, ERR_INVALID, "no plugins");
	if (n > PLUGINS_MAX)
		return err_set(err, ERR_INVALID, "%zu plugins, at most %d are taken", n, PLUGINS_MAX);
	for (size_t i = 0; i < n; i++) {
		const char *type = json_get_str(json_at(plugins, i), "type");

		if (!type || !*type || strchr(type, '/'))
			return err_set(err, ERR_INVALID, "plugin %zu has no valid type", i + 1);
	}
	return 0;
}

/* A single plugin's configuration as a list of one. */
static json *upconvert(json *conf)
{
	static const char *const keys[] = { "name", "cniVersion", "cniVersions", "disableCheck" };
	json *list = json_new_object(), *plugins = json_new_array();

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (json_get(conf, keys[i]))
			json_put(list, keys[i], json_object_get(json_get(conf, keys[i])));
	json_append(plugins, json_object_get(conf));
	json_put(list, "plugins", plugins);
	return list;
}

static int net_from_json(json *conf, const char *file, struct cni_net **ret, struct err *err)
{
	_cleanup_(cni_net_freep) struct cni_net *n = mem_new(struct cni_net);
	const char *version;
	int r;

	if (!json_object_is_type(conf, json_type_object))
		return err_set(err, ERR_INVALID, "not an object");
	n->list = json_get(conf, "plugins") || !json_get(conf, "type") ? json_object_get(conf) : upconvert(conf);
	if (!cni_name_valid(json_get_str(n->list, "name")))
		return err_set(err, ERR_INVALID, "no valid name");
	r = check_plugins(json_get_array(n->list, "plugins"), err);
	if (r >= 0)
		r = pick_version(n->list, &version, err);
	if (r < 0)
		return r;
	n->name = mem_strdup(json_get_str(n->list, "name"));
	n->version = mem_strdup(version);
	n->file = mem_strdup(file);
	*ret = TAKE_PTR(n);
	return 0;
}

int cni_net_parse(const char *data, size_t len, const char *file, struct cni_net **ret, struct err *err)
{
	_cleanup_json_ json *conf = NULL;
	struct cni_net *n;
	int r = json_parse(data, len, &conf, err);

	if (r == 0)
		r = net_from_json(conf, file, &n, err);
	if (r < 0)
		return err_wrap(err, r, "%s", file);
	if (n->list == conf)
		buf_add(&n->text, data, len);
	else
		json_write(n->list, &n->text);
	*ret = n;
	return 0;
}

json *cni_net_plugins(const struct cni_net *n)
{
	return json_get_array(n->list, "plugins");
}

bool cni_net_is_set(const struct cni_net *n, const char *key)
{
	const char *text = json_get_str(n->list, key);

	return text ? !strcasecmp(text, "true") : json_get_bool(n->list, key, false);
}

bool cni_net_can(const struct cni_net *n, const char *capability)
{
	json *plugins = cni_net_plugins(n);

	for (size_t i = 0; i < json_len(plugins); i++)
		if (json_get_bool(json_get_object(json_at(plugins, i), "capabilities"), capability, false))
			return true;
	return false;
}

json *cni_net_plugin(const struct cni_net *n, const char *type)
{
	json *plugins = cni_net_plugins(n);

	for (size_t i = 0; i < json_len(plugins); i++)
		if (!strcmp(json_get_str(json_at(plugins, i), "type"), type))
			return json_at(plugins, i);
	return NULL;
}

static bool has_ending(const char *name, const char *ending)
{
	size_t n = strlen(name), e = strlen(ending);

	return n > e && !strcmp(name + n - e, ending);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Paths of the folder's files in the order in which they count. */
static int list_files(const char *dir, struct strv *out, struct err *err)
{
	_cleanup_strv_ struct strv lists = { 0 }, confs = { 0 };
	DIR *d = opendir(dir);

	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return err_sys(err, errno, "%s", dir);
	for (struct dirent *e; (e = readdir(d));) {
		if (has_ending(e->d_name, ".conflist"))
			strv_pushf(&lists, "%s/%s", dir, e->d_name);
		else if (has_ending(e->d_name, ".conf") || has_ending(e->d_name, ".json"))
			strv_pushf(&confs, "%s/%s", dir, e->d_name);
	}
	(void)closedir(d);
	if (lists.n)
		qsort(lists.v, lists.n, sizeof *lists.v, by_name);
	if (confs.n)
		qsort(confs.v, confs.n, sizeof *confs.v, by_name);
	strv_add(out, &lists);
	strv_add(out, &confs);
	return 0;
}

/* NULL when it cannot be used, with a notice. */
static struct cni_net *read_net(const char *file, struct strv *notices)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct err why = ERR_INIT;
	struct cni_net *n = NULL;
	int r = file_read(file, CONF_MAX, &text, &why);

	if (r == 0)
		r = cni_net_parse(buf_str(&text), text.len, file, &n, &why);
	if (r < 0 && notices)
		strv_pushf(notices, "skipped network file %s", why.msg);
	return r < 0 ? NULL : n;
}

/* Calls @fn with each network in turn, which takes it over, until one call returns true. */
static int each_net(const struct cni_conf *conf, bool (*fn)(void *arg, struct cni_net *), void *arg, struct strv *notices,
		    struct err *err)
{
	_cleanup_strv_ struct strv files = { 0 };
	int r = list_files(conf->conf_dir, &files, err);

	for (size_t i = 0; r == 0 && i < files.n; i++) {
		struct cni_net *n = read_net(files.v[i], notices);

		if (n && fn(arg, n))
			break;
	}
	return r;
}

struct search { const char *name; struct strv seen; struct cni_net *found; };

static bool match(void *arg, struct cni_net *n)
{
	struct search *s = arg;

	if (s->name && !strcmp(n->name, s->name)) {
		s->found = n;
		return true;
	}
	if (!strv_has(&s->seen, n->name))
		strv_push(&s->seen, n->name);
	cni_net_free(n);
	return false;
}

int cni_net_load(const struct cni_conf *conf, const char *name, struct cni_net **ret, struct strv *notices, struct err *err)
{
	struct search s = { .name = name };
	int r = each_net(conf, match, &s, notices, err);
	_cleanup_free_ char *seen = strv_join(&s.seen, ", ");

	strv_done(&s.seen);
	if (r < 0)
		return err_wrap(err, r, "network %s", name);
	if (!s.found)
		return err_set(err, ERR_NOT_FOUND, "network %s: not found in %s (%s%s)", name, conf->conf_dir,
			       *seen ? "there is " : "it has none", seen);
	*ret = s.found;
	return 0;
}

int cni_net_names(const struct cni_conf *conf, struct strv *out, struct strv *notices, struct err *err)
{
	struct search s = { 0 };
	int r = each_net(conf, match, &s, notices, err);

	if (r == 0)
		strv_add(out, &s.seen);
	strv_done(&s.seen);
	return r;
}
