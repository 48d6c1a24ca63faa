/* Theory of operation: an op is a list of programs, each started when the loop reports the end of the last one that it has to
 * wait for (cni-plan.h); so the caller's own work goes on beside a chain of slow plugins. The cache entry is written before the
 * first plugin of an ADD and whenever a result is a new one, so that a DEL finds what there is to delete wherever an ADD was
 * killed. When a program of an ADD fails, what runs beside it comes to its end before the DEL: a plugin killed halfway leaves
 * more to guess. */
#include "cni.h"
#include "cni-cache.h"
#include "cni-net.h"
#include "cni-plan.h"
#include "cni-ports.h"
#include "cni-result.h"
#include "clock.h"
#include "file.h"
#include "forward.h"
#include "log.h"
#include "mem.h"
#include <stdlib.h>
#include <string.h>

enum { OUT_MAX = 1 << 20, ERR_MAX = 4096, UNDO_MS = 30000 };

enum cni_verb { CNI_ADD, CNI_DEL, CNI_CHECK };
static const char *const verb_names[] = { "ADD", "DEL", "CHECK" };

struct program {
	struct cni_op *op;
	const struct cni_place *at;
	struct child *child; /* while it runs */
	json *given;         /* the result that an ADD handed to it */
	bool begun, ended;
	bool failed;
	bool again; /* its DEL runs for the second time */
	bool added; /* an ADD has started it */
};

struct cni_op {
	struct loop *loop;
	enum cni_verb verb;
	char *path, *cache_dir;
	json *list; /* the network's configuration */
	char *version;
	struct cni_entry *entry; /* what is cached: names, capability arguments, the result so far */
	int hold_fd;
	struct cni_place *places;
	struct program *programs; /* in step with the places */
	size_t n, n_begun, n_running;
	bool cached; /* the entry is in the cache */
	bool held;   /* what forwards ports waits for cni_add_go() */
	bool done;
	bool thorough; /* a failing program does not end a DEL, and one that hangs not the time of the others */
	bool undoing;  /* the DEL of an ADD that failed: plugins that it did not start have nothing to delete */
	int r;
	struct err err;
};

static void run_ready_programs(struct cni_op *op);

/* What a program gets. */

static json *runtime_config(const struct cni_op *op, json *plugin)
{
	json *can = json_get_object(plugin, "capabilities"), *out = NULL;

	if (!can || !op->entry->caps)
		return NULL;
	json_object_object_foreach(op->entry->caps, key, value) {
		if (!json_get_bool(can, key, false))
			continue;
		if (!out)
			out = json_new_object();
		json_put(out, key, json_object_get(value));
	}
	return out;
}

/* The plugin's own object with the list's name and version, the result so far, and what it is capable of (SPEC, "Deriving
 * execution configuration from plugin configuration"). */
static void write_input(const struct cni_op *op, json *plugin, struct buf *out)
{
	_cleanup_json_ json *conf = json_new_object();
	json *rc = runtime_config(op, plugin);

	json_object_object_foreach(plugin, key, value) {
		if (strcmp(key, "capabilities") != 0)
			json_put(conf, key, json_object_get(value));
	}
	json_put_str(conf, "name", op->entry->network);
	json_put_str(conf, "cniVersion", op->version);
	if (rc)
		json_put(conf, "runtimeConfig", rc);
	if (op->entry->result && (op->verb == CNI_ADD || cni_version(op->version) >= CNI_0_4_0))
		json_put(conf, "prevResult", json_object_get(op->entry->result));
	json_write(conf, out);
}

/* Plugins look for iptables in PATH, and that of a user who became root by su(1) has no sbin. */
static void write_env(const struct cni_op *op, struct strv *env)
{
	const char *path = getenv("PATH");

	for (char **e = environ; *e; e++)
		if (strncmp(*e, "CNI_", 4) != 0 && strncmp(*e, "PATH=", 5) != 0)
			strv_push(env, *e);
	strv_pushf(env, "PATH=%s%s" FORWARD_PATH, path ? path : "", path && *path ? ":" : "");
	strv_pushf(env, "CNI_COMMAND=%s", verb_names[op->verb]);
	strv_pushf(env, "CNI_CONTAINERID=%s", op->entry->container_id);
	strv_pushf(env, "CNI_NETNS=%s", op->entry->netns ? op->entry->netns : "");
	strv_pushf(env, "CNI_IFNAME=%s", op->entry->ifname);
	strv_pushf(env, "CNI_PATH=%s", op->path);
	if (op->entry->args)
		strv_pushf(env, "CNI_ARGS=%s", op->entry->args);
}

/* What a program answers. */

static enum errc code_of(int64_t cni)
{
	switch (cni) {
	case 11: return ERR_UNAVAILABLE;
	case 4:
	case 6:
	case 7: return ERR_INVALID;
	case 1:
	case 2: return ERR_UNIMPLEMENTED;
	default: return ERR_INTERNAL;
	}
}

/* Adds ": " and @text, its white space folded: iptables speaks in several lines. */
static void add_folded(struct buf *out, const char *text)
{
	_cleanup_strv_ struct strv words = { 0 };

	strv_split(&words, text ? text : "", " \t\r\n");
	for (size_t i = 0; i < words.n; i++)
		buf_addf(out, "%s%s", i ? " " : out->len ? ": " : "", words.v[i]);
}

/* An error object on standard output, else what it said on standard error (SPEC, "Error"). */
static int program_failed(struct child *child, int status, struct err *err)
{
	_cleanup_json_ json *j = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	struct buf *out = child_out(child);
	enum errc code = ERR_INTERNAL;
	char how[64];
	int r;

	if (json_parse(buf_str(out), out->len, &j, NULL) >= 0 && json_get_str(j, "msg")) {
		code = code_of(json_get_int(j, "code", 999));
		add_folded(&text, json_get_str(j, "msg"));
		add_folded(&text, json_get_str(j, "details"));
	}
	if (!text.len) {
		buf_adds(&text, child_describe(status, how));
		add_folded(&text, buf_str(child_err(child)));
	}
	r = err_set(err, code, "%s", text.data);
	return strstr(text.data, "tables\": executable file not found") ? err_hint(err, r, "apt-get install iptables") : r;
}

/* A result handed on as it was given says nothing new: whoever ran beside may have changed it by now. */
static int take_result(struct program *p, struct err *err)
{
	struct cni_op *op = p->op;
	struct buf *out = child_out(p->child);
	_cleanup_json_ json *j = NULL;
	int r;

	if (out->len == OUT_MAX)
		return err_set(err, ERR_EXHAUSTED, "its result is longer than %d bytes", OUT_MAX);
	r = json_parse(buf_str(out), out->len, &j, err);
	if (r < 0)
		return err_wrap(err, r, "its result");
	if (!json_object_is_type(j, json_type_object))
		return err_set(err, ERR_INTERNAL, "its result is not an object");
	if (!json_get(j, "cniVersion"))
		json_put_str(j, "cniVersion", op->version);
	if (p->given && json_object_equal(j, p->given))
		return 0;
	json_freep(&op->entry->result);
	op->entry->result = TAKE_PTR(j);
	return cni_cache_write(op->cache_dir, op->entry, err);
}

/* False: in the DEL of an ADD that did not come to it. */
static bool has_to_delete(const struct program *p) { return !p->op->undoing || !p->at->plugin || p->added; }

/* The first error of an op is the one that is told. */
static void program_fail(struct program *p, int r, struct err *err)
{
	struct cni_op *op = p->op;
	const char *type = json_get_str(p->at->plugin, "type");

	p->failed = true;
	(void)err_wrap(err, r, "network %s: %s%s", op->entry->network, type ? "plugin " : "",
		       type ? type : forward_name(p->at->family));
	if (op->r < 0 || !has_to_delete(p))
		return;
	op->r = r;
	op->err = *err;
}

static void program_end(struct program *p)
{
	child_free(TAKE_PTR(p->child));
	json_freep(&p->given);
	p->given = NULL;
	p->ended = true;
	p->op->n_running--;
}

/* Whoever waits for the ports of a job that is being removed need not wait for the rest of it. */
static void note_ports_freed(struct cni_op *op)
{
	struct err err = ERR_INIT;

	if (op->verb != CNI_DEL || !op->cached || !json_get(op->entry->caps, "portMappings"))
		return;
	for (size_t i = 0; i < op->n; i++)
		if (op->programs[i].at->ports && (!op->programs[i].ended || op->programs[i].failed))
			return;
	json_object_object_del(op->entry->caps, "portMappings");
	if (cni_cache_write(op->cache_dir, op->entry, &err) < 0)
		log_debug("%s", err.msg); /* they are free once the whole DEL has ended */
}

static bool is_failure(const struct program *p, int status)
{
	if (status == 0)
		return false;
	return p->at->plugin || !forward_may_fail(p->op->list, status, p->op->verb == CNI_ADD);
}

/* The plugin's DEL stopped at something; a second one goes on behind it. So the reference bridge (with iptables 1.8.9) fails at
 * rules that somebody has flushed, but not when it has deleted the interface already. */
static void ask_again(struct program *p)
{
	program_end(p);
	p->begun = p->ended = false;
	p->again = true;
	p->op->n_begun--;
	run_ready_programs(p->op);
}

static void on_ended(void *arg)
{
	struct program *p = arg;
	struct err err = ERR_INIT;
	int status = child_status(p->child), r = 0;

	if (child_flooded(p->child))
		r = err_set(&err, ERR_EXHAUSTED, "it writes without end: killed after %d bytes", OUT_MAX);
	else if (is_failure(p, status))
		r = program_failed(p->child, status, &err);
	else if (p->op->verb == CNI_ADD && p->at->plugin)
		r = take_result(p, &err);
	if (r == -ERR_UNIMPLEMENTED && p->op->verb == CNI_DEL) /* then it has added nothing either */
		r = 0;
	if (r < 0 && p->op->verb == CNI_DEL && p->at->plugin && !p->again && has_to_delete(p)) {
		ask_again(p);
		return;
	}
	if (r < 0)
		program_fail(p, r, &err);
	program_end(p);
	if (p->at->ports)
		note_ports_freed(p->op);
	run_ready_programs(p->op);
}

static int program_start(struct program *p, struct child_spec *spec, struct err *err)
{
	spec->out_max = OUT_MAX;
	spec->err_max = ERR_MAX;
	spec->flood_max = OUT_MAX;
	spec->hold_fd = p->op->hold_fd;
	spec->group = true;
	spec->ended = on_ended;
	spec->arg = p;
	return child_start(p->op->loop, spec, &p->child, err);
}

/* First regular file of that name in the list of folders; libcni asks no execute bit, we do. */
static int find_plugin(const struct cni_op *op, const char *type, char **ret, struct err *err)
{
	*ret = file_find(op->path, type);
	if (*ret)
		return 0;
	return err_hint(err, err_set(err, ERR_NOT_FOUND, "not found in %s", op->path),
			"apt-get install containernetworking-plugins, or name its folder with --cni-path");
}

static int start_plugin(struct program *p, struct err *err)
{
	const struct cni_op *op = p->op;
	_cleanup_free_ char *program = NULL;
	_cleanup_buf_ struct buf input = { 0 };
	_cleanup_strv_ struct strv env = { 0 };
	int r = find_plugin(op, json_get_str(p->at->plugin, "type"), &program, err);

	if (r >= 0 && op->verb == CNI_ADD)
		r = cni_ports_reach(p->at->plugin, json_get_array(op->entry->caps, "portMappings"), op->entry->result, err);
	if (r < 0)
		return r;
	write_input(op, p->at->plugin, &input);
	write_env(op, &env);
	r = program_start(p,
			  &(struct child_spec){ .path = program,
						.argv = (char *[]){ program, NULL },
						.envp = env.v,
						.input = buf_str(&input),
						.input_len = input.len },
			  err);
	if (r == 0 && op->verb == CNI_ADD) {
		p->given = json_object_get(op->entry->result);
		p->added = true;
	}
	return r;
}

/* 1: there is nothing to be run. */
static int start_forward(struct program *p, struct err *err)
{
	const struct cni_op *op = p->op;
	_cleanup_strv_ struct strv argv = { 0 };

	if (!forward_argv(p->at->family, op->entry->result, op->entry->container_id, op->verb == CNI_ADD, &argv))
		return 1;
	return program_start(p, &(struct child_spec){ .path = argv.v[0], .argv = argv.v }, err);
}

static void program_begin(struct program *p)
{
	struct err err = ERR_INIT;
	int r;

	p->begun = true;
	p->op->n_begun++;
	p->op->n_running++;
	r = p->at->plugin ? start_plugin(p, &err) : start_forward(p, &err);
	if (r < 0)
		program_fail(p, r, &err);
	if (r != 0)
		program_end(p);
}

static bool program_is_ready(const struct cni_op *op, size_t i)
{
	if (op->programs[i].begun || (op->held && op->places[i].ports))
		return false;
	for (size_t j = 0; j < op->n; j++)
		if (!op->programs[j].ended && cni_plan_waits(op->places, i, j, op->verb == CNI_DEL))
			return false;
	return true;
}

/* Starts what has nothing left to wait for; a program that ends by being started may set free another. */
static void run_ready_programs(struct cni_op *op)
{
	size_t begun;

	do {
		begun = op->n_begun;
		for (size_t i = 0; i < op->n && (op->thorough || op->r >= 0); i++)
			if (program_is_ready(op, i))
				program_begin(&op->programs[i]);
	} while (op->n_begun > begun);
	op->done = op->n_running == 0 && (!op->held || op->r < 0);
}

/* Making ops. */

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

static json *capability_args(const struct cni_attach *at)
{
	json *caps = json_new_object(), *dns = json_new_object();

	if (at->n_ports)
		json_put(caps, "portMappings", port_mappings(at));
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
	e->caps = capability_args(at);
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

/* Takes @entry over. */
static struct cni_op *new_op(struct loop *loop, const struct cni_conf *conf, const struct cni_net *net, enum cni_verb verb,
			     struct cni_entry *entry, int hold_fd)
{
	struct cni_op *op = mem_new(struct cni_op);

	*op = (struct cni_op){ .loop = loop,
			       .verb = verb,
			       .path = mem_strdup(conf->path),
			       .cache_dir = mem_strdup(conf->cache_dir),
			       .list = json_object_get(net->list),
			       .version = mem_strdup(net->version),
			       .entry = entry,
			       .hold_fd = hold_fd };
	op->n = cni_plan(op->list, verb != CNI_CHECK && json_get(entry->caps, "portMappings") && forward_wanted(net->list),
			 &op->places);
	op->programs = mem_array(struct program, op->n);
	for (size_t i = 0; i < op->n; i++)
		op->programs[i] = (struct program){ .op = op, .at = &op->places[i] };
	return op;
}

static void stop_all(struct cni_op *op)
{
	for (size_t i = 0; i < op->n; i++)
		if (op->programs[i].child)
			program_end(&op->programs[i]);
}

static void op_free(struct cni_op *op)
{
	if (!op)
		return;
	stop_all(op);
	free(op->programs);
	free(op->places);
	cni_entry_free(op->entry);
	json_freep(&op->list);
	free(op->path);
	free(op->cache_dir);
	free(op->version);
	free(op);
}
DEFINE_CLEANUP(struct cni_op, op_free)

/* What of @ctx's time the programs that run may take: in a thorough DEL their share, so that one that hangs leaves the others
 * time. */
static struct ctx share_of(const struct cni_op *op, const struct ctx *ctx)
{
	int64_t left = ctx_left(ctx) / NSEC_PER_MSEC;

	if (!op->thorough || !left)
		return ctx ? *ctx : ctx_none();
	return ctx_within(ctx, left / (int64_t)(op->n - op->n_begun + 1));
}

/* The time of those that run is over, or nobody wants them any more. */
static void give_up(struct cni_op *op, int r, const struct err *why)
{
	for (size_t i = 0; i < op->n; i++) {
		struct err err = *why;

		if (!op->programs[i].child)
			continue;
		program_fail(&op->programs[i], r, &err);
		program_end(&op->programs[i]);
	}
}

static int op_wait(struct cni_op *op, const struct ctx *ctx, struct err *err)
{
	struct ctx own = ctx_none();
	size_t begun = SIZE_MAX;

	while (!op->done) {
		struct err why = ERR_INIT;
		int r;

		if (begun != op->n_begun)
			own = share_of(op, ctx);
		begun = op->n_begun;
		r = loop_turn(op->loop, &own, &why);
		if (r == 0)
			continue;
		give_up(op, r, &why);
		op->thorough = op->thorough && ctx_check(ctx, NULL) == 0;
		run_ready_programs(op);
	}
	if (op->r < 0 && err)
		*err = op->err;
	return op->r;
}

static int remove_cached_entry(const struct cni_op *op, struct err *err)
{
	int r = cni_cache_remove(op->cache_dir, op->entry->network, op->entry->container_id, op->entry->ifname, err);

	return r < 0 ? err_wrap(err, r, "network %s", op->entry->network) : 0;
}

/* The DEL of an ADD that did not come to its end. What it leaves stays in the cache, for cni_del_cached(). */
static void undo_add(struct cni_op *op)
{
	struct ctx ctx = ctx_within(NULL, UNDO_MS);
	struct err err = ERR_INIT;
	int r;

	stop_all(op);
	op->verb = CNI_DEL;
	op->thorough = op->undoing = true;
	op->done = op->held = false;
	op->n_begun = 0;
	for (size_t i = 0; i < op->n; i++)
		op->programs[i].begun = op->programs[i].ended = op->programs[i].failed = op->programs[i].again = false;
	op->r = 0;
	op->err = (struct err)ERR_INIT;
	run_ready_programs(op);
	r = op_wait(op, &ctx, &err);
	if (r >= 0)
		r = remove_cached_entry(op, &err);
	if (r < 0)
		log_warn("undoing the ADD of %s: %s", op->entry->container_id, err.msg);
}

bool cni_op_ready(const struct cni_op *op) { return op->done; }

void cni_op_abort(struct cni_op *op)
{
	if (!op)
		return;
	if (op->verb == CNI_ADD)
		undo_add(op);
	op_free(op);
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
	_cleanup_(op_freep) struct cni_op *op = NULL;
	int r = check_add(conf, net, at, err);

	if (r < 0)
		return r;
	op = new_op(loop, conf, net, CNI_ADD, new_entry(net, at), at->hold_fd);
	r = cni_cache_write(op->cache_dir, op->entry, err);
	if (r < 0)
		return err_wrap(err, r, "network %s", net->name);
	op->cached = true;
	op->held = at->hold_ports;
	run_ready_programs(op);
	*ret = TAKE_PTR(op);
	return 0;
}

void cni_add_go(struct cni_op *op)
{
	op->held = false;
	run_ready_programs(op);
}

int cni_add_end(struct cni_op *op, const struct ctx *ctx, struct cni_result *ret, struct err *err)
{
	_cleanup_(op_freep) struct cni_op *own = op;
	int r = op_wait(op, ctx, err);

	if (r >= 0 && op->entry->result) {
		r = cni_result_read(op->entry->result, op->entry->ifname, ret, err);
		if (r < 0)
			r = err_wrap(err, r, "network %s", op->entry->network);
	}
	if (r < 0)
		undo_add(own);
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
	op = new_op(loop, conf, net, CNI_DEL, known_entry(conf, net, at, &cached), at->hold_fd);
	op->cached = cached;
	op->thorough = true;
	run_ready_programs(op);
	*ret = op;
	return 0;
}

int cni_del_end(struct cni_op *op, const struct ctx *ctx, struct err *err)
{
	_cleanup_(op_freep) struct cni_op *own = op;
	int r = op_wait(own, ctx, err);

	return r < 0 ? r : remove_cached_entry(own, err);
}

int cni_check(struct loop *loop, const struct cni_conf *conf, const struct cni_net *net, const struct cni_attach *at,
	      const struct ctx *ctx, struct err *err)
{
	_cleanup_(op_freep) struct cni_op *op = NULL;
	bool cached;
	int r = check_names(at, err);

	if (r < 0 || cni_net_is_set(net, "disableCheck"))
		return r;
	if (cni_version(net->version) < CNI_0_4_0)
		return err_set(err, ERR_UNIMPLEMENTED, "network %s: version %s knows no CHECK", net->name, net->version);
	op = new_op(loop, conf, net, CNI_CHECK, known_entry(conf, net, at, &cached), at->hold_fd);
	run_ready_programs(op);
	return op_wait(op, ctx, err);
}

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
	list_for_each(it, &all) {
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
