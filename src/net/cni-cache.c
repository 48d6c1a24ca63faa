#include "cni-cache.h"
#include "base64.h"
#include "cni-net.h"
#include "file.h"
#include "mem.h"
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

enum { ENTRY_MAX = 8 << 20 };
#define KIND "cniCacheV1"

void cni_entry_free(struct cni_entry *e)
{
	if (!e)
		return;
	free(e->network);
	free(e->container_id);
	free(e->ifname);
	free(e->netns);
	free(e->args);
	buf_done(&e->config);
	json_freep(&e->caps);
	json_freep(&e->result);
	free(e);
}

/* [["K","V"],...] to "K=V;..." */
static char *read_cached_args(json *pairs)
{
	struct buf out = { 0 };

	for (size_t i = 0; i < json_len(pairs); i++) {
		const char *k = json_text(json_at(json_at(pairs, i), 0)), *v = json_text(json_at(json_at(pairs, i), 1));

		if (k && v)
			buf_addf(&out, "%s%s=%s", out.len ? ";" : "", k, v);
	}
	return out.len ? buf_take(&out) : NULL;
}

static json *write_args(const char *args)
{
	_cleanup_strv_ struct strv parts = { 0 };
	json *pairs = json_new_array();

	strv_split(&parts, args, ";");
	for (size_t i = 0; i < parts.n; i++) {
		char *eq = strchr(parts.v[i], '=');
		json *pair;

		if (!eq)
			continue;
		*eq = '\0';
		pair = json_new_array();
		json_append(pair, json_new_str(parts.v[i]));
		json_append(pair, json_new_str(eq + 1));
		json_append(pairs, pair);
	}
	return pairs;
}

static int entry_from_json(json *j, struct cni_entry *e, struct err *err)
{
	const char *config = json_get_str(j, "config");

	if (!json_get_str(j, "kind")) { /* before cniCacheV1: the bare result */
		e->result = json_object_get(j);
		return 0;
	}
	if (strcmp(json_get_str(j, "kind"), KIND) != 0)
		return err_set(err, ERR_INVALID, "kind \"%s\" is not known", json_get_str(j, "kind"));
	e->result = json_object_get(json_get_object(j, "result")); /* none yet while an ADD is under way */
	e->network = mem_strdup(json_get_str(j, "networkName"));
	e->container_id = mem_strdup(json_get_str(j, "containerId"));
	e->ifname = mem_strdup(json_get_str(j, "ifName"));
	e->netns = mem_strdup(json_get_str(j, "netns"));
	e->args = read_cached_args(json_get_array(j, "cniArgs"));
	e->caps = json_object_get(json_get_object(j, "capabilityArgs"));
	return config ? base64_decode(&e->config, config, strlen(config), err) : 0;
}

int cni_entry_parse(const char *data, size_t len, struct cni_entry **ret, struct err *err)
{
	_cleanup_(cni_entry_freep) struct cni_entry *e = mem_new(struct cni_entry);
	_cleanup_json_ json *j = NULL;
	int r = json_parse(data, len, &j, err);

	if (r < 0)
		return r;
	if (!json_object_is_type(j, json_type_object))
		return err_set(err, ERR_INVALID, "not an object");
	r = entry_from_json(j, e, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(e);
	return 0;
}

void cni_entry_write(const struct cni_entry *e, struct buf *out)
{
	_cleanup_json_ json *j = json_new_object();
	_cleanup_buf_ struct buf config = { 0 };

	base64_encode(&config, e->config.data, e->config.len);
	json_put_str(j, "kind", KIND);
	json_put_str(j, "containerId", e->container_id);
	json_put_str(j, "config", buf_str(&config));
	json_put_str(j, "ifName", e->ifname);
	json_put_str(j, "networkName", e->network);
	json_put_str(j, "netns", e->netns ? e->netns : "");
	if (e->args)
		json_put(j, "cniArgs", write_args(e->args));
	if (e->caps && json_object_object_length(e->caps))
		json_put(j, "capabilityArgs", json_object_get(e->caps));
	if (e->result)
		json_put(j, "result", json_object_get(e->result));
	json_write(j, out);
}

static void put_once(char **field, const char *value)
{
	if (!*field)
		*field = mem_strdup(value);
}

/* A legacy file has its names in that of the file only. */
static int check_entry(struct cni_entry *e, const char *net, const char *container_id, const char *ifname, struct err *err)
{
	put_once(&e->network, net);
	put_once(&e->container_id, container_id);
	put_once(&e->ifname, ifname);
	if (!strcmp(e->network, net) && !strcmp(e->container_id, container_id) && !strcmp(e->ifname, ifname))
		return 0;
	return err_set(err, ERR_INVALID, "cached result of %s %s %s: it is that of %s %s %s", net, container_id, ifname, e->network,
		       e->container_id, e->ifname);
}

static char *entry_path(const char *cache_dir, const char *net, const char *container_id, const char *ifname)
{
	return mem_printf("%s/results/%s-%s-%s", cache_dir, net, container_id, ifname);
}

static int read_entry(const char *path, struct cni_entry **ret, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	int r = file_read(path, ENTRY_MAX, &text, err);

	if (r < 0)
		return err_wrap(err, r, "cached result");
	r = cni_entry_parse(buf_str(&text), text.len, ret, err);
	return r < 0 ? err_wrap(err, r, "cached result %s", path) : 0;
}

int cni_cache_read(const char *cache_dir, const char *net, const char *container_id, const char *ifname, struct cni_entry **ret,
		   struct err *err)
{
	_cleanup_free_ char *path = entry_path(cache_dir, net, container_id, ifname);
	_cleanup_(cni_entry_freep) struct cni_entry *e = NULL;
	int r = read_entry(path, &e, err);

	if (r >= 0)
		r = check_entry(e, net, container_id, ifname, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(e);
	return 0;
}

int cni_cache_write(const char *cache_dir, const struct cni_entry *e, struct err *err)
{
	_cleanup_free_ char *path = entry_path(cache_dir, e->network, e->container_id, e->ifname);
	_cleanup_free_ char *dir = mem_printf("%s/results", cache_dir);
	_cleanup_buf_ struct buf text = { 0 };
	int r = file_mkdirs(dir, 0700, err);

	if (r < 0)
		return err_wrap(err, r, "cached result");
	cni_entry_write(e, &text);
	r = file_write(path, text.data, text.len, 0600, err);
	return r < 0 ? err_wrap(err, r, "cached result") : 0;
}

int cni_cache_remove(const char *cache_dir, const char *net, const char *container_id, const char *ifname, struct err *err)
{
	_cleanup_free_ char *path = entry_path(cache_dir, net, container_id, ifname);

	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, errno, "cached result %s", path);
	return 0;
}

/* "<network>-<container>-<ifname>" of a file that says nothing itself: the crash of a host leaves an empty one. What there is
 * to delete is then known by these names alone. NULL when it is not @container_id's. */
static struct cni_entry *entry_from_name(const char *name, const char *container_id)
{
	_cleanup_free_ char *middle = mem_printf("-%s-", container_id);
	const char *at = strstr(name, middle), *ifname = at ? at + strlen(middle) : NULL;
	_cleanup_(cni_entry_freep) struct cni_entry *e = NULL;

	if (!at || strstr(ifname, middle) || !cni_ifname_valid(ifname))
		return NULL;
	e = mem_new(struct cni_entry);
	e->network = mem_strndup(name, (size_t)(at - name));
	e->container_id = mem_strdup(container_id);
	e->ifname = mem_strdup(ifname);
	e->caps = json_new_object();
	return cni_name_valid(e->network) ? TAKE_PTR(e) : NULL;
}

/* The parts of a file's name may all hold "-", so of a sound file the name only says that it is worth reading. */
static struct cni_entry *find_cached_entry(const char *dir, const char *name, const char *container_id)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", dir, name);
	_cleanup_(cni_entry_freep) struct cni_entry *e = NULL;

	if (!strstr(name, container_id))
		return NULL;
	if (read_entry(path, &e, NULL) < 0 || !e->container_id)
		return entry_from_name(name, container_id);
	if (strcmp(e->container_id, container_id) != 0 || !cni_name_valid(e->network) || !cni_ifname_valid(e->ifname))
		return NULL;
	return TAKE_PTR(e);
}

/* eth2 before eth10; of one interface's name in the order in which they come. */
static bool comes_after(const struct cni_entry *a, const struct cni_entry *b)
{
	const size_t x = strlen(a->ifname), y = strlen(b->ifname);

	return x != y ? x > y : strcmp(a->ifname, b->ifname) > 0;
}

static void insert_entry(struct list_node *head, struct cni_entry *e)
{
	struct list_node *at = head->prev;

	while (at != head && comes_after(container_of(at, struct cni_entry, node), e))
		at = at->prev;
	e->node.prev = at;
	e->node.next = at->next;
	at->next->prev = &e->node;
	at->next = &e->node;
}

typedef struct cni_entry *find_fn(const char *dir, const char *name, const char *arg);

static int scan_results(const char *cache_dir, const char *arg, find_fn *fn, struct list_node *head, struct err *err)
{
	_cleanup_free_ char *dir = mem_printf("%s/results", cache_dir);
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort);

	if (n < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "cached results %s", dir);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ struct dirent *name = names[i];
		struct cni_entry *e = fn(dir, name->d_name, arg);

		if (e)
			insert_entry(head, e);
	}
	free(names);
	return 0;
}

int cni_cache_find(const char *cache_dir, const char *container_id, struct list_node *head, struct err *err)
{
	return scan_results(cache_dir, container_id, find_cached_entry, head, err);
}

/* A sound file names its network. */
static struct cni_entry *find_net_entry(const char *dir, const char *name, const char *net)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", dir, name);
	_cleanup_(cni_entry_freep) struct cni_entry *e = NULL;

	if (net && (strncmp(name, net, strlen(net)) != 0 || name[strlen(net)] != '-'))
		return NULL;
	if (*name == '.' || read_entry(path, &e, NULL) < 0 || !e->network || !e->container_id || !e->ifname)
		return NULL;
	return !net || !strcmp(e->network, net) ? TAKE_PTR(e) : NULL;
}

int cni_cache_find_net(const char *cache_dir, const char *net, struct list_node *head, struct err *err)
{
	return scan_results(cache_dir, net, find_net_entry, head, err);
}
