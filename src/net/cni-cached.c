/* What the cache knows of attachments, and their DEL by it alone. */
#include "cni-cache.h"
#include "cni-result.h"
#include "cni.h"
#include "file.h"
#include "mem.h"
#include <string.h>

static int del_entry(struct loop *loop, const struct cni_conf *conf, const struct cni_entry *e, const char *netns,
		     const struct ctx *ctx, struct err *err)
{
	_cleanup_(cni_net_freep) struct cni_net *net = NULL;
	const struct cni_attach at = { .container_id = e->container_id,
				       .ifname = e->ifname,
				       .netns = netns && file_exists(netns) ? netns : "",
				       .args = e->args };
	struct cni_op *op;
	int r;

	if (!e->config.len) /* no longer known: the folder must still have its network */
		r = cni_net_load(conf, e->network, &net, NULL, err);
	else
		r = cni_net_parse(buf_str(&e->config), e->config.len, "cached configuration", &net, err);
	if (r >= 0)
		r = cni_del_begin(loop, conf, net, &at, &op, err);
	return r < 0 ? r : cni_del_end(op, ctx, err);
}

int cni_del_cached(struct loop *loop, const struct cni_conf *conf, const char *container_id, const char *netns,
		   const struct ctx *ctx, struct err *err)
{
	struct list_node all;
	struct err why = ERR_INIT;
	int r, first = 0;

	list_init(&all);
	r = cni_cache_find(conf->cache_dir, container_id, &all, err);
	if (r < 0)
		return r;
	while (!list_empty(&all)) { /* the last first */
		struct list_node *it = all.prev;
		struct cni_entry *e = container_of(it, struct cni_entry, node);

		err_clear(&why);
		r = del_entry(loop, conf, e, netns ? netns : e->netns, ctx, &why);
		if (r < 0 && first == 0) {
			first = r;
			if (err)
				*err = why;
		}
		list_unlink(it);
		cni_entry_free(e);
	}
	return first;
}

static bool any_cached(const struct cni_conf *conf, const char *container_id, bool with_ports)
{
	struct list_node all;
	bool any = false;

	list_init(&all);
	(void)cni_cache_find(conf->cache_dir, container_id, &all, NULL);
	list_for_each(it, &all) {
		struct cni_entry *e = container_of(it, struct cni_entry, node);

		any = any || !with_ports || json_get(e->caps, "portMappings");
		list_unlink(it);
		cni_entry_free(e);
	}
	return any;
}

void cni_cached_networks(const struct cni_conf *conf, const char *container_id, struct strv *ret)
{
	struct list_node all;

	list_init(&all);
	(void)cni_cache_find(conf->cache_dir, container_id, &all, NULL);
	list_for_each(it, &all) {
		struct cni_entry *e = container_of(it, struct cni_entry, node);

		if (!strv_has(ret, e->network))
			strv_push(ret, e->network);
		list_unlink(it);
		cni_entry_free(e);
	}
}

bool cni_is_cached(const struct cni_conf *conf, const char *container_id) { return any_cached(conf, container_id, false); }

bool cni_has_ports(const struct cni_conf *conf, const char *container_id) { return any_cached(conf, container_id, true); }

int cni_first_result(const struct cni_conf *conf, const char *container_id, struct cni_result *ret, struct err *err)
{
	struct list_node all;
	int r = 1;

	list_init(&all);
	(void)cni_cache_find(conf->cache_dir, container_id, &all, NULL);
	list_for_each(it, &all) {
		struct cni_entry *e = container_of(it, struct cni_entry, node);

		if (r > 0 && e->result)
			r = cni_result_read(e->result, e->ifname, ret, err);
		list_unlink(it);
		cni_entry_free(e);
	}
	return r > 0 ? err_set(err, ERR_NOT_FOUND, "no result is cached for %s", container_id) : r;
}

int cni_cached_result(const struct cni_conf *conf, const char *net, const char *container_id, const char *ifname,
		      struct cni_result *ret, struct err *err)
{
	_cleanup_(cni_entry_freep) struct cni_entry *e = NULL;
	int r = cni_cache_read(conf->cache_dir, net, container_id, ifname, &e, err);

	if (r < 0)
		return r;
	if (!e->result)
		return err_set(err, ERR_NOT_FOUND, "network %s: no result is cached for %s", net, container_id);
	return cni_result_read(e->result, ifname, ret, err);
}

void cni_members_done(struct cni_members *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].network);
		free(m->v[i].container_id);
		free(m->v[i].ifname);
		strv_done(&m->v[i].names);
		cni_result_done(&m->v[i].result);
	}
	free(m->v);
	*m = (struct cni_members){ 0 };
}

/* Takes what it can use of the entry. */
static void add_member(struct cni_members *m, struct cni_entry *e)
{
	struct cni_member its = { .network = TAKE_PTR(e->network),
				  .container_id = TAKE_PTR(e->container_id),
				  .ifname = TAKE_PTR(e->ifname) };

	json_get_strv(e->caps, "aliases", &its.names);
	if (e->result && cni_result_read(e->result, its.ifname, &its.result, NULL) < 0)
		its.result = (struct cni_result){ 0 };
	m->v = mem_grow(m->v, &m->cap, m->n + 1, sizeof *m->v);
	m->v[m->n++] = its;
}

static void add_members(struct cni_members *m, struct list_node *all)
{
	list_for_each(it, all) {
		struct cni_entry *e = container_of(it, struct cni_entry, node);

		add_member(m, e);
		list_unlink(it);
		cni_entry_free(e);
	}
}

int cni_members(const struct cni_conf *conf, const char *net, struct cni_members *ret, struct err *err)
{
	struct list_node all;
	int r;

	list_init(&all);
	r = cni_cache_find_net(conf->cache_dir, net, &all, err);
	add_members(ret, &all);
	return r;
}

int cni_members_of(const struct cni_conf *conf, const char *container_id, struct cni_members *ret, struct err *err)
{
	struct list_node all;
	int r;

	list_init(&all);
	r = cni_cache_find(conf->cache_dir, container_id, &all, err);
	add_members(ret, &all);
	return r;
}

/* 1: it has another name now. */
static int cached_entry_rename(struct cni_entry *e, const char *from, const char *to)
{
	_cleanup_strv_ struct strv had = { 0 }, has = { 0 };

	json_get_strv(e->caps, "aliases", &had);
	if (!strv_has(&had, from))
		return 0;
	for (size_t i = 0; i < had.n; i++) {
		const char *name = strcmp(had.v[i], from) ? had.v[i] : to;

		if (!strv_has(&has, name))
			strv_push(&has, name);
	}
	json_put_strv(e->caps, "aliases", &has);
	return 1;
}

int cni_cached_rename(const struct cni_conf *conf, const char *container_id, const char *from, const char *to, struct err *err)
{
	struct list_node all;
	int r;

	list_init(&all);
	r = cni_cache_find(conf->cache_dir, container_id, &all, err);
	if (r < 0)
		return r;
	list_for_each(it, &all) {
		struct cni_entry *e = container_of(it, struct cni_entry, node);

		if (r >= 0 && cached_entry_rename(e, from, to))
			r = cni_cache_write(conf->cache_dir, e, err);
		list_unlink(it);
		cni_entry_free(e);
	}
	return r < 0 ? r : 0;
}
