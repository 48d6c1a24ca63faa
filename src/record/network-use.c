#include "network-use.h"
#include "cni-net.h"
#include "labels.h"
#include "leases.h"
#include "mem.h"
#include "namespaces.h"
#include "network.h"
#include <string.h>

void network_users_done(struct network_users *u)
{
	for (size_t i = 0; i < u->n; i++) {
		char *const owned[] = { u->v[i].ns, u->v[i].job, u->v[i].id, u->v[i].ip, u->v[i].ip6, u->v[i].mac };

		for (size_t k = 0; k < sizeof owned / sizeof *owned; k++)
			free(owned[k]);
	}
	free(u->v);
	*u = (struct network_users){ 0 };
}

/* That of container @id, made when there is none. */
static struct network_user *user_of(struct network_users *u, const char *id)
{
	for (size_t i = 0; i < u->n; i++)
		if (!strcmp(u->v[i].id, id))
			return &u->v[i];
	u->v = mem_grow(u->v, &u->cap, u->n + 1, sizeof *u->v);
	u->v[u->n] = (struct network_user){ .id = mem_strdup(id) };
	return &u->v[u->n++];
}

static void users_add_claim(struct network_users *u, const struct dict *labels, const char *ns, const char *network)
{
	const char *networks = dict_get(labels, CLAIM_NETWORK), *id = dict_get(labels, CLAIM_ID),
		   *job = dict_get(labels, CLAIM_JOB);
	_cleanup_strv_ struct strv names = { 0 };
	struct network_user *its;

	strv_split(&names, networks ? networks : "", ",");
	if (!id || !job || !strv_has(&names, network))
		return;
	its = user_of(u, id);
	free(its->ns);
	free(its->job);
	its->ns = mem_strdup(ns);
	its->job = mem_strdup(job);
}

static int users_add_claims(struct core *c, const char *network, const struct ctx *ctx, struct network_users *u, struct err *err)
{
	_cleanup_(ctrd_namespaces_done) struct ctrd_namespaces all = { 0 };
	int r = namespaces_list(c->ctrd, ctx, &all, err);

	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		_cleanup_(ctrd_freep) struct ctrd *there = ctrd_in(c->ctrd, all.v[i].name);
		_cleanup_(ctrd_leases_done) struct ctrd_leases l = { 0 };

		r = leases_list(there, "labels.\"" CLAIM_NETWORK "\"", ctx, &l, err);
		for (size_t k = 0; r >= 0 && k < l.n; k++)
			users_add_claim(u, &l.v[k].labels, all.v[i].name, network);
	}
	return r;
}

static int users_add_members(struct core *c, const char *network, struct network_users *u, struct err *err)
{
	_cleanup_(cni_members_done) struct cni_members all = { 0 };
	int r = cni_members(&c->conf.cni, network, &all, err);

	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		struct network_user *its = user_of(u, all.v[i].container_id);
		const struct cni_result *res = &all.v[i].result;

		if (!its->mac)
			its->mac = mem_strdup(res->mac);
		for (size_t k = 0; k < res->n_ips; k++) {
			char **ip = strchr(res->ips[k].address, ':') ? &its->ip6 : &its->ip;

			if (!*ip)
				*ip = mem_strdup(res->ips[k].address);
		}
	}
	return r;
}

static int user_compare(const void *a, const void *b)
{
	const struct network_user *x = a, *y = b;

	return strcmp(x->job ? x->job : x->id, y->job ? y->job : y->id);
}

int network_users(struct core *c, const char *network, const struct ctx *ctx, struct network_users *ret, struct err *err)
{
	int r = users_add_claims(c, network, ctx, ret, err);

	if (r >= 0)
		r = users_add_members(c, network, ret, err);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, user_compare);
	return r < 0 ? r : 0;
}

void network_users_names(const struct core *c, const struct network_users *u, struct strv *ret)
{
	for (size_t i = 0; i < u->n; i++) {
		const struct network_user *its = &u->v[i];

		if (!its->job)
			strv_pushf(ret, "container %s", its->id);
		else if (!strcmp(its->ns, c->conf.ns))
			strv_push(ret, its->job);
		else
			strv_pushf(ret, "%s/%s", its->ns, its->job);
	}
}

int network_drop(struct core *c, const char *network, const struct ctx *ctx, struct err *err)
{
	_cleanup_(network_users_done) struct network_users u = { 0 };
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_free_ char *text = NULL;
	int r = network_users(c, network, ctx, &u, err);

	if (r < 0)
		return err_wrap(err, r, "network %s", network);
	if (!u.n)
		return network_remove(&c->conf.cni, network, err);
	network_users_names(c, &u, &names);
	text = strv_join(&names, ", ");
	return err_hint(err, err_set(err, ERR_PRECONDITION, "network %s is in use: by %s", network, text),
			"davit rm -f removes jobs");
}

static int network_prune_one(struct core *c, const char *name, bool dry_run, const struct ctx *ctx, struct strv *removed,
			     struct err *err)
{
	_cleanup_(cni_net_freep) struct cni_net *list = NULL;
	_cleanup_(network_done) struct network n = { 0 };
	_cleanup_(network_users_done) struct network_users u = { 0 };
	int r;

	if (cni_net_load(&c->conf.cni, name, &list, NULL, NULL) < 0)
		return 0; /* somebody was faster */
	network_read(list, &n);
	if (!n.ours || cni_net_is_default(name))
		return 0;
	r = network_users(c, name, ctx, &u, err);
	if (r < 0 || u.n)
		return r;
	if (!dry_run)
		r = network_remove(&c->conf.cni, name, err);
	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r >= 0)
		strv_push(removed, name);
	return r;
}

int network_prune(struct core *c, bool dry_run, const struct ctx *ctx, struct strv *removed, struct err *err)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = cni_net_names(&c->conf.cni, &names, NULL, err);

	for (size_t i = 0; r >= 0 && i < names.n; i++)
		r = network_prune_one(c, names.v[i], dry_run, ctx, removed, err);
	return r;
}
