/* A folder of configurations is read as libcni does: the .conflist files first, then .conf and .json, each kind by name.
 * Unlike there, a file that cannot be read hides no other: it is left out with a notice. */
#include "cni-net.h"
#include "file.h"
#include "mem.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ONLY_INLINED "loadOnlyInlinedPlugins"

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

static bool has_ending(const char *name, const char *ending)
{
	size_t n = strlen(name), e = strlen(ending);

	return n > e && !strcmp(name + n - e, ending);
}

static bool is_true(json *list, const char *key)
{
	const char *text = json_get_str(list, key);

	return text ? !strcasecmp(text, "true") : json_get_bool(list, key, false);
}

/* Names of @dir that end so, sorted, as paths. Absent is empty. */
static int list_folder(const char *dir, const char *const *endings, struct strv *out, struct err *err)
{
	_cleanup_(closedirp) DIR *d = opendir(dir);
	const size_t first = out->n;

	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(err, errno, "%s", dir);
	for (struct dirent *e; (e = readdir(d));)
		for (size_t i = 0; endings[i]; i++)
			if (has_ending(e->d_name, endings[i]))
				strv_pushf(out, "%s/%s", dir, e->d_name);
	strv_sort(out, first);
	return 0;
}

/* The plugins of DIR/NAME/ *.conf come behind the list's own (SPEC 1.1, "Loading"). The list then holds them all, so that what is
 * cached of it deletes them all. */
static int take_in_folder(json *list, const char *dir, struct err *err)
{
	static const char *const endings[] = { ".conf", NULL };
	const char *name = json_get_str(list, "name");
	_cleanup_free_ char *folder = mem_printf("%s/%s", dir, name ? name : "");
	_cleanup_strv_ struct strv files = { 0 };
	int r = cni_name_valid(name) && !is_true(list, ONLY_INLINED) ? list_folder(folder, endings, &files, err) : 0;

	for (size_t i = 0; r >= 0 && i < files.n; i++) {
		_cleanup_buf_ struct buf text = { 0 };
		json *plugin = NULL;

		r = file_read(files.v[i], CONF_MAX, &text, err);
		if (r < 0)
			return r;
		r = json_parse(buf_str(&text), text.len, &plugin, err);
		if (r < 0)
			return err_wrap(err, r, "%s", files.v[i]);
		if (!json_get_array(list, "plugins"))
			json_put(list, "plugins", json_new_array());
		json_append(json_get_array(list, "plugins"), plugin);
	}
	if (r >= 0 && files.n)
		json_put_bool(list, ONLY_INLINED, true);
	return r < 0 ? r : files.n > 0;
}

/* @dir: where the folders of further plugins stand; NULL: none are looked for. */
static int parse_net(const char *data, size_t len, const char *file, const char *dir, struct cni_net **ret, struct err *err)
{
	_cleanup_json_ json *conf = NULL;
	struct cni_net *n;
	int more = 0, r = json_parse(data, len, &conf, err);

	if (r == 0 && dir && json_object_is_type(conf, json_type_object))
		r = more = take_in_folder(conf, dir, err);
	if (r >= 0)
		r = net_from_json(conf, file, &n, err);
	if (r < 0)
		return err_wrap(err, r, "%s", file);
	if (n->list == conf && !more)
		buf_add(&n->text, data, len);
	else
		json_write(n->list, &n->text);
	*ret = n;
	return 0;
}

int cni_net_parse(const char *data, size_t len, const char *file, struct cni_net **ret, struct err *err)
{
	return parse_net(data, len, file, NULL, ret, err);
}

json *cni_net_plugins(const struct cni_net *n) { return json_get_array(n->list, "plugins"); }

bool cni_net_is_set(const struct cni_net *n, const char *key) { return is_true(n->list, key); }

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

/* Paths of the folder's files in the order in which they count. */
static int list_files(const char *dir, struct strv *out, struct err *err)
{
	static const char *const lists[] = { ".conflist", NULL }, *const confs[] = { ".conf", ".json", NULL };
	int r = list_folder(dir, lists, out, err);

	return r < 0 ? r : list_folder(dir, confs, out, err);
}

/* NULL when it cannot be used, with a notice. */
static struct cni_net *read_net(const char *dir, const char *file, struct strv *notices)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct err why = ERR_INIT;
	struct cni_net *n = NULL;
	int r = file_read(file, CONF_MAX, &text, &why);

	if (r == 0)
		r = parse_net(buf_str(&text), text.len, file, has_ending(file, ".conflist") ? dir : NULL, &n, &why);
	if (r < 0 && notices)
		strv_pushf(notices, "skipped network file %s", why.msg);
	return r < 0 ? NULL : n;
}

/* The usual folder may be absent: it is made on first use. Another one was named by somebody. */
static int check_folder(const char *dir, struct err *err)
{
	struct stat st;
	int r;

	if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	if (errno == ENOENT && !strcmp(dir, CNI_CONF_DIR))
		return 0;
	r = err_set(err, ERR_INVALID, "folder of networks %s: %s", dir, file_exists(dir) ? "not a folder" : "not found");
	return err_hint(err, r, "--cni-conf-dir or NETCONFPATH names it; without them it is " CNI_CONF_DIR);
}

/* Calls @fn with each network in turn, which takes it over, until one call returns true. */
static int each_net(const struct cni_conf *conf, bool (*fn)(void *arg, struct cni_net *), void *arg, struct strv *notices,
		    struct err *err)
{
	_cleanup_strv_ struct strv files = { 0 };
	int r = check_folder(conf->conf_dir, err);

	if (r == 0)
		r = list_files(conf->conf_dir, &files, err);
	for (size_t i = 0; r == 0 && i < files.n; i++) {
		struct cni_net *n = read_net(conf->conf_dir, files.v[i], notices);

		if (n && fn(arg, n))
			break;
	}
	return r;
}

struct search {
	const char *name;
	struct strv seen;
	struct cni_net *found;
};

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
