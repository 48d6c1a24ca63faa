/* Theory of operation: an op is a list of programs, each started when the loop reports the end of the last one that it has to
 * wait for (cni-plan.h); so the caller's own work goes on beside a chain of slow plugins. The cache entry is written before the
 * first plugin of an ADD and whenever a result is a new one, so that a DEL finds what there is to delete wherever an ADD was
 * killed. When a program of an ADD fails, what runs beside it comes to its end before the DEL: a plugin killed halfway leaves
 * more to guess. */
#include "cni-op.h"
#include "cni-net.h"
#include "cni-ports.h"
#include "cni-program.h"
#include "clock.h"
#include "file.h"
#include "forward.h"
#include "log.h"
#include "mem.h"
#include "noted.h"
#include <string.h>

enum { OUT_MAX = 1 << 20, ERR_MAX = 4096, UNDO_MS = 30000 };

/* A result handed on as it was given says nothing new: whoever ran beside may have changed it by now. */
static int take_result(struct cni_program *p, struct err *err)
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
static bool has_to_delete(const struct cni_program *p) { return !p->op->undoing || !p->at->plugin || p->added; }

/* The first error of an op is the one that is told. */
static void program_fail(struct cni_program *p, int r, struct err *err)
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

static void program_end(struct cni_program *p)
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

static bool is_failure(const struct cni_program *p, int status)
{
	if (status == 0)
		return false;
	return p->at->plugin || !forward_may_fail(p->op->list, status, p->op->verb == CNI_ADD);
}

/* The plugin's DEL stopped at something; a second one goes on behind it. So the reference bridge (with iptables 1.8.9) fails at
 * rules that somebody has flushed, but not when it has deleted the interface already. */
static void ask_again(struct cni_program *p)
{
	program_end(p);
	p->begun = p->ended = false;
	p->again = true;
	p->op->n_begun--;
	cni_op_run(p->op);
}

static void on_ended(void *arg)
{
	struct cni_program *p = arg;
	struct err err = ERR_INIT;
	int status = child_status(p->child), r = 0;

	if (child_flooded(p->child))
		r = err_set(&err, ERR_EXHAUSTED, "it writes without end: killed after %d bytes", OUT_MAX);
	else if (is_failure(p, status))
		r = cni_program_error(p->child, status, &err);
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
	cni_op_run(p->op);
}

static int program_start(struct cni_program *p, struct child_spec *spec, struct err *err)
{
	spec->out_max = OUT_MAX;
	spec->err_max = ERR_MAX;
	spec->flood_max = OUT_MAX;
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

static int start_plugin(struct cni_program *p, struct err *err)
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
	cni_program_input(op, p->at->plugin, &input);
	cni_program_env(op, &env);
	r = program_start(p,
			  &(struct child_spec){ .path = program,
						.argv = (char *[]){ program, NULL },
						.envp = env.v,
						.input = buf_str(&input),
						.input_len = input.len },
			  err);
	if (r == 0 && op->lock_fd > 2) /* before the loop gives it its configuration: until then it does nothing */
		noted_add(op->lock_fd, child_pid(p->child));
	if (r == 0 && op->verb == CNI_ADD) {
		p->given = json_object_get(op->entry->result);
		p->added = true;
	}
	return r;
}

/* 1: there is nothing to be run. */
static int start_forward(struct cni_program *p, struct err *err)
{
	const struct cni_op *op = p->op;
	_cleanup_strv_ struct strv argv = { 0 };

	if (!forward_argv(p->at->family, op->entry->result, op->entry->container_id, op->verb == CNI_ADD, &argv))
		return 1;
	return program_start(p, &(struct child_spec){ .path = argv.v[0], .argv = argv.v, .hold_fd = op->lock_fd }, err);
}

static void program_begin(struct cni_program *p)
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

/* A program that ends by being started may set free another. */
void cni_op_run(struct cni_op *op)
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

struct cni_op *cni_op_new(struct loop *loop, const struct cni_conf *conf, const struct cni_net *net, enum cni_verb verb,
			  struct cni_entry *entry, int lock_fd)
{
	struct cni_op *op = mem_new(struct cni_op);

	*op = (struct cni_op){ .loop = loop,
			       .verb = verb,
			       .path = mem_strdup(conf->path),
			       .cache_dir = mem_strdup(conf->cache_dir),
			       .list = json_object_get(net->list),
			       .version = mem_strdup(net->version),
			       .entry = entry,
			       .lock_fd = lock_fd };
	op->n = cni_plan(op->list, verb != CNI_CHECK && json_get(entry->caps, "portMappings") && forward_wanted(net->list),
			 &op->places);
	op->programs = mem_array(struct cni_program, op->n);
	for (size_t i = 0; i < op->n; i++)
		op->programs[i] = (struct cni_program){ .op = op, .at = &op->places[i] };
	return op;
}

static void stop_all(struct cni_op *op)
{
	for (size_t i = 0; i < op->n; i++)
		if (op->programs[i].child)
			program_end(&op->programs[i]);
}

void cni_op_free(struct cni_op *op)
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

int cni_op_wait(struct cni_op *op, const struct ctx *ctx, struct err *err)
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
		cni_op_run(op);
	}
	if (op->r < 0 && err)
		*err = op->err;
	return op->r;
}

int cni_op_forget(const struct cni_op *op, struct err *err)
{
	int r = cni_cache_remove(op->cache_dir, op->entry->network, op->entry->container_id, op->entry->ifname, err);

	return r < 0 ? err_wrap(err, r, "network %s", op->entry->network) : 0;
}

void cni_op_undo(struct cni_op *op)
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
	cni_op_run(op);
	r = cni_op_wait(op, &ctx, &err);
	if (r >= 0)
		r = cni_op_forget(op, &err);
	if (r < 0)
		log_warn("undoing the ADD of %s: %s", op->entry->container_id, err.msg);
}
