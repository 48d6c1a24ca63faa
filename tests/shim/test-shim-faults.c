/* What goes wrong around a shim: the engine, the shim itself, the bundle, the requests. */
#include "rig.h"
#include "file.h"
#include "mem.h"
#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

static void up_to_start(struct rig *r, const char *order)
{
	rig_make(r, &(struct rig_box){ .id = "c" });
	assert_int_equal(rig_serve(r, "c"), 0);
	rig_order(r, "c", "create", order);
}

/* What the engine says, or does not say, when it fails; and the shim's word for it. */
static void test_engine_errors(void **state)
{
	static const struct {
		const char *order, *said;
	} rows[] = {
		{ "fail exec: \\\"nosuch\\\": executable file not found in $PATH",
		  "OCI runtime create failed: exec: \"nosuch\": executable file not found in $PATH" },
		{ "exit 3", "OCI runtime create failed: the engine ended with 3" },
		{ "die 11", "OCI runtime create failed: the engine was killed by signal 11" },
		{ "say not JSON at all", "OCI runtime create failed: the engine ended with 1" },
		{ "say "
		  "{\"level\":\"error\",\"msg\":\"first\"}\n{\"level\":\"error\",\"msg\":\"last\"}\n{\"level\":\"info\",\"msg\":"
		  "\"no\"}\n",
		  "OCI runtime create failed: last" },
		{ "say {\"level\":\"error\",\"msg\":\"whole\"}\n{\"level\":\"error\",\"msg\":\"cut o",
		  "OCI runtime create failed: whole" },
		{ "say {\"level\":\"error\",\"msg\":42}\n[]\n7\nnull\n", "OCI runtime create failed: the engine ended with 1" },
	};
	struct rig *r = *state;

	up_to_start(r, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		rig_order(r, "c", "create", rows[i].order);
		assert_int_equal(rig_create(r, "c"), -ERR_UNKNOWN);
		assert_string_equal(r->err.msg, rows[i].said);
	}
	rig_expect(r, "");
	rig_order(r, "c", "create", NULL);
	assert_true(rig_create(r, "c") > 1); /* and the id is free */
}

/* A create whose process cannot be known has failed, and what it made is gone. */
static void test_no_pid_file(void **state)
{
	static const char *const orders[] = { "nopid",         "pid ",  "pid abc",
					      "pid -1",        "pid 0", "pid 1",
					      "pid 4194303",   "half",  "pid 99999999999999999999999999999999",
					      "pid 4294967298" };
	struct rig *r = *state;

	up_to_start(r, NULL);
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
		rig_order(r, "c", "create", orders[i]);
		if (rig_create(r, "c") >= 0)
			fail_msg("Create, engine told \"%s\": done", orders[i]);
		assert_int_equal(rig_ask(r, "State", "c", ""), -ERR_NOT_FOUND);
		assert_non_null(rig_delete_action(r, "c")); /* as containerd does behind it */
	}
}

static void test_exec_errors(void **state)
{
	static const char *const orders[] = { "exit 1", "die 9", "nopid", "pid x", "fail no such user", "half" };
	struct rig *r = *state;

	rig_make(r, &(struct rig_box){ .id = "c" });
	rig_up(r, "c");
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
		_cleanup_free_ char *id = mem_printf("e%zu", i);

		rig_order(r, "c", "exec", orders[i]);
		assert_int_equal(rig_exec(r, "c", id, "\"exit\", \"0\""), 0);
		if (rig_start(r, "c", id) >= 0)
			fail_msg("Start of an exec, engine told \"%s\": done", orders[i]);
		assert_true(rig_delete(r, "c", id) >= 0);
	}
	rig_order(r, "c", "exec", NULL);
	assert_int_equal(rig_exec(r, "c", "e", "\"exit\", \"4\""), 0);
	assert_true(rig_start(r, "c", "e") > 1);
	assert_int_equal(rig_wait(r, "c", "e"), 4);
}

/* An engine that hangs keeps nothing waiting but its own call; when it is killed, that fails. */
static void test_engine_hangs(void **state)
{
	struct rig *r = *state;
	struct ttrpc_call *start, *waits;

	rig_make(r, &(struct rig_box){ .id = "c" });
	rig_up(r, "c");
	assert_int_equal(rig_exec(r, "c", "e", "\"sleep\", \"1000\""), 0);
	rig_order(r, "c", "exec", "hang");
	start = rig_begin_process(r, "Start", "c", "e");
	rig_pause(r, 50);
	waits = rig_begin_process(r, "Delete", "c", "e");
	rig_pause(r, 50);
	assert_non_null(rig_state(r, "c", "e"));
	assert_int_equal(rig_ask(r, "Pids", "c", ""), 0);
	assert_int_equal(rig_ask(r, "Shutdown", "c", ""), 0);
	ttrpc_call_free(start); /* containerd gives up as well */
	ttrpc_call_free(waits);
	assert_int_equal(rig_kill(r, "c", "", SIGKILL), 0);
	assert_int_equal(rig_wait(r, "c", ""), 137);
}

/* What is asked for while an engine works waits for it, in its order. */
static void test_calls_wait_for_one_another(void **state)
{
	static const char *const methods[] = { "Start", "Delete", "Start" };
	struct ttrpc_call *start, *waits[3];
	struct rig *r = *state;

	rig_make(r, &(struct rig_box){ .id = "c" });
	rig_up(r, "c");
	assert_int_equal(rig_exec(r, "c", "e", "\"exit\", \"3\""), 0);
	rig_order(r, "c", "exec", "slow 300");
	start = rig_begin_process(r, "Start", "c", "e");
	for (size_t i = 0; i < 3; i++)
		waits[i] = rig_begin_process(r, methods[i], "c", "e");
	assert_int_equal(rig_end(r, start, NULL, NULL), 0);
	assert_int_equal(rig_end(r, waits[0], NULL, NULL), -ERR_PRECONDITION);
	assert_string_equal(r->err.msg, "cannot start a process that is not created, or whose container has ended");
	if (rig_end(r, waits[1], NULL, NULL) == 0) /* it may run still */
		assert_int_equal(rig_end(r, waits[2], NULL, NULL), -ERR_NOT_FOUND);
	else
		assert_int_equal(rig_end(r, waits[2], NULL, NULL), -ERR_PRECONDITION);
}

static void test_create_hangs(void **state)
{
	struct rig *r = *state;
	struct ttrpc_call *create;

	up_to_start(r, "hang");
	create = rig_begin_create(r, "c");
	rig_pause(r, 100);
	assert_int_equal(rig_ask(r, "State", "c", ""), -ERR_NOT_FOUND);
	assert_int_equal(rig_ask(r, "Delete", "c", ""), -ERR_NOT_FOUND);
	assert_int_equal(rig_create(r, "c"), -ERR_EXISTS);
	rig_leave(r, create);
	rig_kill_shim(r); /* what containerd has to end it */
	rig_order(r, "c", "create", NULL);
	assert_int_equal(rig_delete_action(r, "c")->exit_status, 137);
}

/* containerd gives up a Create that hangs, and ends the shim: the engine ends with it. */
static void test_create_given_up(void **state)
{
	struct rig *r = *state;
	struct ttrpc_call *create;

	up_to_start(r, "hang");
	create = rig_begin_create(r, "c");
	rig_pause(r, 100);
	ttrpc_call_free(create);
	assert_int_equal(rig_ask(r, "Shutdown", "other", ""), 0);
	assert_int_equal(rig_ask(r, "Shutdown", "c", ""), 0);
	assert_int_equal(rig_await_shim(r), 0);
	rig_order(r, "c", "create", NULL);
	assert_int_equal(rig_delete_action(r, "c")->exit_status, 137);
}

/* SIGKILL at each point of a life: `delete` says 137, runs the engine where there may be something, and nothing stays. */
enum point { SERVING, CREATING, MADE, STARTING, UP, EXECUTING, WITH_EXEC, ENDED, DELETING, GONE, N_POINTS };

static void begin_slow(struct rig *r, const char *verb, const char *order, const char *method, const char *exec_id)
{
	rig_order(r, "c", verb, order);
	rig_leave(r, rig_begin_process(r, method, "c", exec_id));
	rig_pause(r, 50);
}

static void reach(struct rig *r, enum point p)
{
	assert_int_equal(rig_serve(r, "c"), 0);
	if (p == CREATING) {
		rig_order(r, "c", "create", "late 500");
		rig_leave(r, rig_begin_create(r, "c"));
		rig_pause(r, 100);
	}
	if (p > CREATING)
		assert_true(rig_create(r, "c") > 1);
	if (p == STARTING)
		begin_slow(r, "start", "late 500", "Start", "");
	if (p > STARTING)
		assert_true(rig_start(r, "c", "") > 1);
	if (p == EXECUTING || p == WITH_EXEC)
		assert_int_equal(rig_exec(r, "c", "e", "\"sleep\", \"1000\""), 0);
	if (p == EXECUTING)
		begin_slow(r, "exec", "late 500", "Start", "e");
	if (p == WITH_EXEC)
		assert_true(rig_start(r, "c", "e") > 1);
	if (p >= ENDED) {
		assert_int_equal(rig_kill(r, "c", "", SIGTERM), 0);
		assert_int_equal(rig_wait(r, "c", ""), 143);
	}
	if (p == DELETING)
		begin_slow(r, "delete", "slow 500", "Delete", "");
	if (p == GONE)
		assert_int_equal(rig_delete(r, "c", ""), 143);
}

static void kill_at(struct rig *r, enum point p)
{
	_cleanup_free_ char *rootfs = rig_path(r, "c", "rootfs");
	const Shim__DeleteResponse *d;

	rig_make(r, &(struct rig_box){ .id = "c" });
	reach(r, p);
	rig_kill_shim(r);
	if (p != GONE) /* the root file system as Create had it */
		assert_return_code(mount("tmpfs", rootfs, "tmpfs", 0, NULL), errno);
	rig_forget_calls(r, "c");
	rig_order(r, "c", "delete", NULL);
	d = rig_delete_action(r, "c");
	assert_non_null(d);
	assert_int_equal(d->exit_status, 137);
	assert_true(d->exited_at && d->exited_at->seconds > 0);
	assert_string_equal(rig_calls(r, "c"), p == SERVING || p == GONE ? "" : "delete");
}

static void test_shim_killed(void **state)
{
	(void)state;
	for (enum point p = SERVING; p < N_POINTS; p++) {
		struct rig *r = rig_new();

		kill_at(r, p);
		rig_free(r); /* no process, no mount */
	}
}

/* The socket of a killed shim is there and nobody listens: the next `start` takes it over. */
static void test_start_after_kill(void **state)
{
	struct rig *r = *state;

	rig_make(r, &(struct rig_box){ .id = "c" });
	rig_up(r, "c");
	rig_kill_shim(r);
	assert_true(file_exists(r->address + 7));
	assert_non_null(rig_delete_action(r, "c"));
	assert_int_equal(rig_serve(r, "c"), 0);
	assert_true(rig_create(r, "c") > 1);
}

static void test_bundle_removed(void **state)
{
	struct rig *r = *state;
	_cleanup_free_ char *bundle = rig_path(r, "c", "");

	rig_make(r, &(struct rig_box){ .id = "c" });
	rig_up(r, "c");
	assert_int_equal(file_remove_tree(bundle, NULL), 0);
	assert_int_equal(rig_state(r, "c", "")->status, TYPES__STATUS__RUNNING);
	assert_true(rig_exec(r, "c", "e", "\"exit\", \"0\"") < 0);
	assert_int_equal(rig_kill(r, "c", "", SIGTERM), 0);
	assert_int_equal(rig_wait(r, "c", ""), 143);
	assert_int_equal(rig_delete(r, "c", ""), 143); /* the engine has its own folder for that */
	rig_expect(r, "create c, start c, exit c c 143, delete c c 143");
}

static void test_delete_marker(void **state)
{
	struct rig *r = *state;

	rig_make(r, &(struct rig_box){ .id = "c" });
	rig_up(r, "c");
	assert_int_equal(rig_kill(r, "c", "", SIGKILL), 0);
	assert_int_equal(rig_wait(r, "c", ""), 137);
	assert_int_equal(rig_delete(r, "c", ""), 137);
	rig_forget_calls(r, "c");
	assert_int_equal(rig_delete_action(r, "c")->exit_status, 137);
	assert_string_equal(rig_calls(r, "c"), "");
}

/* Delete that fails leaves the container as it was, to be deleted again. */
static void test_delete_fails(void **state)
{
	struct rig *r = *state;

	rig_make(r, &(struct rig_box){ .id = "c", .args = "\"exit\", \"0\"" });
	rig_up(r, "c");
	assert_int_equal(rig_wait(r, "c", ""), 0);
	rig_order(r, "c", "delete", "fail device or resource busy");
	assert_int_equal(rig_delete(r, "c", ""), -ERR_UNKNOWN);
	assert_string_equal(r->err.msg, "OCI runtime delete failed: device or resource busy");
	assert_int_equal(rig_state(r, "c", "")->status, TYPES__STATUS__STOPPED);
	rig_order(r, "c", "delete", NULL);
	assert_int_equal(rig_delete(r, "c", ""), 0);
	rig_expect(r, "create c, start c, exit c c 0, delete c c 0");
}

static const char *const methods[] = { "Create",  "Start", "Delete", "Exec",   "State", "Wait",       "Kill",      "Pids",
				       "CloseIO", "Pause", "Resume", "Update", "Stats", "Checkpoint", "ResizePty", "Connect" };

/* Bytes that are no message, and strings that are no text: refused, and the shim goes on. */
static void test_malformed(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} rows[] = { { "\xff\xff\xff\xff", 4 },
		     { "\x0a\x7f"
		       "c",
		       3 },
		     { "\x0a\x02"
		       "c\0",
		       4 },
		     { "\x0a\xff\xff\xff\xff\x0f", 6 } };
	const struct ctx ctx = ctx_within(NULL, RIG_MS);
	struct rig *r = *state;

	up_to_start(r, NULL);
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
			struct ttrpc_call *c = ttrpc_start(r->client, TTRPC_UNARY, "containerd.task.v2.Task", methods[i],
							   rows[k].bytes, rows[k].n, NULL, &ctx);
			int code = rig_end(r, c, NULL, NULL);

			if (code != -ERR_INVALID && code != -ERR_UNIMPLEMENTED)
				fail_msg("%s of row %zu: %d (%s)", methods[i], k, code, r->err.msg);
		}
	}
	assert_int_equal(rig_ask(r, "NoSuchMethod", "c", ""), -ERR_UNIMPLEMENTED);
}

/* Ids that would be another path. */
static void test_hostile_ids(void **state)
{
	static const char *const ids[] = { "", "../c", "a/b", "/etc" };
	struct rig *r = *state;

	rig_make(r, &(struct rig_box){ .id = "c" });
	rig_up(r, "c");
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		int code = rig_exec(r, "c", ids[i], "\"exit\", \"0\"");

		if (code != -ERR_INVALID)
			fail_msg("Exec of \"%s\": %d (%s)", ids[i], code, r->err.msg);
	}
}

RIG_TESTS("shim-faults", RIG_TEST(test_engine_errors), RIG_TEST(test_no_pid_file), RIG_TEST(test_exec_errors),
	  RIG_TEST(test_engine_hangs), RIG_TEST(test_calls_wait_for_one_another), RIG_TEST(test_create_hangs),
	  RIG_TEST(test_create_given_up), cmocka_unit_test(test_shim_killed), RIG_TEST(test_start_after_kill),
	  RIG_TEST(test_bundle_removed), RIG_TEST(test_delete_marker), RIG_TEST(test_delete_fails), RIG_TEST(test_malformed),
	  RIG_TEST(test_hostile_ids))
