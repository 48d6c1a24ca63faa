/* What a shim does, as a program of its own: it links wire, ttrpc and protobuf-c, and no nghttp2; and once it has had a request of
 * each kind it allocates nothing, whatever comes. The linker hands every allocation of ours through the wrappers below. */
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

enum { REQUESTS = 10000, WAITS = 100, HUGE = TTRPC_DATA_MAX - 1000 };

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

/* --- a shim of two methods, and one that says how long its request was --- */

struct shim {
	struct loop *loop;
	struct ttrpc_server *server;
	struct ttrpc *client;
	struct arena arena;
	struct list_node waits;
	struct ctx ctx;
	struct buf request, answer; /* the client's */
	size_t served;
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

static void on_length(void *arg, struct ttrpc_stream *st, const void *msg, size_t len)
{
	(void)arg;
	(void)msg;
	memset(ttrpc_stream_answer(st, len), 'x', len);
}

static const struct ttrpc_method methods[] = {
	{ "Start", on_start, NULL, NULL },
	{ "Wait", on_wait, NULL, NULL },
	{ "Length", on_length, NULL, NULL },
	{ NULL, NULL, NULL, NULL },
};
static const struct ttrpc_service services[] = { { "containerd.task.v2.Task", methods }, { NULL, NULL } };

/* --- the client --- */

static struct ttrpc_call *begin(struct shim *s, const char *method, const struct dict *md, const struct ctx *ctx)
{
	Tasks__ProcessRequest q = TASKS__PROCESS_REQUEST__INIT;

	q.container_id = (char[]){ "container-0123456789abcdef0123456789abcdef" };
	buf_reset(&s->request);
	pb_pack(&q.base, &s->request);
	return ttrpc_start(s->client, TTRPC_UNARY, services[0].name, method, s->request.data, s->request.len, md, ctx);
}

static void end(struct shim *s, struct ttrpc_call *call)
{
	struct err err = ERR_INIT;

	if (ttrpc_unary_end(call, &s->ctx, &s->answer, &err) < 0)
		(void)fprintf(stderr, "%s\n", err.msg);
	CHECK(!err.code);
	ttrpc_call_free(call);
}

/* One parked wait, and what is asked meanwhile. */
static void one_round(struct shim *s, const struct dict *md)
{
	const struct ctx none = ctx_none();
	struct ttrpc_call *wait = begin(s, "Wait", md, &none);

	for (unsigned i = 0; i < REQUESTS / WAITS; i++) {
		end(s, begin(s, "Start", md, i % 2 ? &s->ctx : &none));
		CHECK(s->answer.len == 3);
	}
	CHECK(!ttrpc_ready(wait));
	answer_waits(s, 3);
	end(s, wait);
	CHECK(s->answer.len == 2 && s->answer.data[1] == 3);
}

static void nothing_is_allocated(struct shim *s, const struct dict *md)
{
	size_t before, kept, served, glibc;

	one_round(s, md);
	before = allocations;
	kept = live;
	served = s->served;
	glibc = mallinfo2().uordblks;
	for (unsigned i = 0; i < WAITS; i++)
		one_round(s, md);
	CHECK(s->served - served == REQUESTS + WAITS);
	if (allocations != before)
		(void)fprintf(stderr, "%zu allocations for %d requests\n", allocations - before, REQUESTS);
	CHECK(before && allocations == before);
	CHECK(live == kept);
	CHECK(mallinfo2().uordblks == glibc); /* what the libraries themselves allocate; 0 under a sanitizer */
}

/* What one huge request needs is given back by the next small one. */
static void nothing_large_is_kept(struct shim *s, const struct dict *md)
{
	_cleanup_buf_ struct buf huge = { 0 };
	size_t kept = live;

	memset(buf_room(&huge, HUGE), 'x', HUGE);
	buf_grew(&huge, HUGE);
	end(s, ttrpc_start(s->client, TTRPC_UNARY, services[0].name, "Length", huge.data, huge.len, NULL, &s->ctx));
	CHECK(s->answer.len == HUGE);
	buf_done(&huge);
	buf_done(&s->answer);
	one_round(s, md);
	one_round(s, md);
	if (live > kept + 1024)
		(void)fprintf(stderr, "%zu bytes were kept, %zu are\n", kept, live);
	CHECK(live <= kept + 1024);
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

int main(void)
{
	struct shim s = { .loop = loop_new(), .ctx = ctx_within(NULL, 120000) };
	char dir[] = "/tmp/steady-XXXXXX", path[64];
	_cleanup_dict_ struct dict md = { 0 };
	int fd = -1;

	CHECK(dl_iterate_phdr(is_foreign, NULL) == 0);
	CHECK(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/s", dir);
	dict_set(&md, "containerd-namespace-ttrpc", "davit");
	list_init(&s.waits);
	CHECK(socket_listen(path, 0600, &fd, NULL) == 0);
	s.server = ttrpc_server_new(s.loop, fd, NULL, services, &s);
	CHECK(ttrpc_open(s.loop, path, &s.client, NULL) == 0);
	nothing_is_allocated(&s, &md);
	nothing_large_is_kept(&s, &md);
	nothing_is_allocated(&s, &md);
	ttrpc_free(s.client);
	ttrpc_server_free(s.server);
	arena_done(&s.arena);
	buf_done(&s.request);
	buf_done(&s.answer);
	loop_free(s.loop);
	(void)unlink(path);
	(void)rmdir(dir);
	return 0;
}
