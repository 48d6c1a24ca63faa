#include "test.h"
#include "rig.h"
#include "clock.h"
#include "events.pb-c.h"
#include "file.h"
#include "launch.h"
#include "mem.h"
#include "options.pb-c.h"
#include "socket.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALLS_MAX = 4 << 20, LOG_TEXT = 1 << 20 };
#define RIG_NS "test"

/* the machine */

static _Noreturn void rig_skip(const char *why)
{
	(void)fprintf(stderr, "skipped: %s: %s\n", why, strerror(errno));
	exit(77);
}

static void be_root(void)
{
	_cleanup_free_ char *map = mem_printf("0 %d 1\n", (int)geteuid());

	if (geteuid() == 0)
		return;
	if (unshare(CLONE_NEWUSER) < 0 || file_write("/proc/self/setgroups", "deny", 4, 0600, NULL) < 0 ||
	    file_write("/proc/self/uid_map", map, strlen(map), 0600, NULL) < 0)
		rig_skip("no user namespace");
}

/* Whoever is process 1 gets the shim for a child, and what a killed shim leaves; and with it all of them go. */
static void make_machine(void)
{
	int status = 0;
	pid_t pid;

	be_root();
	if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		rig_skip("no mount or PID namespace");
	pid = fork();
	if (pid > 0) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (pid < 0 || mount("proc", "/proc", "proc", 0, NULL) < 0)
		rig_skip("no /proc of its own");
	(void)signal(SIGPIPE, SIG_IGN);
}

int rig_main(const char *name, const struct CMUnitTest *tests, size_t n)
{
	if (getenv("RIG_TEST"))
		cmocka_set_test_filter(getenv("RIG_TEST"));
	make_machine();
	return _cmocka_run_group_tests(name, tests, n, NULL, NULL);
}

/* events */

static void add_event(struct rig *r, const char *topic, char *text, pid_t pid, const Google__Protobuf__Timestamp *at)
{
	r->events = mem_resize(r->events, (r->n_events + 1) * sizeof *r->events);
	r->events[r->n_events++] = (struct rig_event){
		.text = text, .topic = mem_strdup(topic), .pid = pid, .exited_at = at ? at->seconds * NSEC_PER_SEC + at->nanos : 0
	};
}

static void hear_create(struct rig *r, const char *topic, const void *msg)
{
	const Events__TaskCreate *e = msg;

	add_event(r, topic, mem_printf("create %s", e->container_id), (pid_t)e->pid, NULL);
}

static void hear_start(struct rig *r, const char *topic, const void *msg)
{
	const Events__TaskStart *e = msg;

	add_event(r, topic, mem_printf("start %s", e->container_id), (pid_t)e->pid, NULL);
}

static void hear_exit(struct rig *r, const char *topic, const void *msg)
{
	const Events__TaskExit *e = msg;

	add_event(r, topic, mem_printf("exit %s %s %u", e->container_id, e->id, e->exit_status), (pid_t)e->pid, e->exited_at);
}

static void hear_delete(struct rig *r, const char *topic, const void *msg)
{
	const Events__TaskDelete *e = msg;

	add_event(r, topic, mem_printf("delete %s %s %u", e->container_id, e->id, e->exit_status), (pid_t)e->pid, e->exited_at);
}

static void hear_added(struct rig *r, const char *topic, const void *msg)
{
	const Events__TaskExecAdded *e = msg;

	add_event(r, topic, mem_printf("exec-added %s %s", e->container_id, e->exec_id), 0, NULL);
}

static void hear_started(struct rig *r, const char *topic, const void *msg)
{
	const Events__TaskExecStarted *e = msg;

	add_event(r, topic, mem_printf("exec-started %s %s", e->container_id, e->exec_id), (pid_t)e->pid, NULL);
}

static void hear_named(struct rig *r, const char *topic, const void *msg)
{
	const Events__TaskNamed *e = msg;

	add_event(r, topic, mem_printf("%s %s", topic + strlen("/tasks/"), e->container_id), 0, NULL);
}

static const struct {
	const char *name, *topic;
	const ProtobufCMessageDescriptor *type;
	void (*hear)(struct rig *, const char *topic, const void *msg);
} event_rows[] = {
	{ "TaskCreate", "/tasks/create", &events__task_create__descriptor, hear_create },
	{ "TaskStart", "/tasks/start", &events__task_start__descriptor, hear_start },
	{ "TaskExit", "/tasks/exit", &events__task_exit__descriptor, hear_exit },
	{ "TaskDelete", "/tasks/delete", &events__task_delete__descriptor, hear_delete },
	{ "TaskExecAdded", "/tasks/exec-added", &events__task_exec_added__descriptor, hear_added },
	{ "TaskExecStarted", "/tasks/exec-started", &events__task_exec_started__descriptor, hear_started },
	{ "TaskPaused", "/tasks/paused", &events__task_named__descriptor, hear_named },
	{ "TaskResumed", "/tasks/resumed", &events__task_named__descriptor, hear_named },
	{ "TaskOOM", "/tasks/oom", &events__task_named__descriptor, hear_named },
	{ "TaskCheckpointed", "/tasks/checkpointed", &events__task_named__descriptor, hear_named },
};

static void hear(struct rig *r, const Events__Envelope *e)
{
	const char *name = e->event->type_url + strlen("containerd.events.");
	_cleanup_arena_ struct arena a = { 0 };
	const ProtobufCMessage *msg;

	assert_memory_equal(e->event->type_url, "containerd.events.", strlen("containerd.events."));
	assert_string_equal(e->namespace_, RIG_NS);
	assert_true(e->timestamp && e->timestamp->seconds > 0);
	for (size_t i = 0; i < sizeof event_rows / sizeof *event_rows; i++) {
		if (strcmp(event_rows[i].name, name) != 0)
			continue;
		assert_string_equal(e->topic, event_rows[i].topic);
		assert_int_equal(pb_unpack(event_rows[i].type, e->event->value.data, e->event->value.len, &a, &msg, NULL), 0);
		event_rows[i].hear(r, e->topic, msg);
		return;
	}
	fail_msg("event %s is none", name);
}

static void on_forward(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const ProtobufCMessage *m = NULL;
	const Shim__ForwardRequest *q;

	assert_int_equal(pb_unpack(&shim__forward_request__descriptor, msg, len, &a, &m, NULL), 0);
	q = (const void *)m;
	assert_true(q->envelope && q->envelope->event);
	hear(arg, q->envelope);
	ttrpc_stream_reply(s, NULL, 0);
}

static const struct ttrpc_method forward_methods[] = { { .name = "Forward", .message = on_forward }, { 0 } };
static const struct ttrpc_service event_services[] = { { "containerd.services.events.ttrpc.v1.Events", forward_methods }, { 0 } };

void rig_events_away(struct rig *r, bool away)
{
	_cleanup_free_ char *path = mem_printf("%s/events.sock", r->top);
	int fd;

	if (away) {
		ttrpc_server_free(TAKE_PTR(r->server));
		(void)unlink(path);
		return;
	}
	assert_int_equal(socket_listen(path, 0600, &fd, NULL), 0);
	r->server = ttrpc_server_new(r->loop, fd, NULL, event_services, r);
}

static const char *rig_say(struct rig *r, char *text)
{
	free(r->said);
	r->said = text;
	return text;
}

const char *rig_events(struct rig *r)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < r->n_events; i++)
		buf_addf(&text, "%s%s", i ? ", " : "", r->events[i].text);
	return rig_say(r, buf_take(&text));
}

bool rig_until(struct rig *r, bool (*done)(void *arg), void *arg)
{
	const int64_t end = clock_mono() + (int64_t)RIG_MS * NSEC_PER_SEC / 1000;

	while (!done(arg)) {
		if (clock_mono() > end)
			return false;
		rig_pause(r, 5);
	}
	return true;
}

void rig_pause(struct rig *r, int ms) { (void)loop_pause(r->loop, ms, NULL, NULL); }

struct awaited {
	struct rig *r;
	const char *text;
};

static bool has_happened(void *arg)
{
	const struct awaited *a = arg;

	return strlen(rig_events(a->r)) >= strlen(a->text);
}

void rig_expect(struct rig *r, const char *events)
{
	struct awaited a = { r, events };

	(void)rig_until(r, has_happened, &a);
	assert_string_equal(rig_events(r), events);
}

void rig_forget(struct rig *r)
{
	for (size_t i = 0; i < r->n_events; i++) {
		free(r->events[i].text);
		free(r->events[i].topic);
	}
	r->n_events = 0;
	arena_reset(&r->answers);
}

/* bundles */

struct rig *rig_new(void)
{
	struct rig *r = mem_new(struct rig);

	assert_return_code(mount("tmpfs", "/run", "tmpfs", 0, "mode=0755"), errno);
	*r = (struct rig){ .log = -1, .top = mem_strdup("/run/rig") };
	assert_int_equal(file_mkdirs(r->top, 0700, NULL), 0);
	r->loop = loop_new();
	rig_events_away(r, false);
	return r;
}

char *rig_path(struct rig *r, const char *id, const char *file) { return mem_printf("%s/bundle/%s/%s", r->top, id, file); }

void rig_write(struct rig *r, const char *id, const char *file, const char *text)
{
	_cleanup_free_ char *path = rig_path(r, id, file);

	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

void rig_order(struct rig *r, const char *id, const char *verb, const char *order)
{
	_cleanup_free_ char *name = mem_printf("do.%s", verb), *path = rig_path(r, id, name);

	if (order)
		rig_write(r, id, name, order);
	else
		(void)unlink(path);
}

static void open_log(struct rig *r, const char *id)
{
	_cleanup_free_ char *path = rig_path(r, id, "log");

	if (r->log >= 0) /* a group's shim writes to the first */
		return;
	assert_return_code(mkfifo(path, 0600), errno);
	r->log = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_return_code(r->log, errno);
}

void rig_make(struct rig *r, const struct rig_box *box)
{
	_cleanup_free_ char *rootfs = rig_path(r, box->id, "rootfs");
	_cleanup_buf_ struct buf spec = { 0 };

	assert_true(r->n_boxes < RIG_BOXES);
	r->boxes[r->n_boxes++] = *box;
	assert_int_equal(file_mkdirs(rootfs, 0711, NULL), 0);
	buf_addf(&spec,
		 "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[%s]},\"annotations\":{%s},\"linux\":{\"namespaces\":[%s]}}",
		 box->args ? box->args : "\"sleep\", \"1000\"", box->annotations ? box->annotations : "",
		 box->own_pids ? "{\"type\":\"pid\"}" : "");
	rig_write(r, box->id, "config.json", buf_str(&spec));
	open_log(r, box->id);
}

static const struct rig_box *box_of(const struct rig *r, const char *id)
{
	for (size_t i = 0; i < r->n_boxes; i++)
		if (!strcmp(r->boxes[i].id, id))
			return &r->boxes[i];
	fail_msg("no box %s", id);
	return NULL;
}

/* The verb is the first word that is neither an option nor what stands behind one. */
static void add_verb(struct buf *out, const char *line)
{
	_cleanup_strv_ struct strv words = { 0 };

	strv_split(&words, line, " ");
	for (size_t i = 0; i < words.n; i++) {
		if (!strcmp(words.v[i], "--systemd-cgroup"))
			continue;
		if (words.v[i][0] != '-') {
			buf_addf(out, "%s%s", out->len ? " " : "", words.v[i]);
			return;
		}
		i++;
	}
}

const char *rig_calls(struct rig *r, const char *id)
{
	_cleanup_free_ char *path = rig_path(r, id, "engine.calls");
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };
	struct buf out = { 0 };

	(void)file_read(path, CALLS_MAX, &text, NULL);
	strv_split(&lines, buf_str(&text), "\n");
	for (size_t i = 0; i < lines.n; i++)
		add_verb(&out, lines.v[i]);
	return rig_say(r, buf_take(&out));
}

void rig_forget_calls(struct rig *r, const char *id)
{
	_cleanup_free_ char *path = rig_path(r, id, "engine.calls");

	(void)unlink(path);
}

/* the program */

static pid_t launch_action(struct rig *r, const char *id, const char *action, int out)
{
	_cleanup_free_ char *bundle = rig_path(r, id, ""), *socket = mem_printf("TTRPC_ADDRESS=%s/events.sock", r->top);
	const struct launch_fd fds[] = { { -1, 0 }, { out, 1 }, { out, 2 } };
	_cleanup_strv_ struct strv argv = { 0 }, env = { 0 };
	struct launch l = { .path = getenv("DAVIT_SHIM"), .fds = fds, .n_fds = 3, .dir = bundle, .group = true };
	pid_t pid;

	assert_non_null(l.path);
	strv_pushf(&argv, "%s", l.path);
	for (size_t i = 0; i < 6; i++)
		strv_push(&argv, ((const char *[]){ "-namespace", RIG_NS, "-address", "/run/rig/containerd.sock", "-id", id })[i]);
	if (!strcmp(action, "delete")) {
		strv_push(&argv, "-bundle");
		strv_push(&argv, bundle);
	}
	strv_push(&argv, action);
	for (char **e = environ; *e; e++)
		strv_push(&env, *e);
	strv_setenv(&env, socket);
	l.argv = strv_argv(&argv);
	l.envp = strv_argv(&env);
	assert_int_equal(launch(&l, &pid), 0);
	return pid;
}

/* Up to the end; false: somebody keeps it open. */
static bool read_all(int fd, struct buf *out)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	while (poll(&p, 1, RIG_MS) > 0) {
		n = read(fd, buf_room(out, 4096), 4096);
		if (n <= 0)
			return n == 0;
		buf_grew(out, (size_t)n);
	}
	return false;
}

int rig_action(struct rig *r, const char *id, const char *action, struct buf *out)
{
	int fds[2], status = 0;
	bool ended;
	pid_t pid;

	assert_return_code(pipe2(fds, O_CLOEXEC), errno);
	pid = launch_action(r, id, action, fds[1]);
	(void)close(fds[1]);
	ended = read_all(fds[0], out);
	(void)close(fds[0]);
	if (!ended)
		return err_set(&r->err, ERR_DEADLINE, "%s: somebody keeps its output open", action);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct ttrpc *rig_connect(struct rig *r)
{
	struct ttrpc *c = NULL;

	assert_non_null(r->address);
	assert_memory_equal(r->address, "unix://", 7);
	if (ttrpc_open(r->loop, r->address + 7, &c, &r->err) < 0)
		fail_msg("the address %s: %s", r->address, r->err.msg);
	return c;
}

static void learn_shim(struct rig *r)
{
	Shim__ProcessRequest q = SHIM__PROCESS_REQUEST__INIT;
	const Shim__ConnectResponse *c = NULL;

	if (rig_call(r, "Connect", &q.base, &shim__connect_response__descriptor, &c) < 0)
		fail_msg("Connect: %s", r->err.msg);
	r->shim = (pid_t)c->shim_pid;
}

int rig_serve(struct rig *r, const char *id)
{
	_cleanup_buf_ struct buf out = { 0 };
	int status = rig_action(r, id, "start", &out);

	if (status != 0) {
		(void)rig_say(r, buf_take(&out));
		return status;
	}
	free(r->address);
	r->address = buf_take(&out);
	ttrpc_free(r->client);
	r->client = rig_connect(r);
	learn_shim(r);
	return 0;
}

const Shim__DeleteResponse *rig_delete_action(struct rig *r, const char *id)
{
	_cleanup_buf_ struct buf out = { 0 };
	const ProtobufCMessage *msg = NULL;

	if (rig_action(r, id, "delete", &out) != 0)
		return NULL;
	assert_int_equal(pb_unpack(&shim__delete_response__descriptor, out.data, out.len, &r->answers, &msg, &r->err), 0);
	return (const void *)msg;
}

static bool shim_ended(void *arg)
{
	const struct rig *r = arg;
	siginfo_t si = { 0 };

	return waitid(P_PID, (id_t)r->shim, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || si.si_pid;
}

void rig_leave(struct rig *r, struct ttrpc_call *call)
{
	assert_true(r->n_left < RIG_LEFT);
	r->left[r->n_left++] = call;
}

static void drop_client(struct rig *r)
{
	while (r->n_left)
		ttrpc_call_free(r->left[--r->n_left]);
	ttrpc_free(TAKE_PTR(r->client));
}

int rig_await_shim(struct rig *r)
{
	int status = 0;

	drop_client(r);
	if (!rig_until(r, shim_ended, r))
		return err_set(&r->err, ERR_DEADLINE, "the shim does not end");
	assert_int_equal(waitpid(r->shim, &status, 0), r->shim);
	r->shim = 0;
	return status;
}

void rig_kill_shim(struct rig *r)
{
	assert_true(r->shim > 1);
	(void)kill(r->shim, SIGKILL);
	assert_int_equal(rig_await_shim(r), SIGKILL);
}

bool rig_running(pid_t pid)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/stat", (int)pid);
	_cleanup_buf_ struct buf text = { 0 };
	const char *state;

	if (file_read(path, 4096, &text, NULL) < 0)
		return false;
	state = strrchr(buf_str(&text), ')');
	return state && state[1] == ' ' && state[2] != 'Z' && state[2] != 'X';
}

/* calls */

struct ttrpc_call *rig_begin(struct rig *r, const char *method, const ProtobufCMessage *request)
{
	const struct ctx ctx = ctx_within(NULL, RIG_MS);
	_cleanup_buf_ struct buf msg = { 0 };

	pb_pack(request, &msg);
	return ttrpc_start(r->client, TTRPC_UNARY, "containerd.task.v2.Task", method, msg.data, msg.len, NULL, &ctx);
}

int rig_end(struct rig *r, struct ttrpc_call *call, const ProtobufCMessageDescriptor *answer, const void *ret)
{
	const struct ctx ctx = ctx_within(NULL, RIG_MS);
	_cleanup_buf_ struct buf out = { 0 };
	const ProtobufCMessage *msg = NULL;
	int res;

	err_clear(&r->err);
	res = ttrpc_unary_end(call, &ctx, &out, &r->err);
	ttrpc_call_free(call);
	if (res < 0 || !answer)
		return res;
	res = pb_unpack(answer, out.data, out.len, &r->answers, &msg, &r->err);
	assert_int_equal(res, 0);
	memcpy((void *)(uintptr_t)ret, &msg, sizeof msg);
	return 0;
}

int rig_call(struct rig *r, const char *method, const ProtobufCMessage *request, const ProtobufCMessageDescriptor *answer,
	     const void *ret)
{
	return rig_end(r, rig_begin(r, method, request), answer, ret);
}

static char *text_of(const char *s) { return (char *)(uintptr_t)(s ? s : ""); }

struct ttrpc_call *rig_begin_process(struct rig *r, const char *method, const char *id, const char *exec_id)
{
	Shim__ProcessRequest q = SHIM__PROCESS_REQUEST__INIT;

	q.id = text_of(id);
	q.exec_id = text_of(exec_id);
	return rig_begin(r, method, &q.base);
}

int rig_ask(struct rig *r, const char *method, const char *id, const char *exec_id)
{
	return rig_end(r, rig_begin_process(r, method, id, exec_id), NULL, NULL);
}

static int rig_pid(struct rig *r, struct ttrpc_call *call)
{
	const Shim__PidResponse *p = NULL;
	int res = rig_end(r, call, &shim__pid_response__descriptor, &p);

	return res < 0 ? res : (int)p->pid;
}

static void usual_options(struct rig *r, Google__Protobuf__Any *any, struct buf *room)
{
	_cleanup_free_ char *root = mem_printf("%s/state", r->top);
	Containerd__Runc__V1__Options o = CONTAINERD__RUNC__V1__OPTIONS__INIT;

	o.binary_name = getenv("DAVIT_ENGINE");
	o.root = root;
	pb_pack(&o.base, room);
	any->type_url = text_of("containerd.runc.v1.Options");
	any->value.data = (uint8_t *)room->data;
	any->value.len = room->len;
}

struct ttrpc_call *rig_begin_create(struct rig *r, const char *id)
{
	const struct rig_box *box = box_of(r, id);
	_cleanup_free_ char *bundle = mem_printf("%s/bundle/%s", r->top, id);
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	Shim__CreateRequest q = SHIM__CREATE_REQUEST__INIT;
	_cleanup_buf_ struct buf room = { 0 };

	q.id = text_of(id);
	q.bundle = bundle;
	q.stdin = text_of(box->in);
	q.stdout = text_of(box->out);
	q.stderr = text_of(box->err);
	q.terminal = box->terminal;
	q.options = &any;
	if (!box->options_type) {
		usual_options(r, &any, &room);
	} else {
		any.type_url = text_of(box->options_type);
		any.value.data = (uint8_t *)(uintptr_t)box->options;
		any.value.len = box->options_len;
	}
	return rig_begin(r, "Create", &q.base);
}

int rig_create(struct rig *r, const char *id) { return rig_pid(r, rig_begin_create(r, id)); }

int rig_start(struct rig *r, const char *id, const char *exec_id) { return rig_pid(r, rig_begin_process(r, "Start", id, exec_id)); }

int rig_exec(struct rig *r, const char *id, const char *exec_id, const char *args)
{
	_cleanup_free_ char *spec = mem_printf("{\"args\":[%s]}", args);
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	Shim__ExecRequest q = SHIM__EXEC_REQUEST__INIT;

	any.type_url = text_of("types.containerd.io/opencontainers/runtime-spec/1/Process");
	any.value.data = (uint8_t *)spec;
	any.value.len = strlen(spec);
	q.id = text_of(id);
	q.exec_id = text_of(exec_id);
	q.spec = &any;
	return rig_call(r, "Exec", &q.base, NULL, NULL);
}

int rig_kill(struct rig *r, const char *id, const char *exec_id, int sig)
{
	Shim__KillRequest q = SHIM__KILL_REQUEST__INIT;

	q.id = text_of(id);
	q.exec_id = text_of(exec_id);
	q.signal = (uint32_t)sig;
	return rig_call(r, "Kill", &q.base, NULL, NULL);
}

int rig_wait(struct rig *r, const char *id, const char *exec_id)
{
	const Shim__WaitResponse *w = NULL;
	int res = rig_end(r, rig_begin_process(r, "Wait", id, exec_id), &shim__wait_response__descriptor, &w);

	return res < 0 ? res : (int)w->exit_status;
}

int rig_delete(struct rig *r, const char *id, const char *exec_id)
{
	const Shim__DeleteResponse *d = NULL;
	int res = rig_end(r, rig_begin_process(r, "Delete", id, exec_id), &shim__delete_response__descriptor, &d);

	return res < 0 ? res : (int)d->exit_status;
}

const Shim__StateResponse *rig_state(struct rig *r, const char *id, const char *exec_id)
{
	const Shim__StateResponse *s = NULL;

	return rig_end(r, rig_begin_process(r, "State", id, exec_id), &shim__state_response__descriptor, &s) < 0 ? NULL : s;
}

void rig_up(struct rig *r, const char *id)
{
	int pid;

	assert_int_equal(rig_serve(r, id), 0);
	pid = rig_create(r, id);
	if (pid <= 1)
		fail_msg("Create: %s", r->err.msg);
	assert_int_equal(rig_start(r, id, ""), pid);
}

/* its end */

int rig_setup(void **state)
{
	*state = rig_new();
	return 0;
}

int rig_teardown(void **state)
{
	rig_free(*state);
	return 0;
}

static void end_container(struct rig *r, const char *id)
{
	const Shim__StateResponse *s = rig_state(r, id, "");

	if (!s)
		return;
	if (s->status == TYPES__STATUS__RUNNING || s->status == TYPES__STATUS__PAUSED) {
		(void)rig_kill(r, id, "", SIGKILL);
		(void)rig_wait(r, id, "");
	}
	rig_order(r, id, "delete", NULL);
	if (rig_delete(r, id, "") < 0)
		fail_msg("Delete of %s: %s", id, r->err.msg);
}

static void end_shim(struct rig *r)
{
	int status;

	for (size_t i = 0; i < r->n_boxes; i++)
		end_container(r, r->boxes[i].id);
	assert_int_equal(rig_ask(r, "Shutdown", "", ""), 0);
	status = rig_await_shim(r);
	if (status != 0)
		fail_msg("the shim ended with status 0x%x", (unsigned)status);
	assert_false(file_exists(r->address + 7));
}

static void check_log(struct rig *r)
{
	static const char *const bad[] = { "AddressSanitizer", "runtime error:", "LeakSanitizer", "ThreadSanitizer" };
	ssize_t n;

	while (r->log >= 0 && (n = read(r->log, buf_room(&r->logged, 4096), 4096)) > 0)
		buf_grew(&r->logged, (size_t)n);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (strstr(buf_str(&r->logged), bad[i]))
			fail_msg("the shim wrote: %s", buf_str(&r->logged));
}

static bool all_collected(void *arg)
{
	(void)arg;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return waitpid(-1, NULL, WNOHANG) < 0;
}

/* Names of what is ours to collect. */
static const char *rig_children(struct rig *r)
{
	_cleanup_buf_ struct buf pids = { 0 };
	_cleanup_strv_ struct strv words = { 0 };
	struct buf out = { 0 };

	(void)file_read("/proc/1/task/1/children", LOG_TEXT, &pids, NULL);
	strv_split(&words, buf_str(&pids), " ");
	for (size_t i = 0; i < words.n; i++) {
		_cleanup_free_ char *path = mem_printf("/proc/%s/comm", words.v[i]);

		buf_addf(&out, " %s ", words.v[i]);
		(void)file_read(path, LOG_TEXT, &out, NULL);
	}
	return rig_say(r, buf_take(&out));
}

static void check_mounts(void)
{
	_cleanup_buf_ struct buf text = { 0 };

	assert_int_equal(file_read("/proc/self/mountinfo", LOG_TEXT, &text, NULL), 0);
	if (strstr(buf_str(&text), " /run/rig/"))
		fail_msg("mounts are left: %s", strstr(buf_str(&text), " /run/rig/"));
}

void rig_free(struct rig *r)
{
	if (r->shim)
		end_shim(r);
	check_log(r);
	check_mounts();
	if (!rig_until(r, all_collected, NULL))
		fail_msg("a process is left: %s", rig_children(r));
	rig_forget(r);
	free(r->events);
	ttrpc_free(r->client);
	ttrpc_server_free(r->server);
	loop_free(r->loop);
	arena_done(&r->answers);
	buf_done(&r->logged);
	closep(&r->log);
	free(r->said);
	free(r->address);
	free(r->top);
	free(r);
	assert_return_code(umount2("/run", MNT_DETACH), errno);
}
