/* plugin-call: a go-plugin client for scripts.
 *
 * plugin-call (--plugin PATH | --address SOCKET) [--timeout SECONDS] METHOD <JSON
 *     One call: the request on standard input (nothing: an empty one), each answer a line of JSON on standard output (pb-json.h has
 *     the form). Exits with 0, or with the gRPC status and its text on standard error; 64: not asked.
 * plugin-call (--plugin PATH | --address SOCKET) session
 *     Many at once, a line of JSON for each thing: session.h.
 * plugin-call ... --time N StartTask <JSON
 *     N starts, one after another, of which each is waited for and destroyed; "@N@" in the request is the start's own eight hex
 *     digits. Prints {"method","n","ms":[...]}: how long StartTask took each time.
 * plugin-call --plugin PATH handshake
 *     Starts it, prints {"handshake","ms"}, and ends it.
 *
 * A plugin that was started by --plugin is shut down as Nomad's agent does it. */
#include "session.h"
#include "clock.h"
#include "file.h"
#include "json.h"
#include "mem.h"
#include "pb-json.h"
#include "plugin-host.h"
#include "host-methods.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_MAX = 32 << 20, TIMEOUT_S = 120, TIMEOUT_MAX_S = 86400, TIMES_MAX = 10000, NOT_ASKED = 64 };

struct question {
	const char *plugin, *address, *what;
	long seconds, times;
};

static int number_read(const char *name, const char *text, long max, long *ret, struct err *err)
{
	char *end = NULL;
	long n = strtol(text, &end, 10);

	if (!*text || *end || n < 1 || n > max)
		return err_set(err, ERR_INVALID, "%s: a number from 1 to %ld", name, max);
	*ret = n;
	return 0;
}

static int question_parse(char **argv, struct question *q, struct err *err)
{
	for (; *argv && !strncmp(*argv, "--", 2); argv += 2) {
		int r = 0;

		if (argv[1] && !strcmp(*argv, "--address"))
			q->address = argv[1];
		else if (argv[1] && !strcmp(*argv, "--plugin"))
			q->plugin = argv[1];
		else if (argv[1] && !strcmp(*argv, "--timeout"))
			r = number_read(*argv, argv[1], TIMEOUT_MAX_S, &q->seconds, err);
		else if (argv[1] && !strcmp(*argv, "--time"))
			r = number_read(*argv, argv[1], TIMES_MAX, &q->times, err);
		else
			r = err_set(err, ERR_INVALID, "%s: no such option, or one without its value", *argv);
		if (r < 0)
			return r;
	}
	if (!q->address == !q->plugin || !*argv || argv[1])
		return err_set(err, ERR_INVALID, "usage: plugin-call (--plugin PATH | --address SOCKET) METHOD|session|handshake");
	q->what = *argv;
	return 0;
}

/* The text on standard input; an empty one is {}. */
static int request_text(struct buf *text, struct err *err)
{
	int r = file_read_given("/dev/stdin", REQUEST_MAX, NULL, text, err);

	if (r >= 0 && !text->len)
		buf_adds(text, "{}");
	return r < 0 ? r : 0;
}

static int request_pack(const struct host_method *m, const char *text, size_t len, struct buf *out, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_json_ json *value = NULL;
	ProtobufCMessage *msg = NULL;
	int r = json_parse(text, len, &value, err);

	if (r >= 0)
		r = pb_json_read(m->request, value, &a, &msg, err);
	if (r >= 0)
		pb_pack(msg, out);
	return r < 0 ? r : 0;
}

static void line_print(json *value)
{
	_cleanup_buf_ struct buf text = { 0 };

	json_write(value, &text);
	puts(buf_str(&text));
	(void)fflush(stdout);
}

static int answer_print(const struct host_method *m, const struct buf *in, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_json_ json *value = NULL;
	const ProtobufCMessage *msg = NULL;
	int r = pb_unpack(m->answer, buf_str(in), in->len, &a, &msg, err);

	if (r < 0)
		return r;
	value = pb_json_write(msg);
	line_print(value);
	return 0;
}

static int ask(struct host *p, const struct question *q, struct err *err)
{
	const struct host_method *m = host_method_find(q->what);
	const struct ctx ctx = ctx_within(NULL, q->seconds * 1000);
	_cleanup_(grpc_call_freep) struct grpc_call *call = NULL;
	_cleanup_buf_ struct buf in = { 0 }, text = { 0 }, out = { 0 };
	int r = request_text(&text, err);

	if (r == 0)
		r = request_pack(m, buf_str(&text), text.len, &out, err);
	if (r < 0)
		return r;
	call = grpc_start(p->grpc, m->path, NULL, &ctx);
	grpc_send(call, buf_str(&out), out.len, true);
	while ((r = grpc_recv(call, &ctx, &in, err)) > 0) {
		r = answer_print(m, &in, err);
		if (r < 0)
			return r;
	}
	return r;
}

/* for --time */

/* @text with @n in the place of each "@N@". */
static char *numbered(const char *text, unsigned n)
{
	struct buf b = { 0 };
	const char *at;

	for (; (at = strstr(text, "@N@")); text = at + 3) {
		buf_add(&b, text, (size_t)(at - text));
		buf_addf(&b, "%08x", n);
	}
	buf_adds(&b, text);
	return buf_take(&b);
}

/* {"task_id":ID,...} */
static int task_call(struct host *p, const char *name, const char *id, const char *more, const struct ctx *ctx, struct err *err)
{
	const struct host_method *m = host_method_find(name);
	_cleanup_(grpc_call_freep) struct grpc_call *call = NULL;
	_cleanup_buf_ struct buf text = { 0 }, out = { 0 }, in = { 0 };
	int r;

	buf_adds(&text, "{\"task_id\":");
	json_quote(&text, id, strlen(id));
	buf_addf(&text, "%s}", more);
	r = request_pack(m, buf_str(&text), text.len, &out, err);
	if (r < 0)
		return r;
	call = grpc_start(p->grpc, m->path, NULL, ctx);
	grpc_send(call, buf_str(&out), out.len, true);
	r = grpc_unary_end(call, ctx, &in, err);
	return r < 0 ? err_wrap(err, r, "%s", name) : 0;
}

static int time_start(struct host *p, const char *text, const struct ctx *ctx, int64_t *ret_ns, char **ret_id, struct err *err)
{
	const struct host_method *m = host_method_find("StartTask");
	_cleanup_(grpc_call_freep) struct grpc_call *call = NULL;
	_cleanup_buf_ struct buf out = { 0 }, in = { 0 };
	_cleanup_json_ json *value = NULL;
	const char *id;
	int64_t since;
	int r = request_pack(m, text, strlen(text), &out, err);

	if (r < 0)
		return r;
	(void)json_parse(text, strlen(text), &value, NULL);
	id = json_get_str(json_get_object(value, "task"), "id");
	if (!id)
		return err_set(err, ERR_INVALID, "StartTask: the request has no task.id");
	since = clock_mono();
	call = grpc_start(p->grpc, m->path, NULL, ctx);
	grpc_send(call, buf_str(&out), out.len, true);
	r = grpc_unary_end(call, ctx, &in, err);
	*ret_ns = clock_mono() - since;
	if (r == 0)
		*ret_id = mem_strdup(id);
	return r < 0 ? err_wrap(err, r, "StartTask") : 0;
}

static int time_starts(struct host *p, const struct question *q, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_json_ json *result = json_new_object();
	json *ms = json_new_array();
	int r = request_text(&text, err);

	json_put_str(result, "method", "StartTask");
	json_put_int(result, "n", q->times);
	json_put(result, "ms", ms);
	for (long i = 0; r == 0 && i < q->times; i++) {
		const struct ctx ctx = ctx_within(NULL, q->seconds * 1000);
		_cleanup_free_ char *one = numbered(buf_str(&text), (unsigned)i), *id = NULL;
		int64_t ns = 0;

		r = time_start(p, one, &ctx, &ns, &id, err);
		if (r == 0)
			r = task_call(p, "WaitTask", id, "", &ctx, err);
		if (r == 0)
			r = task_call(p, "DestroyTask", id, ",\"force\":true", &ctx, err);
		json_append(ms, json_object_new_double((double)ns / 1e6));
	}
	if (r == 0)
		line_print(result);
	return r;
}

static int print_handshake(struct host *p)
{
	_cleanup_json_ json *o = json_new_object();
	_cleanup_free_ char *line = mem_strndup(buf_str(child_out(p->child)), strcspn(buf_str(child_out(p->child)), "\n"));

	json_put_str(o, "handshake", line);
	json_put(o, "ms", json_object_new_double((double)p->ready_ns / 1e6));
	line_print(o);
	return 0;
}

static int question_answer(struct host *p, const struct question *q, struct err *err)
{
	if (!strcmp(q->what, "session"))
		return session_run(p, err);
	if (!strcmp(q->what, "handshake") && p->child)
		return print_handshake(p);
	if (!host_method_find(q->what))
		return err_set(err, ERR_UNIMPLEMENTED, "%s: no such method", q->what);
	return q->times ? time_starts(p, q, err) : ask(p, q, err);
}

static int question_ask(const struct question *q, struct err *err)
{
	_cleanup_(loop_freep) struct loop *loop = loop_new();
	_cleanup_(host_done) struct host p = { 0 };
	const struct host_spec spec = { .path = q->plugin, .inherit_err = true };
	int r = q->plugin ? host_start(&p, loop, &spec, err) : host_attach(&p, loop, q->address, err);

	if (r == 0)
		r = question_answer(&p, q, err);
	if (r == 0 && p.child)
		r = host_shutdown(&p, HOST_END_MS, err);
	return r < 0 ? r : 0;
}

int main(int argc, char **argv)
{
	struct question q = { .seconds = TIMEOUT_S };
	struct err err = ERR_INIT;
	int r = question_parse(argv + (argc > 0), &q, &err);

	(void)signal(SIGPIPE, SIG_IGN);
	if (r < 0) {
		(void)fprintf(stderr, "plugin-call: %s\n", err.msg);
		return NOT_ASKED;
	}
	r = question_ask(&q, &err);
	if (r < 0)
		(void)fprintf(stderr, "%s\n", err.msg);
	return r < 0 ? (int)err_to_grpc(r) : 0;
}
