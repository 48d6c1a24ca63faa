#include "test.h"
#include "handle.h"
#include "mem.h"
#include "name.h"

static struct handle *make(const char *id, enum handle_state state)
{
	struct handle_kept kept = { .task_id = mem_strdup(id), .job = handle_job_name(id) };

	return handle_new(&kept, state);
}

static void names_are_what_a_job_can_have(void **unused)
{
	static const struct {
		const char *id, *name;
	} rows[] = {
		{ "0f2a1b3c-0000-4000-8000-0123456789ab/web/deadbeef", "web-0f2a1b3c-0000-4000-8000-0123456789ab-deadbeef" },
		{ "0f2a1b3c-0000-4000-8000-0123456789ab/w e__b!/deadbeef", "w-e_b-0f2a1b3c-0000-4000-8000-0123456789ab-deadbeef" },
		{ "0f2a1b3c-0000-4000-8000-0123456789ab/x/y/deadbeef", "x-y-0f2a1b3c-0000-4000-8000-0123456789ab-deadbeef" },
		{ "0f2a1b3c-0000-4000-8000-0123456789ab/\xc3\xa9/deadbeef", "0f2a1b3c-0000-4000-8000-0123456789ab-deadbeef" },
		{ "0f2a1b3c-0000-4000-8000-0123456789ab/a-very-long-name-of-a-task/deadbeef",
		  "a-very-long-name-0f2a1b3c-0000-4000-8000-0123456789ab-deadbeef" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_free_ char *name = handle_job_name(rows[i].id);

		assert_string_equal(name, rows[i].name);
		assert_true(name_valid(name, NAME_JOB_MAX));
	}
}

static void other_ids_have_names_too(void **unused)
{
	static const char *const ids[] = { "",
					   "/",
					   "a",
					   "task-1",
					   "a/b",
					   "a/b/c",
					   "//////",
					   "../../etc",
					   "alloc/task/DEADBEEF",
					   "0f2a1b3c-0000-4000-8000-0123456789ab/web/deadbee" };
	char *names[sizeof ids / sizeof *ids];
	enum { N = sizeof ids / sizeof *ids };

	(void)unused;
	for (size_t i = 0; i < N; i++) {
		names[i] = handle_job_name(ids[i]);
		assert_true(name_valid(names[i], NAME_JOB_MAX));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(names[i], names[k]);
	}
	for (size_t i = 0; i < N; i++)
		free(names[i]);
}

static void a_set_finds_adds_and_removes(void **unused)
{
	struct handles set = { 0 };
	struct err err = ERR_INIT;

	(void)unused;
	assert_null(handles_find(&set, "x"));
	for (int i = 0; i < 200; i++) {
		_cleanup_free_ char *id = mem_printf("task-%d", i);
		_cleanup_(handle_unrefp) struct handle *h = make(id, HANDLE_RUNNING);

		assert_int_equal(handles_add(&set, h, &err), 0);
		assert_int_equal(handles_add(&set, h, &err), -ERR_EXISTS);
		err_clear(&err);
	}
	assert_int_equal(set.n, 200);
	for (int i = 0; i < 200; i += 2) {
		_cleanup_free_ char *id = mem_printf("task-%d", i);
		_cleanup_(handle_unrefp) struct handle *h = handle_ref(handles_find(&set, id));

		handles_remove(&set, h);
		assert_true(h->destroyed);
		assert_null(handles_find(&set, id));
		handles_remove(&set, h);
	}
	assert_int_equal(set.n, 100);
	assert_non_null(handles_find(&set, "task-199"));
	handles_done(&set);
	assert_int_equal(set.n, 0);
}

static void count_exits(void *arg, struct handle *h)
{
	assert_int_equal(h->exit.code, 143);
	++*(int *)arg;
}

static void end_waiting(struct handle *h) { *(bool *)h->waiting = true; }

static void an_end_is_told_once(void **unused)
{
	int told[3] = { 0 };
	bool ended = false;
	struct handle_watch w[3];
	struct handle_exit exit = { .code = 143, .signal = 15 }, again = { .code = 1, .err = mem_strdup("late") };
	struct handle *h = make("x", HANDLE_STARTING);

	(void)unused;
	for (int i = 0; i < 3; i++)
		w[i] = (struct handle_watch){ .exited = count_exits, .arg = &told[i] };
	h->waiting = &ended;
	h->waiting_end = end_waiting;
	handle_started(h, "x-1", 42);
	assert_int_equal(h->state, HANDLE_RUNNING);
	assert_string_equal(h->kept.container, "x-1");
	handle_watch(h, &w[0]);
	handle_watch(h, &w[1]);
	handle_unwatch(&w[1]);
	handle_exited(h, &exit);
	handle_exited(h, &again);
	handle_watch(h, &w[2]);
	assert_int_equal(told[0], 1);
	assert_int_equal(told[1], 0);
	assert_int_equal(told[2], 1);
	assert_int_equal(h->exit.signal, 15);
	assert_null(h->exit.err);
	handle_unref(h);
	assert_true(ended);
}

static void state_is_read_as_it_was_written(void **unused)
{
	struct handle_kept k = { .task_id = mem_strdup("a/b/c"),
				 .ns = mem_strdup("nomad"),
				 .job = mem_strdup("b-1"),
				 .container = mem_strdup("b-1-2"),
				 .cgroup = mem_strdup("/sys/fs/cgroup/nomad.slice/x.scope"),
				 .started_at = INT64_C(1700000000123456789),
				 .tty = true };
	struct handle_kept back = { 0 };
	struct err err = ERR_INIT;
	_cleanup_buf_ struct buf b = { 0 };

	(void)unused;
	handle_kept_write(&k, &b);
	assert_int_equal(handle_kept_read(b.data, b.len, &back, &err), 0);
	assert_string_equal(back.task_id, k.task_id);
	assert_string_equal(back.ns, k.ns);
	assert_string_equal(back.job, k.job);
	assert_string_equal(back.container, k.container);
	assert_string_equal(back.cgroup, k.cgroup);
	assert_null(back.image);
	assert_null(back.stdout_path);
	assert_true(back.started_at == k.started_at);
	assert_true(back.tty);
	handle_kept_done(&back);
	for (size_t n = 0; n < b.len; n++) {
		err_clear(&err);
		assert_true(handle_kept_read(b.data, n, &back, &err) < 0);
	}
	handle_kept_done(&k);
}

static void other_states_are_refused(void **unused)
{
	static const struct {
		const char *data;
		size_t len;
		int code;
	} rows[] = {
		{ "", 0, -ERR_INVALID },
		{ "\xc0", 1, -ERR_UNIMPLEMENTED },
		{ "\x80", 1, -ERR_UNIMPLEMENTED },
		{ "\x81\xa1v\x02", 4, -ERR_UNIMPLEMENTED },
		{ "\x81\xa1v\x01", 4, -ERR_INVALID },
		{ "\x81\xa1v\xa1x", 5, -ERR_UNIMPLEMENTED },
		{ "\x82\xa1v\x01\xaastarted_at\x01", 16, -ERR_INVALID },
		{ "\x81\xad"
		  "ContainerName\xa3xyz",
		  19, -ERR_UNIMPLEMENTED }, /* Roblox's */
	};

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct handle_kept k = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(handle_kept_read(rows[i].data, rows[i].len, &k, &err), rows[i].code);
		assert_null(k.task_id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_what_a_job_can_have),   cmocka_unit_test(other_ids_have_names_too),
		cmocka_unit_test(a_set_finds_adds_and_removes),    cmocka_unit_test(an_end_is_told_once),
		cmocka_unit_test(state_is_read_as_it_was_written), cmocka_unit_test(other_states_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
