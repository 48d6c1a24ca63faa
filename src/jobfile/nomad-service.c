/* Services are for a registry, which is not here. What one of them checks becomes the health check of its task. */
#include "nomad.h"
#include "mem.h"
#include "value.h"
#include <string.h>

#define KEYS(rows) .keys = rows, .n = sizeof rows / sizeof *rows

static int c_type(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->now.type, err); }
static int c_port(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->now.source, err); }
static int c_path(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->now.target, err); }
static int c_protocol(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->now.mode, err); }
static int c_task(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->now.text, err); }
static int c_command(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->now.words[0], err); }
static int c_method(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->now.words[1], err); }
static int c_args(struct nomad *n, const struct node *v, struct err *err) { return nomad_texts(n, v, &n->now.args, err); }
static int c_interval(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_seconds(n, v, &n->now.numbers[0], err);
}
static int c_timeout(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_seconds(n, v, &n->now.numbers[1], err);
}

/* How many failures in a row, of which the first counts as well. */
static int c_failures(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_whole(n, v, 0, 1000, &n->now.numbers[2], err);
}

static const struct nomad_key check_keys[] = {
	{ "type", .call = c_type },
	{ "port", .call = c_port },
	{ "path", .call = c_path },
	{ "protocol", .call = c_protocol },
	{ "task", .call = c_task },
	{ "command", .call = c_command },
	{ "method", .call = c_method },
	{ "args", .call = c_args },
	{ "interval", .call = c_interval },
	{ "timeout", .call = c_timeout },
	{ "failures_before_critical", .call = c_failures },
	{ "name", .silent = true },
	{ "notes", .silent = true },
	{ "address_mode", .silent = true }, /* of the address that is asked: here it is always the job's own */
	{ "initial_status", .silent = true },
	{ "on_update", .silent = true },
	{ "advertise", .silent = true },
	{ "expose", .cluster = true },
	{ "success_before_passing", .cluster = true },
	{ "failures_before_warning", .cluster = true },
	{ "tls_server_name", .cluster = true },
	{ "tls_skip_verify", .cluster = true },
	{ "grpc_service", .cluster = true },
	{ "grpc_use_tls", .cluster = true },
	{ "header", .cluster = true },
	{ "body", .cluster = true },
	{ "check_restart", .cluster = true, .is_block = true },
};
static const struct nomad_block check_block = { .name = "check", KEYS(check_keys) };

/* Whose health it is: the task's that it stands in, the one that it names, or the only one that is no helper. NULL: nobody's. */
static struct task *checked_task(struct nomad *n)
{
	const char *name = n->now.text ? n->now.text : n->service_task;
	struct task *only = NULL;

	if (n->task)
		return n->task;
	for (size_t i = 0; i < n->job->n_tasks; i++) {
		struct task *t = &n->job->tasks[i];

		if (name ? !strcmp(t->name, name) : t->lifecycle == LIFE_MAIN && !only)
			only = t;
		else if (!name && t->lifecycle == LIFE_MAIN)
			return NULL;
	}
	return only;
}

/* The number inside of the port with that label, or the label when it is a number. 0: it is chosen when the job starts. */
static int checked_port(struct nomad *n, const struct node *v, int64_t *ret, struct err *err)
{
	const char *label = n->now.source ? n->now.source : n->service_port;
	const struct port *p = label ? nomad_port(n, label) : NULL;
	int64_t number = 0;

	*ret = 0;
	if (!label)
		return nomad_bad(n, v, err, "no port");
	if (p) {
		*ret = p->inside ? p->inside : p->host;
		return 0;
	}
	if (parse_whole(label, &number) && number > 0 && number <= 65535) {
		*ret = number;
		return 0;
	}
	return nomad_bad(n, v, err, "port \"%.80s\": the group's network has none of that name", label);
}

static int fill_script(struct nomad *n, struct healthcheck *h, const struct node *v, struct err *err)
{
	if (!n->now.words[0])
		return nomad_bad(n, v, err, "no command");
	h->kind = HEALTH_COMMAND;
	strv_push(&h->exec, n->now.words[0]);
	strv_add(&h->exec, &n->now.args);
	return 0;
}

/* 1: it says nothing about a machine. */
static int check_fill(struct nomad *n, struct healthcheck *h, const struct node *v, struct err *err)
{
	const char *type = n->now.type ? n->now.type : "";
	const bool http = !strcmp(type, "http");
	int64_t port = 0;
	int r;

	if (!strcmp(type, "script"))
		return fill_script(n, h, v, err);
	if (!strcmp(type, "grpc"))
		return 1;
	if (!http && strcmp(type, "tcp") != 0)
		return err_hint(err, nomad_bad(n, v, err, "type \"%.80s\": not known", type), "http, tcp, script, grpc");
	r = checked_port(n, v, &port, err);
	if (r < 0 || !port || (http && n->now.words[1] && strcmp(n->now.words[1], "GET") != 0) ||
	    (http && n->now.mode && !strcmp(n->now.mode, "https")))
		return r < 0 ? r : 1;
	h->kind = http ? HEALTH_HTTP : HEALTH_TCP;
	if (http)
		h->url = mem_printf("http://127.0.0.1:%lld%s%s", (long long)port, n->now.target && *n->now.target == '/' ? "" : "/",
				    n->now.target ? n->now.target : "");
	else
		h->url = mem_printf("%lld", (long long)port);
	return 0;
}

static int take_check(struct nomad *n, const struct node *v, struct err *err)
{
	struct task *t = checked_task(n);
	struct healthcheck *h;
	int r;

	if (!t || t->healthcheck) {
		nomad_pass_over(n, "check");
		return 0;
	}
	h = task_make_healthcheck(t);
	r = check_fill(n, h, v, err);
	if (n->now.numbers[0])
		h->interval = n->now.numbers[0];
	if (n->now.numbers[1])
		h->timeout = n->now.numbers[1];
	if (n->now.numbers[2])
		h->retries = n->now.numbers[2] + 1;
	if (r == 0) {
		r = shape_check(&healthcheck_shape, h, err);
		if (r < 0)
			n->at = v->at;
		return r;
	}
	shape_done(&healthcheck_shape, h);
	free(h);
	t->healthcheck = NULL;
	if (r > 0)
		nomad_pass_over(n, "check");
	return r < 0 ? r : 0;
}

static int service_check(struct nomad *n, const struct node *v, struct err *err)
{
	const struct node *body = hcl_body(v);
	int r;

	n->now = (struct nomad_now){ 0 };
	r = nomad_walk(n, &check_block, body, err);
	if (r >= 0) {
		r = take_check(n, body, err);
		r = r < 0 ? err_wrap(err, r, "check") : r;
	}
	strv_done(&n->now.args);
	return r;
}

static int s_port(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->service_port, err); }
static int s_task(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->service_task, err); }

static const struct nomad_key service_keys[] = {
	{ "port", .call = s_port },
	{ "task", .call = s_task },
	{ "check", .call = service_check, .is_block = true, .many = true, .turn = 1 },
	{ "name", .silent = true }, /* the service as such is passed over, and these are what it is */
	{ "tags", .silent = true },
	{ "canary_tags", .silent = true },
	{ "enable_tag_override", .silent = true },
	{ "address_mode", .silent = true },
	{ "address", .silent = true },
	{ "provider", .silent = true },
	{ "cluster", .silent = true },
	{ "kind", .silent = true },
	{ "on_update", .silent = true },
	{ "meta", .silent = true },
	{ "canary_meta", .silent = true },
	{ "tagged_addresses", .silent = true },
	{ "weights", .silent = true, .is_block = true },
	{ "identity", .silent = true, .is_block = true },
	{ "check_restart", .cluster = true, .is_block = true },
	{ "connect", .cluster = true, .is_block = true },
};
static const struct nomad_block service_block = { .name = "service", KEYS(service_keys) };

int nomad_service_block(struct nomad *n, const struct node *v, struct err *err)
{
	n->service_port = n->service_task = NULL;
	nomad_pass_over(n, "service");
	return nomad_walk(n, &service_block, hcl_body(v), err);
}
