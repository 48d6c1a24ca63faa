/* ADD, DEL and CHECK of one attachment: what is cached of it before and after, and the op between (cni-op.h). */
#include "cni.h"
#include "cni-net.h"
#include "cni-op.h"
#include "cni-ports.h"
#include "cni-result.h"
#include "cni-wish.h"
#include "mem.h"
#include <stdlib.h>

static json *port_mappings(const struct cni_attach *at)
{
	json *a = json_new_array();

	for (size_t i = 0; i < at->n_ports; i++) {
		json *o = json_new_object();

		json_put_int(o, "hostPort", at->ports[i].host);
		json_put_int(o, "containerPort", at->ports[i].inside);
		json_put_str(o, "protocol", port_proto_name(at->ports[i].proto));
		json_put_str(o, "hostIP", at->ports[i].host_ip);
		json_append(a, o);
	}
	return a;
}

static void put_strings(json *o, const char *key, const struct strv *list)
{
	if (list && list->n)
		json_put_strv(o, key, list);
}

static void put_wishes(json *caps, const struct cni_net *net, const struct cni_attach *at)
{
	_cleanup_strv_ struct strv ips = { 0 };

	if (at->ips)
		cni_wish_ips(net, at->ips, &ips);
	put_strings(caps, "ips", &ips);
	json_put_str(caps, "mac", at->mac);
	put_strings(caps, "aliases", at->names);
}

static json *capability_args(const struct cni_net *net, const struct cni_attach *at)
{
	json *caps = json_new_object(), *dns = json_new_object();

	if (at->n_ports)
		json_put(caps, "portMappings", port_mappings(at));
	put_wishes(caps, net, at);
	put_strings(dns, "servers", at->dns);
	put_strings(dns, "searches", at->dns_search);
	put_strings(dns, "options", at->dns_options);
	if (json_object_object_length(dns))
		json_put(caps, "dns", dns);
	else
		json_freep(&dns);
	return caps;
}

static struct cni_entry *new_entry(const struct cni_net *net, const struct cni_attach *at)
{
	struct cni_entry *e = mem_new(struct cni_entry);

	e->network = mem_strdup(net->name);
	e->container_id = mem_strdup(at->container_id);
	e->ifname = mem_strdup(at->ifname);
	e->netns = mem_strdup(at->netns);
	e->args = mem_strdup(at->args);
	buf_add(&e->config, net->text.data, net->text.len);
	e->caps = capability_args(net, at);
	return e;
}

static int check_names(const struct cni_attach *at, struct err *err)
{
	if (!cni_name_valid(at->container_id))
		return err_set(err, ERR_INVALID, "container id \"%.80s\": not valid for CNI",
			       at->container_id ? at->container_id : "");
	if (!cni_ifname_valid(at->ifname))
		return err_set(err, ERR_INVALID, "interface name \"%.80s\": not valid", at->ifname ? at->ifname : "");
	return 0;
}

bool cni_op_ready(const struct cni_op *op) { return op->done; }

void cni_op_abort(struct cni_op *op)
{
	if (!op)
		return;
	if (op->verb == CNI_ADD)
		cni_op_undo(op);
	cni_op_free(op);
}

/* libcni does neither: it would add over an attachment, and forget ports that no plugin forwards. */
static int check_add(const struct cni_conf *conf, const struct cni_net *net, const struct cni_attach *at, struct err *err)
{
	_cleanup_(cni_entry_freep) struct cni_entry *there = NULL;
	int r = check_names(at, err);

	if (r < 0)
		return r;
	r = cni_ports_check(net, at->ports, at->n_ports, err);
	if (r < 0)
		return r;
	if (cni_cache_read(conf->cache_dir, net->name, at->container_id, at->ifname, &there, NULL) >= 0)
		return err_hint(err,
				err_set(err, ERR_EXISTS, "network %s: %s of %s is attached already", net->name, at->ifname,
					at->container_id),
				"davit prune removes what is left of jobs that are gone");
	return 0;
}

int cni_add_begin(struct loop *loop, const struct cni_conf *conf, const struct cni_net *net, const struct cni_attach *at,
		  struct cni_op **ret, struct err *err)
{
	_cleanup_(cni_op_freep) struct cni_op *op = NULL;
	int r = check_add(conf, net, at, err);

	if (r < 0)
		return r;
	op = cni_op_new(loop, conf, net, CNI_ADD, new_entry(net, at), at->lock_fd);
	r = cni_cache_write(op->cache_dir, op->entry, err);
	if (r < 0)
		return err_wrap(err, r, "network %s", net->name);
	op->cached = true;
	op->held = at->hold_ports;
	cni_op_run(op);
	*ret = TAKE_PTR(op);
	return 0;
}

void cni_add_go(struct cni_op *op)
{
	op->held = false;
	cni_op_run(op);
}

static int check_result(const struct cni_op *op, struct cni_result *res, struct err *err)
{
	int r = cni_wish_check(op->entry->caps, res, err);

	if (r < 0)
		cni_result_done(res);
	return r;
}

int cni_add_end(struct cni_op *op, const struct ctx *ctx, struct cni_result *ret, struct err *err)
{
	_cleanup_(cni_op_freep) struct cni_op *own = op;
	int r = cni_op_wait(op, ctx, err);

	if (r >= 0 && op->entry->result) {
		r = cni_result_read(op->entry->result, op->entry->ifname, ret, err);
		if (r >= 0)
			r = check_result(op, ret, err);
		if (r < 0)
			r = err_wrap(err, r, "network %s", op->entry->network);
	}
	if (r < 0)
		cni_op_undo(own);
	return r;
}

/* What is cached of the attachment holds over what the caller says of it. */
static struct cni_entry *known_entry(const struct cni_conf *conf, const struct cni_net *net, const struct cni_attach *at,
				     bool *ret_cached)
{
	struct cni_entry *e = NULL;

	*ret_cached = false;
	if (cni_cache_read(conf->cache_dir, net->name, at->container_id, at->ifname, &e, NULL) < 0)
		return new_entry(net, at);
	*ret_cached = true;
	free(e->netns);
	e->netns = mem_strdup(at->netns);
	return e;
}

int cni_del_begin(struct loop *loop, const struct cni_conf *conf, const struct cni_net *net, const struct cni_attach *at,
		  struct cni_op **ret, struct err *err)
{
	struct cni_op *op;
	bool cached;
	int r = check_names(at, err);

	if (r < 0)
		return r;
	op = cni_op_new(loop, conf, net, CNI_DEL, known_entry(conf, net, at, &cached), at->lock_fd);
	op->cached = cached;
	op->thorough = true;
	cni_op_run(op);
	*ret = op;
	return 0;
}

int cni_del_end(struct cni_op *op, const struct ctx *ctx, struct err *err)
{
	_cleanup_(cni_op_freep) struct cni_op *own = op;
	int r = cni_op_wait(own, ctx, err);

	return r < 0 ? r : cni_op_forget(own, err);
}

int cni_check(struct loop *loop, const struct cni_conf *conf, const struct cni_net *net, const struct cni_attach *at,
	      const struct ctx *ctx, struct err *err)
{
	_cleanup_(cni_op_freep) struct cni_op *op = NULL;
	bool cached;
	int r = check_names(at, err);

	if (r < 0 || cni_net_is_set(net, "disableCheck"))
		return r;
	if (cni_version(net->version) < CNI_0_4_0)
		return err_set(err, ERR_UNIMPLEMENTED, "network %s: version %s knows no CHECK", net->name, net->version);
	op = cni_op_new(loop, conf, net, CNI_CHECK, known_entry(conf, net, at, &cached), at->lock_fd);
	cni_op_run(op);
	return cni_op_wait(op, ctx, err);
}
