/* Bytes as a client's connection to the shim: its task service, with a container that runs, one that is created and one that has
 * ended, each with an exec. There is no engine: what would start one is told so. Paths that a request names are replaced by ones
 * of ours. */
#include "collect.h"
#include "parked.h"
#include "container.h"
#include "file.h"
#include "mem.h"
#include "options.pb-c.h"
#include "pb.h"
#include "shim.pb-c.h"
#include "socket.h"
#include "spawn.h"
#include "task-service.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 32 << 10, TURNS = 8 };
#define NO_ENGINE "/nonexistent/engine"

static char *fuzz_folder(void)
{
	static char dir[] = "/tmp/davit-fuzz-shim-XXXXXX";
	static bool made;

	if (!made)
		assert(mkdtemp(dir));
	made = true;
	return dir;
}

static void pass_on(void *arg, struct ttrpc_stream *s, const ProtobufCMessage *msg)
{
	const struct ttrpc_method *m = task_services[0].methods;
	_cleanup_buf_ struct buf bytes = { 0 };

	while (strcmp(m->name, ttrpc_stream_method(s)->name) != 0)
		m++;
	pb_pack(msg, &bytes);
	m->message(arg, s, bytes.data, bytes.len);
}

/* As it came: its answer to what is no message, too. */
static void fuzz_any(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	const struct ttrpc_method *m = task_services[0].methods;

	while (strcmp(m->name, ttrpc_stream_method(s)->name) != 0)
		m++;
	m->message(arg, s, msg, len);
}

static char *no_text(void)
{
	static char none[1];

	return none;
}

static void fuzz_create(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	Containerd__Runc__V1__Options o = CONTAINERD__RUNC__V1__OPTIONS__INIT;
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_buf_ struct buf options = { 0 };
	const ProtobufCMessage *m = NULL;
	Shim__CreateRequest q;

	if (pb_unpack(&shim__create_request__descriptor, msg, len, &a, &m, NULL) < 0) {
		fuzz_any(arg, s, msg, len);
		return;
	}
	q = *(const Shim__CreateRequest *)(const void *)m;
	o.binary_name = (char[]){ NO_ENGINE };
	pb_pack(&o.base, &options);
	any.type_url = (char[]){ "containerd.runc.v1.Options" };
	any.value.data = (uint8_t *)options.data;
	any.value.len = options.len;
	q.options = &any;
	q.bundle = fuzz_folder();
	q.stdin = q.stdout = q.stderr = no_text();
	q.n_rootfs = 0;
	pass_on(arg, s, &q.base);
}

static void fuzz_exec(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const ProtobufCMessage *m = NULL;
	Shim__ExecRequest q;

	if (pb_unpack(&shim__exec_request__descriptor, msg, len, &a, &m, NULL) < 0) {
		fuzz_any(arg, s, msg, len);
		return;
	}
	q = *(const Shim__ExecRequest *)(const void *)m;
	q.stdin = q.stdout = q.stderr = no_text();
	pass_on(arg, s, &q.base);
}

static void fuzz_closed(void *arg, struct ttrpc_stream *s)
{
	const struct ttrpc_method *m = task_services[0].methods;

	while (strcmp(m->name, ttrpc_stream_method(s)->name) != 0)
		m++;
	if (m->closed)
		m->closed(arg, s);
}

#define ANY(method) \
	{ \
		.name = method, .message = fuzz_any, .closed = fuzz_closed \
	}
static const struct ttrpc_method methods[] = {
	{ .name = "Create", .message = fuzz_create, .closed = fuzz_closed },
	{ .name = "Exec", .message = fuzz_exec, .closed = fuzz_closed },
	ANY("Start"),
	ANY("Delete"),
	ANY("State"),
	ANY("Wait"),
	ANY("Kill"),
	ANY("Pids"),
	ANY("Pause"),
	ANY("Resume"),
	ANY("Update"),
	ANY("Stats"),
	ANY("CloseIO"),
	ANY("ResizePty"),
	ANY("Connect"),
	ANY("Shutdown"),
	{ 0 },
};
static const struct ttrpc_service services[] = { { .name = "containerd.task.v2.Task", .methods = methods }, { 0 } };

/* A child that can be sent signals. */
static void give_process(struct process *p)
{
	char *const argv[] = { (char[]){ "sleep" }, (char[]){ "1000" }, NULL };
	const struct spawn sleeper = { .path = "/bin/sleep", .argv = argv, .dir = "/", .fds = { -1, -1, -1 } };
	_cleanup_free_ char *path = mem_printf("%s/init.pid", fuzz_folder()), *text = NULL;
	pid_t pid;

	assert(spawn_dying(&sleeper, &pid) == 0);
	text = mem_printf("%d", (int)pid);
	assert(file_write(path, text, strlen(text), 0600, NULL) == 0 && process_adopt(p, path, NULL) == 0);
}

static void give_container(struct shim *s, const char *id, enum process_state state)
{
	struct container *c = container_new(s, id, fuzz_folder());
	struct process *exec = process_new_exec(c, "e");

	c->engine.program = mem_strdup(NO_ENGINE);
	c->engine.root = mem_strdup(fuzz_folder());
	c->init.state = state;
	c->init.in = mem_strdup("");
	c->init.out = mem_strdup("");
	c->init.err = mem_strdup("");
	exec->state = PROCESS_CREATED;
	exec->in = mem_strdup("");
	exec->out = mem_strdup("");
	exec->err = mem_strdup("");
	if (state != PROCESS_STOPPED)
		give_process(&c->init);
}

static void end_containers(struct shim *s)
{
	while (!list_empty(&s->containers)) {
		struct container *c = container_of(s->containers.next, struct container, node);

		reap_end(&c->init.reap);
		container_free(c);
	}
}

static void talk(struct shim *s, const char *path, const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = -1;
	char answers[4096];

	assert(socket_dial(path, &fd, NULL) == 0);
	loop_poll(s->loop);
	(void)!send(fd, data, size, MSG_NOSIGNAL);
	for (int i = 0; i < TURNS; i++) {
		loop_poll(s->loop);
		while (recv(fd, answers, sizeof answers, MSG_DONTWAIT) > 0)
			;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *path = mem_printf("%s/shim.sock", fuzz_folder());
	struct shim s = { .ns = "fuzz" };
	int fd;

	if (size > INPUT_MAX)
		return 0;
	list_init(&s.containers);
	s.loop = loop_new();
	collect_init(&s);
	parked_init(&s);
	s.publisher = publisher_new(s.loop, NULL, s.ns);
	assert(socket_listen(path, 0600, &fd, NULL) == 0);
	s.server = ttrpc_server_new(s.loop, fd, NULL, services, &s);
	give_container(&s, "r", PROCESS_RUNNING);
	give_container(&s, "c", PROCESS_CREATED);
	give_container(&s, "s", PROCESS_STOPPED);
	talk(&s, path, data, size);
	loop_poll(s.loop);
	end_containers(&s);
	ttrpc_server_free(s.server);
	publisher_free(s.publisher);
	loop_unpost(s.loop, &s.orphans);
	loop_free(s.loop);
	(void)file_remove_tree(fuzz_folder(), NULL);
	return file_mkdirs(fuzz_folder(), 0700, NULL) == 0 ? 0 : -1;
}
