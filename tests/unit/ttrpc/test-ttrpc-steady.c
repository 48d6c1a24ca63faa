/* What a shim does, as a program of its own: it links wire, ttrpc and protobuf-c, and no nghttp2; and once it has answered its
 * first request it allocates nothing, whatever comes. The client is another process, so that only the server is counted; it
 * allocates nothing either once it has made a call of each kind. The linker hands every allocation of ours through the wrappers
 * below. */
#include "clock.h"
#include "mem.h"
#include "pb.h"
#include "socket.h"
#include "tasks.pb-c.h"
#include "ttrpc-server.h"
#include "ttrpc.h"
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

enum { REQUESTS = 10000, WAITS = 100, PARKED = 8, HUGE = TTRPC_DATA_MAX - 1000 };

#define CHECK(what) \
	do { \
		if (!(what)) { \
			(void)fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #what); \
			exit(1); \
		} \
	} while (0)

/* --- counting --- */

static size_t allocations, live;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static void *count(void *p)
{
	allocations++;
	live += malloc_usable_size(p);
	return p;
}

void *__wrap_malloc(size_t n) { return count(__real_malloc(n)); }

void *__wrap_calloc(size_t n, size_t size) { return count(__real_calloc(n, size)); }

void *__wrap_realloc(void *p, size_t n)
{
	live -= malloc_usable_size(p);
	return count(__real_realloc(p, n));
}

void __wrap_free(void *p)
{
	live -= malloc_usable_size(p);
	__real_free(p);
}

/* --- a shim of two methods, and one that answers as long as it was asked --- */

struct shim {
	struct loop *loop;
	struct ttrpc_server *server;
	struct arena arena;
	struct list_node waits;
	size_t served, first_allocations;
	bool over;
};

/* What the server has done since its first request was answered. */
struct counts {
	size_t served, allocations, live, glibc;
};

static void answer_with(struct ttrpc_stream *st, const ProtobufCMessage *msg)
{
	void *room = ttrpc_stream_answer(st, protobuf_c_message_get_packed_size(msg));

	if (room)
		(void)protobuf_c_message_pack(msg, room);
}

static void answer_waits(struct shim *s, uint32_t status)
{
	Tasks__WaitResponse exit = TASKS__WAIT_RESPONSE__INIT;

	exit.exit_status = status;
	while (!list_empty(&s->waits))
		answer_with(ttrpc_stream_of(s->waits.next), &exit.base);
}

static void on_start(void *arg, struct ttrpc_stream *st, const void *msg, size_t len)
{
	Tasks__StartResponse started = TASKS__START_RESPONSE__INIT;
	const ProtobufCMessage *q;
	struct shim *s = arg;

	CHECK(pb_unpack(&tasks__process_request__descriptor, msg, len, &s->arena, &q, NULL) == 0);
	CHECK(!strncmp(((const Tasks__ProcessRequest *)(const void *)q)->container_id, "container-", 10));
	CHECK(ttrpc_text_is(ttrpc_stream_md(st, "containerd-namespace-ttrpc"), "davit"));
	started.pid = 4711;
	answer_with(st, &started.base);
	arena_reset(&s->arena);
	s->served++;
}

static void on_wait(void *arg, struct ttrpc_stream *st, const void *msg, size_t len)
{
	struct shim *s = arg;

	(void)msg;
	(void)len;
	list_push(&s->waits, ttrpc_stream_link(st));
	s->served++;
}

static void on_release(void *arg, struct ttrpc_stream *st, const void *msg, size_t len)
{
	(void)msg;
	(void)len;
	answer_waits(arg, 3);
	ttrpc_stream_reply(st, NULL, 0);
}

static void on_count(void *arg, struct ttrpc_stream *st, const void *msg, size_t len)
{
	struct shim *s = arg;
	const struct counts c = { s->served, allocations - s->first_allocations, live, mallinfo2().uordblks };

	(void)msg;
	(void)len;
	ttrpc_stream_reply(st, &c, sizeof c);
}

static void on_quit(void *arg, struct ttrpc_stream *st, const void *msg, size_t len)
{
	struct shim *s = arg;

	(void)msg;
	(void)len;
	ttrpc_stream_reply(st, NULL, 0);
	s->over = true;
}

static void on_length(void *arg, struct ttrpc_stream *st, const void *msg, size_t len)
{
	(void)arg;
	(void)msg;
	memset(ttrpc_stream_answer(st, len), 'x', len);
}

static const struct ttrpc_method methods[] = {
	{ "Start", on_start, NULL, NULL }, { "Wait", on_wait, NULL, NULL }, { "Release", on_release, NULL, NULL },
	{ "Count", on_count, NULL, NULL }, { "Quit", on_quit, NULL, NULL }, { "Length", on_length, NULL, NULL },
	{ NULL, NULL, NULL, NULL },
};
static const struct ttrpc_service services[] = { { "containerd.task.v2.Task", methods }, { NULL, NULL } };

static void serve(int fd)
{
	const struct ctx ctx = ctx_within(NULL, 120000);
	struct shim s = { .loop = loop_new() };

	list_init(&s.waits);
	s.server = ttrpc_server_new(s.loop, fd, NULL, services, &s);
	while (!s.over) {
		CHECK(loop_turn(s.loop, &ctx, NULL) == 0);
		if (s.served && !s.first_allocations)
			s.first_allocations = allocations; /* the turn that reads a request writes its answer */
	}
	ttrpc_server_flush(s.server);
	ttrpc_server_free(s.server);
	arena_done(&s.arena);
	loop_free(s.loop);
}

/* --- the client --- */

struct client {
	struct loop *loop;
	struct ttrpc *ttrpc;
	struct ctx ctx;
	struct buf request, answer;
};

static struct ttrpc_call *begin(struct client *c, const char *method, const struct dict *md, const struct ctx *ctx)
{
	Tasks__ProcessRequest q = TASKS__PROCESS_REQUEST__INIT;

	q.container_id = (char[]){ "container-0123456789abcdef0123456789abcdef" };
	buf_reset(&c->request);
	pb_pack(&q.base, &c->request);
	return ttrpc_start(c->ttrpc, TTRPC_UNARY, services[0].name, method, c->request.data, c->request.len, md, ctx);
}

static void end(struct client *c, struct ttrpc_call *call)
{
	struct err err = ERR_INIT;

	if (ttrpc_unary_end(call, &c->ctx, &c->answer, &err) < 0)
		(void)fprintf(stderr, "%s\n", err.msg);
	CHECK(!err.code);
	ttrpc_call_free(call);
}

static void start(struct client *c, const struct dict *md, const struct ctx *ctx)
{
	end(c, begin(c, "Start", md, ctx));
	CHECK(c->answer.len == 3);
}

static struct counts server_counts(struct client *c)
{
	const struct ctx none = ctx_none();
	struct counts counts;

	end(c, begin(c, "Count", NULL, &none));
	CHECK(c->answer.len == sizeof counts);
	memcpy(&counts, c->answer.data, sizeof counts);
	return counts;
}

/* A few parked waits, and what is asked meanwhile, with a deadline and without. */
static void one_round(struct client *c, const struct dict *md)
{
	const struct ctx none = ctx_none();
	struct ttrpc_call *waits[PARKED];

	for (unsigned i = 0; i < PARKED; i++)
		waits[i] = begin(c, "Wait", md, i % 2 ? &c->ctx : &none);
	for (unsigned i = 0; i < REQUESTS / WAITS; i++)
		start(c, md, i % 2 ? &c->ctx : &none);
	CHECK(!ttrpc_ready(waits[0]));
	end(c, begin(c, "Release", md, &c->ctx));
	for (unsigned i = 0; i < PARKED; i++) {
		end(c, waits[i]);
		CHECK(c->answer.len == 2 && c->answer.data[1] == 3);
	}
}

static void check_server(const struct counts *before, const struct counts *now)
{
	if (now->allocations != before->allocations)
		(void)fprintf(stderr, "%zu allocations of the server\n", now->allocations - before->allocations);
	CHECK(now->allocations == before->allocations);
	CHECK(now->live == before->live);
	CHECK(now->glibc == before->glibc); /* what the libraries themselves allocate; 0 under a sanitizer */
	CHECK(now->served - before->served == REQUESTS + WAITS * PARKED);
}

/* The server's first request is that of @c. */
static void nothing_is_allocated(struct client *c, const struct dict *md)
{
	const struct ctx none = ctx_none();
	struct counts before, now;
	size_t own;

	start(c, md, &none);
	before = server_counts(c);
	CHECK(before.allocations == 0 && before.served == 1);
	own = allocations;
	for (unsigned i = 0; i < WAITS; i++) {
		one_round(c, md);
		if (i == 0)
			own = allocations;
	}
	CHECK(own && allocations == own);
	now = server_counts(c);
	check_server(&before, &now);
}

/* What one huge request needs is given back by the next small one. */
static void nothing_large_is_kept(struct client *c, const struct dict *md)
{
	_cleanup_buf_ struct buf huge = { 0 };
	size_t kept = live, server_kept = server_counts(c).live;

	memset(buf_room(&huge, HUGE), 'x', HUGE);
	buf_grew(&huge, HUGE);
	end(c, ttrpc_start(c->ttrpc, TTRPC_UNARY, services[0].name, "Length", huge.data, huge.len, NULL, &c->ctx));
	CHECK(c->answer.len == HUGE);
	buf_done(&huge);
	buf_done(&c->answer);
	one_round(c, md);
	one_round(c, md);
	if (live > kept + 1024)
		(void)fprintf(stderr, "%zu bytes were kept, %zu are\n", kept, live);
	CHECK(live <= kept + 1024);
	CHECK(server_counts(c).live <= server_kept + 1024);
}

static int is_foreign(struct dl_phdr_info *info, size_t size, void *arg)
{
	static const char *const not [] = { "nghttp2", "json-c", "yaml", "curl" };

	(void)size;
	(void)arg;
	for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
		if (strstr(info->dlpi_name, not [i])) {
			(void)fprintf(stderr, "%s is loaded\n", info->dlpi_name);
			return 1;
		}
	return 0;
}

static void ask(const char *path)
{
	struct client c = { .loop = loop_new(), .ctx = ctx_within(NULL, 120000) };
	_cleanup_dict_ struct dict md = { 0 };

	dict_set(&md, "containerd-namespace-ttrpc", "davit");
	CHECK(ttrpc_open(c.loop, path, &c.ttrpc, NULL) == 0);
	nothing_is_allocated(&c, &md);
	nothing_large_is_kept(&c, &md);
	end(&c, begin(&c, "Quit", NULL, &c.ctx));
	ttrpc_free(c.ttrpc);
	buf_done(&c.request);
	buf_done(&c.answer);
	loop_free(c.loop);
}

int main(void)
{
	char dir[] = "/tmp/steady-XXXXXX", path[64];
	int fd = -1, status = -1;
	pid_t server;

	CHECK(dl_iterate_phdr(is_foreign, NULL) == 0);
	CHECK(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/s", dir);
	CHECK(socket_listen(path, 0600, &fd, NULL) == 0);
	server = fork();
	CHECK(server >= 0);
	if (server == 0) {
		serve(fd);
		return 0;
	}
	(void)close(fd);
	ask(path);
	CHECK(waitpid(server, &status, 0) == server && status == 0);
	(void)unlink(path);
	(void)rmdir(dir);
	return 0;
}
