/* What each method answers in each state of a container and of an exec. */
#include "test.h"
#include "rig.h"
#include "file.h"
#include "mem.h"
#include <stdio.h>
#include <stdlib.h>

static void test_whole_life(void **state)
{
	struct rig *r = *state;
	const Shim__StateResponse *s;
	int pid;

	rig_make(r, &(struct rig_box){ .id = "c", .args = "\"exit\", \"3\"", .own_pids = true });
	assert_int_equal(rig_serve(r, "c"), 0);
	pid = rig_create(r, "c");
	assert_true(pid > 1);
	s = rig_state(r, "c", "");
	assert_int_equal(s->status, TYPES__STATUS__CREATED);
	assert_int_equal(s->pid, pid);
	assert_string_equal(s->bundle, "/run/rig/bundle/c");
	assert_int_equal(rig_start(r, "c", ""), pid);
	assert_int_equal(rig_wait(r, "c", ""), 3);
	s = rig_state(r, "c", "");
	assert_int_equal(s->status, TYPES__STATUS__STOPPED);
	assert_int_equal(s->exit_status, 3);
	assert_int_equal(rig_delete(r, "c", ""), 3);
	rig_expect(r, "create c, start c, exit c c 3, delete c c 3");
	for (size_t i = 0; i < r->n_events; i++)
		assert_int_equal(r->events[i].pid, pid);
	assert_true(r->events[2].exited_at == r->events[3].exited_at && r->events[2].exited_at > 0);
	assert_string_equal(rig_calls(r, "c"), "create start delete");
}

/* How a container, and its exec "e", came to where a method is asked of them. */
static void to_none(struct rig *r) { assert_int_equal(rig_serve(r, "c"), 0); }

static void to_created(struct rig *r)
{
	to_none(r);
	assert_true(rig_create(r, "c") > 1);
}

static void to_running(struct rig *r) { rig_up(r, "c"); }

static void to_paused(struct rig *r)
{
	rig_up(r, "c");
	assert_int_equal(rig_ask(r, "Pause", "c", ""), 0);
	assert_int_equal(rig_state(r, "c", "")->status, TYPES__STATUS__PAUSED);
}

static void to_stopped(struct rig *r)
{
	rig_up(r, "c");
	assert_int_equal(rig_kill(r, "c", "", SIGKILL), 0);
	assert_int_equal(rig_wait(r, "c", ""), 128 + SIGKILL);
}

static void to_deleted(struct rig *r)
{
	to_stopped(r);
	assert_int_equal(rig_delete(r, "c", ""), 128 + SIGKILL);
}

static void to_exec_added(struct rig *r)
{
	rig_up(r, "c");
	assert_int_equal(rig_exec(r, "c", "e", "\"sleep\", \"1000\""), 0);
}

static void to_exec_running(struct rig *r)
{
	to_exec_added(r);
	assert_true(rig_start(r, "c", "e") > 1);
}

static void to_exec_stopped(struct rig *r)
{
	to_exec_running(r);
	assert_int_equal(rig_kill(r, "c", "e", SIGTERM), 0);
	assert_int_equal(rig_wait(r, "c", "e"), 128 + SIGTERM);
}

static void to_exec_orphaned(struct rig *r)
{
	to_exec_added(r);
	assert_int_equal(rig_kill(r, "c", "", SIGKILL), 0);
	assert_int_equal(rig_wait(r, "c", ""), 128 + SIGKILL);
}

enum { NONE, CREATED, RUNNING, PAUSED, STOPPED, DELETED, N_INIT };
enum { ADDED, EXEC_RUNNING, EXEC_STOPPED, ORPHANED, N_EXEC };
static void (*const init_ways[])(struct rig *) = { to_none, to_created, to_running, to_paused, to_stopped, to_deleted };
static void (*const exec_ways[])(struct rig *) = { to_exec_added, to_exec_running, to_exec_stopped, to_exec_orphaned };

struct answer {
	int r;
	const char *msg; /* NULL: none */
};
#define OK \
	{ \
		0, NULL \
	}
#define NOT_CREATED \
	{ \
		-ERR_NOT_FOUND, "container not created" \
	}
#define NO_PROCESS \
	{ \
		-ERR_NOT_FOUND, "process does not exist" \
	}

static int ask_kill(struct rig *r, const char *method, const char *exec_id)
{
	(void)method;
	return rig_kill(r, "c", exec_id, 0);
}

static int ask_plain(struct rig *r, const char *method, const char *exec_id) { return rig_ask(r, method, "c", exec_id); }

static int ask_update(struct rig *r, const char *method, const char *exec_id)
{
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	Shim__UpdateRequest q = SHIM__UPDATE_REQUEST__INIT;

	(void)exec_id;
	any.type_url = (char[]){ "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources" };
	any.value.data = (uint8_t[]){ '{', '}' };
	any.value.len = 2;
	q.id = (char[]){ "c" };
	q.resources = &any;
	return rig_call(r, method, &q.base, NULL, NULL);
}

static int ask_exec(struct rig *r, const char *method, const char *exec_id)
{
	(void)method;
	return rig_exec(r, "c", *exec_id ? exec_id : "new", "\"exit\", \"0\"");
}

#define NOT_STARTABLE \
	{ \
		-ERR_PRECONDITION, "cannot start a process that is not created, or whose container has ended" \
	}
#define NOT_DELETABLE \
	{ \
		-ERR_PRECONDITION, "cannot delete a running process" \
	}
#define NOT_RUNNING \
	{ \
		-ERR_PRECONDITION, "cannot pause a container that is not running" \
	}
#define NOT_PAUSED \
	{ \
		-ERR_PRECONDITION, "cannot resume a container that is not paused" \
	}
#define FROZEN \
	{ \
		-ERR_PRECONDITION, "cannot exec in a paused container" \
	}
#define ENDED \
	{ \
		-ERR_PRECONDITION, "cannot update a container that has ended" \
	}
#define FINISHED \
	{ \
		-ERR_NOT_FOUND, "process already finished" \
	}

static const struct {
	const char *method;
	int (*ask)(struct rig *, const char *method, const char *exec_id);
	struct answer init[N_INIT];
} init_rows[] = {
	{ "State", ask_plain, { NOT_CREATED, OK, OK, OK, OK, NOT_CREATED } },
	{ "Start", ask_plain, { NOT_CREATED, OK, NOT_STARTABLE, NOT_STARTABLE, NOT_STARTABLE, NOT_CREATED } },
	{ "Delete", ask_plain, { NOT_CREATED, OK, NOT_DELETABLE, NOT_DELETABLE, OK, NOT_CREATED } },
	{ "Pids", ask_plain, { NOT_CREATED, OK, OK, OK, OK, NOT_CREATED } },
	{ "Kill", ask_kill, { NOT_CREATED, OK, OK, OK, FINISHED, NOT_CREATED } },
	{ "Exec", ask_exec, { NOT_CREATED, OK, OK, FROZEN, OK, NOT_CREATED } },
	{ "Pause", ask_plain, { NOT_CREATED, NOT_RUNNING, OK, NOT_RUNNING, NOT_RUNNING, NOT_CREATED } },
	{ "Resume", ask_plain, { NOT_CREATED, NOT_PAUSED, NOT_PAUSED, OK, NOT_PAUSED, NOT_CREATED } },
	{ "Update", ask_update, { NOT_CREATED, OK, OK, OK, ENDED, NOT_CREATED } },
	{ "CloseIO", ask_plain, { NOT_CREATED, OK, OK, OK, OK, NOT_CREATED } },
	{ "ResizePty", ask_plain, { NOT_CREATED, OK, OK, OK, OK, NOT_CREATED } },
	{ "Connect", ask_plain, { OK, OK, OK, OK, OK, OK } },
	{ "Shutdown", ask_plain, { OK, OK, OK, OK, OK, OK } },
};

static const struct {
	const char *method;
	int (*ask)(struct rig *, const char *method, const char *exec_id);
	struct answer exec[N_EXEC];
} exec_rows[] = {
	{ "State", ask_plain, { OK, OK, OK, OK } },
	{ "Start", ask_plain, { OK, NOT_STARTABLE, NOT_STARTABLE, NOT_STARTABLE } },
	{ "Delete", ask_plain, { OK, NOT_DELETABLE, OK, OK } },
	{ "Kill",
	  ask_kill,
	  { { -ERR_PRECONDITION, "process not created" }, OK, FINISHED, { -ERR_PRECONDITION, "process not created" } } },
	{ "Exec",
	  ask_exec,
	  { { -ERR_EXISTS, "exec id exists already" },
	    { -ERR_EXISTS, "exec id exists already" },
	    { -ERR_EXISTS, "exec id exists already" },
	    { -ERR_EXISTS, "exec id exists already" } } },
	{ "CloseIO", ask_plain, { OK, OK, OK, OK } },
	{ "ResizePty", ask_plain, { OK, OK, OK, OK } },
};

static void check_answer(struct rig *r, const char *method, size_t column, int got, const struct answer *want)
{
	if (got != want->r || (want->msg && strcmp(r->err.msg, want->msg) != 0))
		fail_msg("%s in state %zu: %d (%s), not %d (%s)", method, column, got, r->err.msg, want->r, want->msg);
}

/* The shim has ended when there was nothing left to keep it. */
static void forget_shim(struct rig *r, const char *method, bool empty)
{
	if (!strcmp(method, "Shutdown") && empty)
		assert_int_equal(rig_await_shim(r), 0);
}

static void test_init_states(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof init_rows / sizeof *init_rows; i++) {
		for (size_t k = 0; k < N_INIT; k++) {
			struct rig *r = rig_new();

			rig_make(r, &(struct rig_box){ .id = "c" });
			init_ways[k](r);
			check_answer(r, init_rows[i].method, k, init_rows[i].ask(r, init_rows[i].method, ""),
				     &init_rows[i].init[k]);
			forget_shim(r, init_rows[i].method, k == NONE || k == DELETED);
			rig_free(r);
		}
	}
}

static void test_exec_states(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof exec_rows / sizeof *exec_rows; i++) {
		for (size_t k = 0; k < N_EXEC; k++) {
			struct rig *r = rig_new();

			rig_make(r, &(struct rig_box){ .id = "c" });
			exec_ways[k](r);
			check_answer(r, exec_rows[i].method, k, exec_rows[i].ask(r, exec_rows[i].method, "e"),
				     &exec_rows[i].exec[k]);
			rig_free(r);
		}
	}
}

/* The engine has what it was given, once it has said that it took it. */
static void test_pause_and_update(void **state)
{
	struct rig *r = *state;
	_cleanup_free_ char *given = rig_path(r, "c", "engine.resources");
	_cleanup_buf_ struct buf text = { 0 };

	rig_make(r, &(struct rig_box){ .id = "c" });
	to_paused(r);
	rig_order(r, "c", "resume", "fail cgroup is busy");
	assert_int_equal(rig_ask(r, "Resume", "c", ""), -ERR_UNKNOWN);
	assert_string_equal(r->err.msg, "OCI runtime resume failed: cgroup is busy");
	assert_int_equal(rig_state(r, "c", "")->status, TYPES__STATUS__PAUSED);
	rig_order(r, "c", "resume", NULL);
	assert_int_equal(rig_ask(r, "Resume", "c", ""), 0);
	assert_int_equal(ask_update(r, "Update", ""), 0);
	assert_int_equal(file_read(given, 100, &text, NULL), 0);
	assert_string_equal(buf_str(&text), "{}");
	rig_expect(r, "create c, start c, paused c, resumed c");
	assert_string_equal(rig_calls(r, "c"), "create start pause resume resume update");
}

static void test_engine_fails(void **state)
{
	struct rig *r = *state;

	rig_make(r, &(struct rig_box){ .id = "c" });
	assert_int_equal(rig_serve(r, "c"), 0);
	rig_order(r, "c", "create", "fail no such file or directory");
	assert_int_equal(rig_create(r, "c"), -ERR_UNKNOWN);
	assert_string_equal(r->err.msg, "OCI runtime create failed: no such file or directory");
	assert_int_equal(rig_ask(r, "Delete", "c", ""), -ERR_NOT_FOUND);
	assert_string_equal(r->err.msg, "container not created");
	rig_order(r, "c", "create", NULL);
	assert_true(rig_create(r, "c") > 1);
	rig_order(r, "c", "start", "exit 7");
	assert_int_equal(rig_start(r, "c", ""), -ERR_UNKNOWN);
	assert_string_equal(r->err.msg, "OCI runtime start failed: the engine ended with 7");
	rig_expect(r, "create c");
}

RIG_TESTS("shim-life", RIG_TEST(test_whole_life), cmocka_unit_test(test_init_states), cmocka_unit_test(test_exec_states),
	  RIG_TEST(test_pause_and_update), RIG_TEST(test_engine_fails))
