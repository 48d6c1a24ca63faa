/* Tasks and execs: created, running, stopped, deleted; a Wait is a parked call. Nothing runs. */
#include "serve.h"
#include "clock.h"
#include "mem.h"
#include "events.pb-c.h"
#include "tasks.pb-c.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

enum { OUTPUT_MAX = 4096 };

static char *key_of(const char *id, const char *exec_id) { return *exec_id ? mem_printf("%s/%s", id, exec_id) : mem_strdup(id); }

/* The process that a request names, or an answer that there is none. */
static struct record *find(struct served *s, const char *id, const char *exec_id)
{
	_cleanup_free_ char *key = key_of(id, exec_id);
	struct record *r = store_find(&s->fake->store, *exec_id ? EXEC : TASK, s->ns, key);

	if (!store_find(&s->fake->store, CONTAINER, s->ns, id))
		served_fail(s, ERR_NOT_FOUND, "container \"%s\" in namespace \"%s\": not found", id, s->ns);
	else if (!store_find(&s->fake->store, TASK, s->ns, id))
		served_fail(s, ERR_NOT_FOUND, "no running task found: task %s not found: not found", id);
	else if (!r)
		served_fail(s, ERR_NOT_FOUND, "process %s: not found", exec_id);
	else
		return r;
	return NULL;
}

static const char *exec_id_of(const struct record *r)
{
	const char *slash = strchr(r->key, '/');

	return r->kind == EXEC && slash ? slash + 1 : "";
}

static char *container_id_of(const struct record *r) { return mem_strndup(r->key, strcspn(r->key, "/")); }

static const struct program *program_of(const struct fake_server *f, const struct record *r)
{
	const char *any = r->kind == EXEC ? "*"
					    "/"
					    "*"
					  : "*";
	const struct program *found = NULL;

	for (size_t i = 0; i < f->n_programs; i++)
		if (!strcmp(f->programs[i].key, r->key) || (!found && !strcmp(f->programs[i].key, any)))
			found = &f->programs[i];
	return found;
}

/* As a shim opens it: both ways, so that nobody needs to be at the other end. */
static int open_fifo(const char *path)
{
	struct stat st;

	if (*path != '/' || stat(path, &st) < 0 || !S_ISFIFO(st.st_mode))
		return -1;
	return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

static void create(struct served *s, const ProtobufCMessage *msg)
{
	const Tasks__CreateRequest *req = (const void *)msg;
	_cleanup_free_ char *bundle = mem_printf("/nonexistent/%s", req->container_id);
	Tasks__CreateResponse reply = TASKS__CREATE_RESPONSE__INIT;
	Events__TaskCreate event = EVENTS__TASK_CREATE__INIT;
	struct record *r;

	if (!store_find(&s->fake->store, CONTAINER, s->ns, req->container_id)) {
		served_fail(s, ERR_NOT_FOUND, "container \"%s\" in namespace \"%s\": not found", req->container_id, s->ns);
		return;
	}
	r = served_add(s, TASK, req->container_id);
	if (!r)
		return;
	r->state = TYPES__STATUS__CREATED;
	pb_pack(msg, &r->body);
	r->stdin_fd = open_fifo(req->stdin);
	r->stdout_fd = open_fifo(req->stdout);
	event.container_id = r->key;
	event.bundle = bundle;
	event.pid = reply.pid = (uint32_t)r->pid;
	publish(s->fake, s->ns, "/tasks/create", "containerd.events.TaskCreate", &event.base);
	reply.container_id = r->key;
	served_reply(s, &reply.base);
}

static void exec(struct served *s, const ProtobufCMessage *msg)
{
	const Tasks__ExecRequest *req = (const void *)msg;
	_cleanup_free_ char *key = key_of(req->container_id, req->exec_id);
	Events__TaskExecAdded event = EVENTS__TASK_EXEC_ADDED__INIT;
	struct record *task = find(s, req->container_id, ""), *r;

	if (!task)
		return;
	if (task->state != TYPES__STATUS__RUNNING) {
		served_fail(s, ERR_PRECONDITION, "task %s is not running: failed precondition", req->container_id);
		return;
	}
	r = served_add(s, EXEC, key);
	if (!r)
		return;
	r->state = TYPES__STATUS__CREATED;
	pb_pack(msg, &r->body);
	r->stdin_fd = open_fifo(req->stdin);
	r->stdout_fd = open_fifo(req->stdout);
	event.container_id = req->container_id;
	event.exec_id = req->exec_id;
	publish(s->fake, s->ns, "/tasks/exec-added", "containerd.events.TaskExecAdded", &event.base);
	served_empty(s);
}

static void answer_wait(struct served *s, const struct record *r)
{
	_cleanup_arena_ struct arena a = { 0 };
	Tasks__WaitResponse reply = TASKS__WAIT_RESPONSE__INIT;

	reply.exit_status = r->exit_status;
	reply.exited_at = time_pack(&a, r->exited_at);
	served_reply(s, &reply.base);
}

static void process_exit(struct fake_server *f, struct record *r, uint32_t status)
{
	_cleanup_free_ char *id = container_id_of(r);
	_cleanup_arena_ struct arena a = { 0 };
	Events__TaskExit event = EVENTS__TASK_EXIT__INIT;

	if (r->state == TYPES__STATUS__STOPPED)
		return;
	r->state = TYPES__STATUS__STOPPED;
	r->exit_status = status;
	r->exited_at = clock_wall();
	closep(&r->stdin_fd);
	closep(&r->stdout_fd);
	r->stdin_fd = r->stdout_fd = -1;
	event.container_id = id;
	event.id = borrow(r->kind == EXEC ? exec_id_of(r) : id);
	event.pid = (uint32_t)r->pid;
	event.exit_status = status;
	event.exited_at = time_pack(&a, r->exited_at);
	publish(f, r->ns, "/tasks/exit", "containerd.events.TaskExit", &event.base);
	list_for_each(it, &f->calls) {
		struct served *s = container_of(it, struct served, node);

		if (s->waits_for && !s->ended && !strcmp(s->ns, r->ns) && !strcmp(s->waits_for, r->key))
			answer_wait(s, r);
	}
}

/* The execs of a task end before it does. */
void task_exit(struct fake_server *f, struct record *task, uint32_t status)
{
	size_t n = strlen(task->key);

	list_for_each(it, &f->store.records) {
		struct record *r = container_of(it, struct record, node);

		if (task->kind == TASK && r->kind == EXEC && !strcmp(r->ns, task->ns) && !strncmp(r->key, task->key, n) &&
		    r->key[n] == '/')
			process_exit(f, r, 128 + SIGKILL);
	}
	process_exit(f, task, status);
}

static void start(struct served *s, const ProtobufCMessage *msg)
{
	const Tasks__ProcessRequest *req = (const void *)msg;
	struct record *r = find(s, req->container_id, req->exec_id);
	const struct program *p = r ? program_of(s->fake, r) : NULL;
	Events__TaskExecStarted event = EVENTS__TASK_EXEC_STARTED__INIT;
	Events__TaskStart task_event = EVENTS__TASK_START__INIT;
	Tasks__StartResponse reply = TASKS__START_RESPONSE__INIT;

	if (!r)
		return;
	if (r->state != TYPES__STATUS__CREATED) {
		served_fail(s, ERR_UNKNOWN, "cannot start a process that is not created: unknown");
		return;
	}
	r->state = TYPES__STATUS__RUNNING;
	event.container_id = task_event.container_id = req->container_id;
	event.exec_id = req->exec_id;
	event.pid = task_event.pid = reply.pid = (uint32_t)r->pid;
	if (r->kind == EXEC)
		publish(s->fake, s->ns, "/tasks/exec-started", "containerd.events.TaskExecStarted", &event.base);
	else
		publish(s->fake, s->ns, "/tasks/start", "containerd.events.TaskStart", &task_event.base);
	served_reply(s, &reply.base);
	if (p && p->output && r->stdout_fd >= 0)
		(void)!write(r->stdout_fd, p->output, strnlen(p->output, OUTPUT_MAX));
	if (p && strspn(p->what, "0123456789"))
		task_exit(s->fake, r, (uint32_t)strtoul(p->what, NULL, 10));
}

static void wait_(struct served *s, const ProtobufCMessage *msg)
{
	const Tasks__ProcessRequest *req = (const void *)msg;
	struct record *r = find(s, req->container_id, req->exec_id);

	if (!r)
		return;
	if (r->state == TYPES__STATUS__STOPPED)
		answer_wait(s, r);
	else
		s->waits_for = mem_strdup(r->key);
}

static void kill_(struct served *s, const ProtobufCMessage *msg)
{
	const Tasks__KillRequest *req = (const void *)msg;
	struct record *r = find(s, req->container_id, req->exec_id);
	const struct program *p = r ? program_of(s->fake, r) : NULL;

	if (!r)
		return;
	if (r->state == TYPES__STATUS__STOPPED) {
		served_fail(s, ERR_NOT_FOUND, "process already finished: not found");
		return;
	}
	if (r->kind == EXEC && r->state == TYPES__STATUS__CREATED) {
		served_fail(s, ERR_PRECONDITION, "process not created: failed precondition");
		return;
	}
	served_empty(s);
	if (!p || (strcmp(p->what, "deaf") != 0 && (req->signal == SIGKILL || strcmp(p->what, "ignore") != 0)))
		task_exit(s->fake, r, 128 + req->signal);
}

static void delete_execs(struct fake_server *f, const struct record *task)
{
	size_t n = strlen(task->key);

	list_for_each(it, &f->store.records) {
		struct record *r = container_of(it, struct record, node);

		if (r->kind == EXEC && !strcmp(r->ns, task->ns) && !strncmp(r->key, task->key, n) && r->key[n] == '/')
			record_free(r);
	}
}

static void delete (struct served *s, const ProtobufCMessage *msg)
{
	const Tasks__ProcessRequest *req = (const void *)msg;
	struct record *r = find(s, req->container_id, req->exec_id);
	_cleanup_arena_ struct arena a = { 0 };
	Events__TaskDelete event = EVENTS__TASK_DELETE__INIT;
	Tasks__DeleteResponse reply = TASKS__DELETE_RESPONSE__INIT;

	if (!r)
		return;
	if (r->state != TYPES__STATUS__STOPPED && r->state != TYPES__STATUS__CREATED) {
		served_fail(s, ERR_UNKNOWN, "failed to delete task: cannot delete a running process: unknown");
		return;
	}
	if (r->state == TYPES__STATUS__CREATED)
		task_exit(s->fake, r, 128 + SIGKILL);
	event.container_id = req->container_id;
	event.id = reply.id = borrow(exec_id_of(r));
	event.pid = reply.pid = (uint32_t)r->pid;
	event.exit_status = reply.exit_status = r->exit_status;
	event.exited_at = reply.exited_at = time_pack(&a, r->exited_at);
	if (r->kind == TASK) {
		delete_execs(s->fake, r);
		publish(s->fake, s->ns, "/tasks/delete", "containerd.events.TaskDelete", &event.base);
	}
	served_reply(s, &reply.base);
	record_free(r);
}

static Types__Process *process_of(struct record *r, struct arena *a)
{
	Types__Process *m = arena_array(a, Types__Process, 1);
	const ProtobufCMessage *msg = NULL;
	const Tasks__CreateRequest *made;

	types__process__init(m);
	m->id = borrow(r->kind == EXEC ? exec_id_of(r) : r->key);
	m->pid = (uint32_t)r->pid;
	m->status = (Types__Status)r->state;
	m->exit_status = r->exit_status;
	m->exited_at = time_pack(a, r->exited_at);
	if (r->kind == TASK && pb_unpack(&tasks__create_request__descriptor, r->body.data, r->body.len, a, &msg, NULL) == 0) {
		made = (const void *)msg;
		m->stdin = made->stdin;
		m->stdout = made->stdout;
		m->stderr = made->stderr;
		m->terminal = made->terminal;
	}
	return m;
}

static void get(struct served *s, const ProtobufCMessage *msg)
{
	const Tasks__ProcessRequest *req = (const void *)msg;
	struct record *r = find(s, req->container_id, req->exec_id);
	_cleanup_arena_ struct arena a = { 0 };
	Tasks__GetResponse reply = TASKS__GET_RESPONSE__INIT;

	if (!r)
		return;
	reply.process = process_of(r, &a);
	served_reply(s, &reply.base);
}

static void list(struct served *s, const ProtobufCMessage *msg)
{
	_cleanup_arena_ struct arena a = { 0 };
	Tasks__ListResponse reply = TASKS__LIST_RESPONSE__INIT;
	_cleanup_free_ Types__Process **v = NULL;
	size_t cap = 0;

	(void)msg;
	list_for_each(it, &s->fake->store.records) {
		struct record *r = container_of(it, struct record, node);

		if (r->kind != TASK || strcmp(r->ns, s->ns))
			continue;
		v = mem_grow(v, &cap, reply.n_tasks + 1, sizeof(Types__Process *));
		v[reply.n_tasks++] = process_of(r, &a);
	}
	reply.tasks = v;
	served_reply(s, &reply.base);
}

static void list_pids(struct served *s, const ProtobufCMessage *msg)
{
	struct record *r = find(s, ((const Tasks__ProcessRequest *)(const void *)msg)->container_id, "");
	Types__ProcessInfo info = TYPES__PROCESS_INFO__INIT;
	Tasks__ListPidsResponse reply = TASKS__LIST_PIDS_RESPONSE__INIT;

	if (!r)
		return;
	info.pid = (uint32_t)r->pid;
	reply.n_processes = r->state == TYPES__STATUS__STOPPED ? 0 : 1;
	reply.processes = (Types__ProcessInfo *[]){ &info };
	served_reply(s, &reply.base);
}

/* From one state to another, with its event. */
static void move(struct served *s, const ProtobufCMessage *msg, Types__Status from, Types__Status to, const char *topic,
		 const char *type)
{
	struct record *r = find(s, ((const Tasks__ProcessRequest *)(const void *)msg)->container_id, "");
	Events__TaskNamed event = EVENTS__TASK_NAMED__INIT;

	if (!r)
		return;
	if (r->state != (int)from) {
		served_fail(s, ERR_PRECONDITION, "task %s is in the wrong state: failed precondition", r->key);
		return;
	}
	r->state = (int)to;
	event.container_id = r->key;
	publish(s->fake, s->ns, topic, type, &event.base);
	served_empty(s);
}

static void pause_(struct served *s, const ProtobufCMessage *msg)
{
	move(s, msg, TYPES__STATUS__RUNNING, TYPES__STATUS__PAUSED, "/tasks/paused", "containerd.events.TaskPaused");
}

static void resume(struct served *s, const ProtobufCMessage *msg)
{
	move(s, msg, TYPES__STATUS__PAUSED, TYPES__STATUS__RUNNING, "/tasks/resumed", "containerd.events.TaskResumed");
}

static void update(struct served *s, const ProtobufCMessage *msg)
{
	const Tasks__UpdateRequest *req = (const void *)msg;
	struct record *r = find(s, req->container_id, "");
	_cleanup_free_ char *text =
		req->resources ? mem_strndup((char *)req->resources->value.data, req->resources->value.len) : NULL;

	if (!r)
		return;
	dict_set(&r->labels, "resources", text); /* for the dump */
	served_empty(s);
}

static void resize(struct served *s, const ProtobufCMessage *msg)
{
	const Tasks__ResizeRequest *req = (const void *)msg;
	struct record *r = find(s, req->container_id, req->exec_id);

	if (!r)
		return;
	r->cols = req->width;
	r->rows = req->height;
	served_empty(s);
}

static void close_io(struct served *s, const ProtobufCMessage *msg)
{
	const Tasks__CloseIoRequest *req = (const void *)msg;

	if (find(s, req->container_id, req->exec_id))
		served_empty(s);
}

static const char *metric_field(void *arg, const char *field)
{
	return strcmp(field, "id") ? NULL : ((const struct record *)arg)->key;
}

static void metrics(struct served *s, const ProtobufCMessage *msg)
{
	const Tasks__MetricsRequest *req = (const void *)msg;
	_cleanup_arena_ struct arena a = { 0 };
	Google__Protobuf__Any data = GOOGLE__PROTOBUF__ANY__INIT;
	Types__Metric metric = TYPES__METRIC__INIT;
	Tasks__MetricsResponse reply = TASKS__METRICS_RESPONSE__INIT;

	data.type_url = borrow("io.containerd.cgroups.v1.Metrics");
	metric.data = &data;
	metric.timestamp = time_pack(&a, clock_wall());
	reply.metrics = (Types__Metric *[]){ &metric };
	list_for_each(it, &s->fake->store.records) {
		struct record *r = container_of(it, struct record, node);

		if (r->kind == TASK && !strcmp(r->ns, s->ns) && filters_match(req->filters, req->n_filters, metric_field, r)) {
			metric.id = r->key;
			reply.n_metrics = 1;
		}
	}
	served_reply(s, &reply.base);
}

#define TK "/containerd.services.tasks.v1.Tasks/"
const struct service_method task_methods[] = {
	{ TK "Create", &tasks__create_request__descriptor, create },
	{ TK "Start", &tasks__process_request__descriptor, start },
	{ TK "Wait", &tasks__process_request__descriptor, wait_ },
	{ TK "Delete", &tasks__process_request__descriptor, delete },
	{ TK "DeleteProcess", &tasks__process_request__descriptor, delete },
	{ TK "Kill", &tasks__kill_request__descriptor, kill_ },
	{ TK "Get", &tasks__process_request__descriptor, get },
	{ TK "List", &tasks__list_request__descriptor, list },
	{ TK "Exec", &tasks__exec_request__descriptor, exec },
	{ TK "ResizePty", &tasks__resize_request__descriptor, resize },
	{ TK "CloseIO", &tasks__close_io_request__descriptor, close_io },
	{ TK "ListPids", &tasks__process_request__descriptor, list_pids },
	{ TK "Update", &tasks__update_request__descriptor, update },
	{ TK "Pause", &tasks__process_request__descriptor, pause_ },
	{ TK "Resume", &tasks__process_request__descriptor, resume },
	{ TK "Metrics", &tasks__metrics_request__descriptor, metrics },
	{ 0 },
};
