/* The order of events, whatever the order of what happens, and those who wait. Source: reference containerd.md C.6. */
#include "rig.h"
#include "mem.h"

enum { MANY = 300 };

static void test_exit_before_create_returns(void **state)
{
	struct rig *r = *state;

	rig_make(r, &(struct rig_box){ .id = "c", .args = "\"exit\", \"5\"" });
	rig_order(r, "c", "create", "gone");
	assert_int_equal(rig_serve(r, "c"), 0);
	assert_true(rig_create(r, "c") > 1);
	assert_int_equal(rig_wait(r, "c", ""), 5);
	rig_expect(r, "create c, exit c c 5");
	assert_int_equal(rig_start(r, "c", ""), -ERR_PRECONDITION);
	assert_int_equal(rig_delete(r, "c", ""), 5);
	rig_expect(r, "create c, exit c c 5, delete c c 5");
}

static void test_exit_before_start_returns(void **state)
{
	struct rig *r = *state;

	rig_make(r, &(struct rig_box){ .id = "c", .args = "\"exit\", \"0\"" });
	rig_order(r, "c", "start", "late 300");
	rig_up(r, "c");
	assert_int_equal(rig_wait(r, "c", ""), 0);
	rig_expect(r, "create c, start c, exit c c 0");
}

static void test_exec_exit_before_exec_returns(void **state)
{
	struct rig *r = *state;
	int pid;

	rig_make(r, &(struct rig_box){ .id = "c" });
	rig_up(r, "c");
	rig_order(r, "c", "exec", "gone");
	assert_int_equal(rig_exec(r, "c", "e", "\"exit\", \"9\""), 0);
	pid = rig_start(r, "c", "e");
	assert_true(pid > 1);
	assert_int_equal(rig_wait(r, "c", "e"), 9);
	rig_expect(r, "create c, start c, exec-added c e, exec-started c e, exit c e 9");
	assert_int_equal(r->events[3].pid, pid);
	assert_int_equal(r->events[4].pid, pid);
	assert_int_equal(rig_delete(r, "c", "e"), 9);
	assert_int_equal(rig_ask(r, "State", "c", "e"), -ERR_NOT_FOUND);
	assert_string_equal(rig_events(r),
			    "create c, start c, exec-added c e, exec-started c e, exit c e 9"); /* none of its deletion */
}

static bool four_events(void *arg) { return ((const struct rig *)arg)->n_events >= 4; }

/* They share no PID namespace with it here: the shim ends them. */
static void test_execs_end_before_init(void **state)
{
	struct rig *r = *state;

	rig_make(r, &(struct rig_box){ .id = "c" });
	rig_up(r, "c");
	for (int i = 0; i < 3; i++) {
		const char *id = (const char *[]){ "e0", "e1", "e2" }[i];

		assert_int_equal(rig_exec(r, "c", id, "\"sleep\", \"1000\""), 0);
		assert_true(rig_start(r, "c", id) > 1);
	}
	rig_expect(r, "create c, start c, exec-added c e0, exec-started c e0, exec-added c e1, exec-started c e1, exec-added c e2, "
		      "exec-started c e2");
	rig_forget(r);
	assert_int_equal(rig_kill(r, "c", "", SIGTERM), 0);
	assert_int_equal(rig_wait(r, "c", ""), 128 + SIGTERM);
	assert_true(rig_until(r, four_events, r));
	if (strcmp(r->events[3].text, "exit c c 143") != 0)
		fail_msg("the init's end is not the last: %s", rig_events(r));
	for (size_t i = 0; i < 3; i++)
		assert_memory_equal(r->events[i].text, "exit c e", 8); /* each once, in any order */
}

/* Where they share one with it, the kernel does. */
static void test_execs_of_its_namespace(void **state)
{
	struct rig *r = *state;

	rig_make(r, &(struct rig_box){ .id = "c", .own_pids = true });
	rig_up(r, "c");
	assert_int_equal(rig_exec(r, "c", "e", "\"sleep\", \"1000\""), 0);
	assert_true(rig_start(r, "c", "e") > 1);
	assert_int_equal(rig_kill(r, "c", "", SIGKILL), 0);
	assert_int_equal(rig_wait(r, "c", ""), 137);
	rig_expect(r, "create c, start c, exec-added c e, exec-started c e, exit c e 137, exit c c 137");
	assert_string_equal(rig_calls(r, "c"), "create start exec");
}

/* The init ends while the engine makes an exec's process: that is told first, too. */
static void test_init_ends_while_exec_starts(void **state)
{
	struct rig *r = *state;
	struct ttrpc_call *start;

	rig_make(r, &(struct rig_box){ .id = "c" });
	rig_up(r, "c");
	assert_int_equal(rig_exec(r, "c", "e", "\"sleep\", \"1000\""), 0);
	rig_order(r, "c", "exec", "slow 300");
	start = rig_begin_process(r, "Start", "c", "e");
	rig_pause(r, 50);
	assert_int_equal(rig_kill(r, "c", "", SIGKILL), 0);
	assert_int_equal(rig_wait(r, "c", ""), 137);
	assert_int_equal(rig_end(r, start, NULL, NULL), 0);
	assert_int_equal(rig_wait(r, "c", "e"), 137);
	rig_expect(r, "create c, start c, exec-added c e, exec-started c e, exit c e 137, exit c c 137");
}

static void test_many_wait(void **state)
{
	struct rig *r = *state;
	struct ttrpc_call *calls[MANY];
	const Shim__WaitResponse *w = NULL;
	int64_t at = 0;

	rig_make(r, &(struct rig_box){ .id = "c" });
	rig_up(r, "c");
	for (int i = 0; i < MANY; i++)
		calls[i] = rig_begin_process(r, "Wait", "c", "");
	for (int i = 0; i < MANY; i += 3) /* one in three gives up */
		ttrpc_call_free(TAKE_PTR(calls[i]));
	assert_int_equal(rig_kill(r, "c", "", SIGTERM), 0);
	for (int i = 0; i < MANY; i++) {
		if (!calls[i])
			continue;
		assert_int_equal(rig_end(r, calls[i], &shim__wait_response__descriptor, &w), 0);
		assert_int_equal(w->exit_status, 143);
		assert_true(w->exited_at && (!at || at == w->exited_at->nanos)); /* taken once */
		at = w->exited_at->nanos;
	}
	assert_int_equal(rig_state(r, "c", "")->exited_at->nanos, at);
	assert_int_equal(rig_wait(r, "c", ""), 143); /* and whoever comes late */
}

static void test_wait_of_other_connections(void **state)
{
	const struct ctx ctx = ctx_within(NULL, RIG_MS);
	Shim__ProcessRequest q = SHIM__PROCESS_REQUEST__INIT;
	_cleanup_buf_ struct buf msg = { 0 }, out = { 0 };
	struct ttrpc_call *gone, *stays;
	struct rig *r = *state;
	struct ttrpc *a, *b;

	rig_make(r, &(struct rig_box){ .id = "c" });
	rig_up(r, "c");
	q.id = (char[]){ "c" };
	pb_pack(&q.base, &msg);
	a = rig_connect(r);
	b = rig_connect(r);
	gone = ttrpc_start(a, TTRPC_UNARY, "containerd.task.v3.Task", "Wait", msg.data, msg.len, NULL, &ctx);
	stays = ttrpc_start(b, TTRPC_UNARY, "containerd.task.v3.Task", "Wait", msg.data, msg.len, NULL, &ctx);
	rig_pause(r, 50);
	ttrpc_call_free(gone);
	ttrpc_free(a); /* a containerd that was restarted */
	assert_int_equal(rig_kill(r, "c", "", SIGKILL), 0);
	assert_int_equal(ttrpc_unary_end(stays, &ctx, &out, &r->err), 0);
	ttrpc_call_free(stays);
	ttrpc_free(b);
}

/* Nothing is lost while containerd is restarted. */
static void test_service_away(void **state)
{
	struct rig *r = *state;

	rig_make(r, &(struct rig_box){ .id = "c" });
	rig_up(r, "c");
	rig_expect(r, "create c, start c");
	rig_events_away(r, true);
	assert_int_equal(rig_exec(r, "c", "e", "\"exit\", \"1\""), 0);
	assert_true(rig_start(r, "c", "e") > 1);
	assert_int_equal(rig_wait(r, "c", "e"), 1);
	rig_pause(r, 600);
	rig_events_away(r, false);
	rig_expect(r, "create c, start c, exec-added c e, exec-started c e, exit c e 1");
}

RIG_TESTS("shim-events", RIG_TEST(test_exit_before_create_returns), RIG_TEST(test_exit_before_start_returns),
	  RIG_TEST(test_exec_exit_before_exec_returns), RIG_TEST(test_execs_end_before_init), RIG_TEST(test_execs_of_its_namespace),
	  RIG_TEST(test_init_ends_while_exec_starts), RIG_TEST(test_many_wait), RIG_TEST(test_wait_of_other_connections),
	  RIG_TEST(test_service_away))
