#include "session.h"
#include "json.h"
#include "list.h"
#include "mem.h"
#include "pb-json.h"
#include "host-methods.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SESSION_LINE_MAX = 64 << 20, SESSION_PART = 64 << 10 };

struct session_call {
	struct list_node node;
	int64_t id;
	const struct host_method *method;
	struct grpc_call *call;
};

struct session {
	struct host *plugin;
	struct list_node calls;
	struct watch input;
	struct buf line;
	bool ended; /* the input has */
};

static void session_say(json *line)
{
	_cleanup_json_ json *owned = line;
	_cleanup_buf_ struct buf text = { 0 };

	json_write(owned, &text);
	puts(buf_str(&text));
	(void)fflush(stdout);
}

/* Of call @id; 0: which one is not known. */
static void session_complain(int64_t id, const struct err *err)
{
	json *o = json_new_object();

	if (id)
		json_put_int(o, "id", id);
	json_put_str(o, "error", err->msg);
	session_say(o);
}

static struct session_call *session_find(struct session *s, int64_t id)
{
	list_for_each(it, &s->calls)
		if (container_of(it, struct session_call, node)->id == id)
			return container_of(it, struct session_call, node);
	return NULL;
}

static void session_call_free(struct session_call *c)
{
	list_unlink(&c->node);
	grpc_call_free(c->call);
	free(c);
}

static int session_send(struct session_call *c, json *request, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_buf_ struct buf out = { 0 };
	ProtobufCMessage *msg = NULL;
	int r = pb_json_read(c->method->request, request, &a, &msg, err);

	if (r < 0)
		return r;
	pb_pack(msg, &out);
	grpc_send(c->call, buf_str(&out), out.len, c->method->streams != HOST_BOTH);
	return 0;
}

static int session_begin(struct session *s, int64_t id, json *line, struct err *err)
{
	const struct host_method *m = host_method_find(json_get_str(line, "call"));
	const int64_t seconds = json_get_int(line, "timeout", 0);
	const struct ctx ctx = seconds > 0 ? ctx_within(NULL, seconds * 1000) : ctx_none();
	_cleanup_json_ json *none = json_new_object();
	json *request = json_get_object(line, "request");
	struct session_call *c;
	int r;

	if (!m || session_find(s, id))
		return err_set(err, ERR_INVALID, "call %" PRId64 ": no such method, or an id that is in use", id);
	c = mem_new(struct session_call);
	c->id = id;
	c->method = m;
	c->call = grpc_start(s->plugin->grpc, m->path, NULL, &ctx);
	list_push(&s->calls, &c->node);
	if (!request && m->streams == HOST_BOTH)
		return 0;
	r = session_send(c, request ? request : none, err);
	if (r < 0)
		session_call_free(c);
	return r;
}

static int session_do(struct session *s, json *line, struct err *err)
{
	const int64_t id = json_get_int(line, "id", 0);
	struct session_call *c = session_find(s, id);

	if (json_get_str(line, "call"))
		return session_begin(s, id, line, err);
	if (!c) /* it may have ended while this was on its way */
		return 0;
	if (json_get_object(line, "send"))
		return session_send(c, json_get_object(line, "send"), err);
	if (json_get_bool(line, "end", false))
		grpc_send_end(c->call);
	if (json_get_bool(line, "cancel", false))
		session_call_free(c);
	return 0;
}

static void session_line(struct session *s, const char *text, size_t len)
{
	_cleanup_json_ json *line = NULL;
	struct err err = ERR_INIT;

	if (json_parse(text, len, &line, &err) < 0 || session_do(s, line, &err) < 0)
		session_complain(line ? json_get_int(line, "id", 0) : 0, &err);
}

static void session_on_input(void *arg, short revents)
{
	struct session *s = arg;
	char *end;
	ssize_t n = read(STDIN_FILENO, buf_room(&s->line, SESSION_PART), SESSION_PART);

	(void)revents;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0 || s->line.len > SESSION_LINE_MAX) {
		s->ended = true;
		watch_events(&s->input, 0);
		return;
	}
	buf_grew(&s->line, (size_t)n);
	while ((end = memchr(s->line.data, '\n', s->line.len))) {
		size_t len = (size_t)(end - s->line.data);

		session_line(s, s->line.data, len);
		buf_drop(&s->line, len + 1);
		if (!s->line.len)
			break;
	}
}

static void session_reply(const struct session_call *c, const struct buf *in)
{
	_cleanup_arena_ struct arena a = { 0 };
	const ProtobufCMessage *msg = NULL;
	struct err err = ERR_INIT;
	json *o;

	if (pb_unpack(c->method->answer, buf_str(in), in->len, &a, &msg, &err) < 0) {
		session_complain(c->id, &err);
		return;
	}
	o = json_new_object();
	json_put_int(o, "id", c->id);
	json_put(o, "reply", pb_json_write(msg));
	session_say(o);
}

static void session_end(struct session_call *c, int r, const struct err *err)
{
	json *o = json_new_object();
	bool recoverable = false;

	json_put_int(o, "id", c->id);
	json_put_int(o, "status", r < 0 ? err_to_grpc(r) : 0);
	json_put_str(o, "message", err->msg);
	if (host_recoverable(c->call, &recoverable) > 0)
		json_put_bool(o, "recoverable", recoverable);
	session_say(o);
	session_call_free(c);
}

/* What has come of one call: true while there may be more. */
static bool session_look(struct session_call *c)
{
	_cleanup_buf_ struct buf in = { 0 };
	struct err err = ERR_INIT;
	int r;

	if (!grpc_ready(c->call))
		return false;
	r = grpc_recv(c->call, NULL, &in, &err);
	if (r > 0)
		session_reply(c, &in);
	else
		session_end(c, r, &err);
	return r > 0;
}

static void session_greet(const struct host *p)
{
	json *o = json_new_object();

	json_put_str(o, "address", p->said.address);
	if (p->child) {
		json_put_int(o, "pid", child_pid(p->child));
		json_put(o, "ms", json_object_new_double((double)p->ready_ns / 1e6));
	}
	session_say(o);
}

int session_run(struct host *p, struct err *err)
{
	struct session s = { .plugin = p };
	int r = 0;

	list_init(&s.calls);
	watch_init(&s.input, p->loop, STDIN_FILENO, POLLIN, session_on_input, &s);
	session_greet(p);
	while (r == 0 && !s.ended) {
		r = loop_turn(p->loop, NULL, err);
		list_for_each(it, &s.calls)
			while (session_look(container_of(it, struct session_call, node)))
				;
	}
	while (!list_empty(&s.calls))
		session_call_free(container_of(s.calls.next, struct session_call, node));
	watch_done(&s.input);
	buf_done(&s.line);
	return r;
}
