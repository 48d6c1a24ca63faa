/* Every call goes through here: it is counted and written down, meets its fault, and is handed to its service. */
#include "serve.h"
#include "clock.h"
#include "mem.h"
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/timerfd.h>

static const char control_prefix[] = "/davit.fake/";

static const struct service_method *find_method(const char *path)
{
	static const struct service_method *const tables[] = {
		object_methods, content_methods, snapshot_methods, task_methods, other_methods, control_methods,
	};

	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		for (const struct service_method *m = tables[i]; m->path; m++)
			if (!strcmp(m->path, path))
				return m;
	return NULL;
}

static bool meets(const struct fault *f, unsigned number, const char *path)
{
	char digits[16];
	size_t n = strlen(f->where), len = strlen(path);

	(void)snprintf(digits, sizeof digits, "%u", number);
	return !strcmp(f->where, digits) || (n <= len && !strcmp(path + len - n, f->where));
}

static void note(struct served *s, const char *path)
{
	struct fake_server *f = s->fake;

	if (!strncmp(path, control_prefix, sizeof control_prefix - 1))
		return;
	f->count++;
	buf_addf(&f->log, "%u %s\n", f->count, path);
	for (size_t i = 0; i < f->n_faults && !s->fault.kind; i++)
		if (meets(&f->faults[i], f->count, path))
			s->fault = f->faults[i];
}

static void *on_open(void *arg, struct grpc_stream *stream, const char *path, const struct dict *md)
{
	const struct service_method *m = find_method(path);
	const char *ns = dict_get(md, "containerd-namespace"), *lease = dict_get(md, "containerd-lease");
	struct fake_server *f = arg;
	struct served *s;

	if (!m) {
		grpc_stream_end(stream, err_to_grpc(-ERR_UNIMPLEMENTED), "unknown service");
		return NULL;
	}
	s = mem_new(struct served);
	*s = (struct served){
		.fake = f,
		.stream = stream,
		.method = m,
		.ns = mem_strdup(ns ? ns : ""),
		.lease = mem_strdup(lease),
		.timer_fd = -1,
	};
	note(s, path);
	list_push(&f->calls, &s->node);
	return s;
}

static bool needs_namespace(const struct served *s)
{
	static const char *const free_of_it[] = { ".namespaces.", ".version.", ".introspection.", ".events.", "davit.fake" };

	for (size_t i = 0; i < sizeof free_of_it / sizeof *free_of_it; i++)
		if (strstr(s->method->path, free_of_it[i]))
			return false;
	return true;
}

static void serve(struct served *s, const void *msg, size_t len)
{
	_cleanup_reply_ struct reply req = { 0 };
	struct err err = ERR_INIT;

	if (needs_namespace(s) && !*s->ns) {
		served_fail(s, ERR_PRECONDITION, "namespace is required: failed precondition");
		return;
	}
	if (!s->method->request) {
		buf_reset(&s->held);
		buf_add(&s->held, msg, len);
	} else if (pb_unpack(s->method->request, msg, len, &req.arena, &req.msg, &err) < 0) {
		served_fail(s, ERR_INTERNAL, "%s", err.msg);
		return;
	}
	s->method->serve(s, req.msg);
}

static void on_timer(void *arg, short revents)
{
	_cleanup_buf_ struct buf msg = { 0 };
	struct served *s = arg;

	(void)revents;
	watch_done(&s->timer);
	closep(&s->timer_fd);
	s->timer_fd = -1;
	msg = TAKE_STRUCT(s->held);
	serve(s, msg.data, msg.len);
}

static void delay(struct served *s, const void *msg, size_t len)
{
	struct itimerspec when = { .it_value = { .tv_sec = s->fault.value / 1000,
						 .tv_nsec = (long)(s->fault.value % 1000) * NSEC_PER_MSEC + 1 } };

	buf_add(&s->held, msg, len);
	s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	(void)timerfd_settime(s->timer_fd, 0, &when, NULL);
	watch_init(&s->timer, s->fake->loop, s->timer_fd, POLLIN, on_timer, s);
}

static void serve_held(struct served *s)
{
	_cleanup_buf_ struct buf msg = TAKE_STRUCT(s->held);

	s->gathers = false;
	serve(s, msg.data, msg.len);
}

static struct served *next_gathered(const struct served *like)
{
	list_for_each(it, &like->fake->calls) {
		struct served *s = container_of(it, struct served, node);

		if (s->gathers && s->method == like->method)
			return s;
	}
	return NULL;
}

/* Nobody is answered before all are there. */
static void gather(struct served *s, const void *msg, size_t len)
{
	unsigned n = 0;

	buf_add(&s->held, msg, len);
	s->gathers = true;
	list_for_each(it, &s->fake->calls) {
		const struct served *o = container_of(it, struct served, node);

		n += o->gathers && o->method == s->method;
	}
	for (struct served *o; n >= s->fault.value && (o = next_gathered(s));)
		serve_held(o);
}

/* The answer that the test gave, whatever it may mean. */
static void answer_raw(struct served *s)
{
	_cleanup_buf_ struct buf out = { 0 };
	unsigned byte;

	for (const char *p = s->fault.raw; sscanf(p, "%2x", &byte) == 1; p += 2)
		buf_addc(&out, (char)byte);
	grpc_stream_send(s->stream, buf_str(&out), out.len);
	grpc_stream_end(s->stream, 0, NULL);
}

static void inject(struct served *s)
{
	char text[64];

	s->ended = true;
	(void)snprintf(text, sizeof text, "fault injected: status %u", s->fault.value);
	if (s->fault.kind == FAULT_DROP || s->fault.kind == FAULT_AFTER_DROP)
		grpc_stream_drop_connection(s->stream);
	else if (s->fault.kind == FAULT_RAW)
		answer_raw(s);
	else if (s->fault.kind != FAULT_HANG)
		grpc_stream_end(s->stream, s->fault.value, text);
}

static void on_message(void *state, struct grpc_stream *stream, const void *msg, size_t len)
{
	struct served *s = state;
	bool first = !s->begun;

	(void)stream;
	s->begun = true;
	if (s->ended)
		return;
	if (s->fault.kind == FAULT_FAIL || s->fault.kind == FAULT_HANG || s->fault.kind == FAULT_DROP || s->fault.kind == FAULT_RAW)
		inject(s);
	else if (s->fault.kind == FAULT_DELAY && first)
		delay(s, msg, len);
	else if (s->fault.kind == FAULT_GATHER && first)
		gather(s, msg, len);
	else
		serve(s, msg, len);
}

static void on_closed(void *state, struct grpc_stream *stream)
{
	struct served *s = state;

	(void)stream;
	list_unlink(&s->node);
	watch_done(&s->timer);
	closep(&s->timer_fd);
	if (s->ingest && s->ingest->writer == s)
		s->ingest->writer = NULL;
	strv_done(&s->filters);
	buf_done(&s->held);
	free(s->waits_for);
	free(s->ns);
	free(s->lease);
	free(s);
}

const struct grpc_handler fake_handler = { .open = on_open, .message = on_message, .closed = on_closed };

/* A fault "after" loses the first answer, whatever it was. */
static bool lost(struct served *s)
{
	if (!s->ended && (s->fault.kind == FAULT_AFTER_FAIL || s->fault.kind == FAULT_AFTER_DROP))
		inject(s);
	return s->ended;
}

void served_send(struct served *s, const ProtobufCMessage *msg)
{
	_cleanup_buf_ struct buf out = { 0 };

	if (lost(s))
		return;
	pb_pack(msg, &out);
	grpc_stream_send(s->stream, out.data, out.len);
}

void served_finish(struct served *s)
{
	if (lost(s))
		return;
	s->ended = true;
	grpc_stream_end(s->stream, 0, NULL);
}

void served_reply(struct served *s, const ProtobufCMessage *msg)
{
	served_send(s, msg);
	served_finish(s);
}

void served_empty(struct served *s)
{
	Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;

	served_reply(s, &empty.base);
}

void served_bytes(struct served *s, const void *p, size_t n)
{
	grpc_stream_send(s->stream, p, n);
	served_finish(s);
}

void served_fail(struct served *s, enum errc code, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	if (lost(s))
		return;
	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	s->ended = true;
	grpc_stream_end(s->stream, err_to_grpc(-(int)code), text);
}

/* As containerd words it, kind by kind; the key is quoted where it quotes it. */
static const char *const nouns[] = {
	"namespace \"%s\"", "lease \"%s\"",     "image \"%s\"", "content %s", "ingest %s",
	"snapshot %s",      "container \"%s\"", "task %s",      "process %s",
};

static char *noun_of(enum kind kind, const char *key)
{
	const char *fmt = nouns[kind], *at = strstr(fmt, "%s");

	return mem_printf("%.*s%s%s", (int)(at - fmt), fmt, key, at + 2);
}

struct record *served_find(struct served *s, enum kind kind, const char *key)
{
	struct record *r = store_find(&s->fake->store, kind, s->ns, key);
	_cleanup_free_ char *noun = noun_of(kind, key);

	if (!r)
		served_fail(s, ERR_NOT_FOUND, "%s: not found", noun);
	return r;
}

struct record *served_add(struct served *s, enum kind kind, const char *key)
{
	_cleanup_free_ char *noun = noun_of(kind, key);

	if (!*key)
		served_fail(s, ERR_INVALID, "%s: an identifier must not be empty: invalid argument", noun);
	else if (store_find(&s->fake->store, kind, s->ns, key))
		served_fail(s, ERR_EXISTS, "%s: already exists", noun);
	else
		return store_add(&s->fake->store, kind, s->ns, key);
	return NULL;
}

void lease_add(struct served *s, const char *type, const char *id)
{
	struct record *lease = s->lease ? store_find(&s->fake->store, LEASE, s->ns, s->lease) : NULL;
	_cleanup_free_ char *resource = mem_printf("%s:%s", type, id);

	if (lease && !strv_has(&lease->resources, resource))
		strv_push(&lease->resources, resource);
}

bool update_labels(struct record *r, const char *path, const struct dict *to)
{
	if (!strcmp(path, "labels")) {
		dict_done(&r->labels);
		dict_add(&r->labels, to);
		return true;
	}
	if (strncmp(path, "labels.", 7))
		return false;
	path += 7;
	dict_set(&r->labels, path, dict_get(to, path) && *dict_get(to, path) ? dict_get(to, path) : NULL);
	return true;
}

Google__Protobuf__Timestamp *time_pack(struct arena *a, int64_t ns)
{
	Google__Protobuf__Timestamp *t = arena_array(a, Google__Protobuf__Timestamp, 1);

	google__protobuf__timestamp__init(t);
	t->seconds = ns / NSEC_PER_SEC;
	t->nanos = (int32_t)(ns % NSEC_PER_SEC);
	return t;
}

void faults_forget(struct fake_server *f)
{
	for (size_t i = 0; i < f->n_faults; i++) {
		free(f->faults[i].where);
		free(f->faults[i].raw);
	}
	f->n_faults = 0;
	f->count = 0;
	buf_reset(&f->log);
}
