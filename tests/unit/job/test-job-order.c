/* In which order tasks start, and what cannot be. */
#include "job-order.h"
#include "mem.h"
#include "test.h"
#include <string.h>

/* Tasks a, b, c ... each with what its row says. */
static int read_tasks(const char *const rows[], size_t n, struct job **ret, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };

	buf_adds(&text, "{\"tasks\":[");
	for (size_t i = 0; i < n; i++)
		buf_addf(&text, "%s{\"image\":\"i\",\"name\":\"%c\"%s%s}", i ? "," : "", (char)('a' + i), *rows[i] ? "," : "",
			 rows[i]);
	buf_adds(&text, "]}");
	return job_read_json("f", text.data, text.len, ret, err);
}

#define ON(name, when) "\"depends_on\":[{\"name\":\"" name "\",\"condition\":\"" when "\"}]"
enum { FOUR = 4 };

static const struct {
	const char *tasks[FOUR];
	const char *msg;
} wrong[] = {
	{ { ON("z", "started") }, "invalid depends_on \"z\": the job has no such task" },
	{ { ON("a", "started") }, "invalid depends_on \"a\": a task cannot wait for itself" },
	{ { "\"pid\":\"task:a\"" }, "invalid namespace of task \"a\": a task cannot wait for itself" },
	{ { "\"ipc\":\"task:q\"" }, "invalid namespace of task \"q\": the job has no such task" },
	{ { ON("b", "started"), ON("a", "completed") }, "tasks wait for each other in a circle: a needs b needs a" },
	{ { ON("b", "started"), ON("c", "started"), "\"uts\":\"task:a\"" },
	  "tasks wait for each other in a circle: a needs b needs c needs a" },
	{ { "\"lifecycle\":\"prestart\"," ON("b", "started") }, "tasks wait for each other in a circle: a needs b needs a" },
	{ { "\"lifecycle\":\"poststop\"", ON("a", "started") },
	  "invalid depends_on \"a\": that task runs after all others have ended" },
	{ { "", "\"lifecycle\":\"poststop\"," ON("a", "started") },
	  "invalid depends_on \"a\": a poststop task runs when the others have ended" },
	{ { "", "\"ipc\":\"task:a\"," ON("a", "completed") },
	  "invalid namespace of task \"a\": that task has ended before this one starts" },
	{ { "\"pid\":\"task:b\"", "\"lifecycle\":\"prestart\"" },
	  "invalid namespace of task \"b\": that task has ended before this one starts" },
	{ { "", "\"lifecycle\":\"poststop\",\"sidecar\":true" }, "task b: a poststop task is no sidecar: nothing runs beside it" },
	{ { "\"leader\":true", "\"leader\":true" }, "invalid leader \"b\": another task is the leader" },
	{ { "", "\"leader\":true,\"lifecycle\":\"poststop\"" }, "task b: a poststop task is no leader: all others have ended" },
	{ { "\"sidecar\":true", "\"lifecycle\":\"prestart\"", "\"lifecycle\":\"poststart\"", "\"lifecycle\":\"poststop\"" },
	  "no task is a main one: all are sidecars, or run before or after" },
};

static void refuses_what_cannot_be(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		const char *rows[FOUR];
		struct err err = ERR_INIT;
		struct job *job = NULL;

		for (size_t k = 0; k < FOUR; k++)
			rows[k] = wrong[i].tasks[k] ? wrong[i].tasks[k] : "";
		assert_true(read_tasks(rows, FOUR, &job, &err) < 0);
		if (!strstr(err.msg, wrong[i].msg))
			fail_msg("%s\nis not: %s", err.msg, wrong[i].msg);
	}
}

static const struct {
	const char *tasks[FOUR];
	const char *order;
} orders[] = {
	{ { "", "", "", "" }, "abcd" },
	{ { ON("c", "started"), "", ON("d", "completed"), "" }, "dcab" },
	{ { "", "\"lifecycle\":\"prestart\"", "\"lifecycle\":\"poststop\"", "\"lifecycle\":\"poststart\"" }, "bad" },
	{ { "\"pid\":\"task:d\"", "\"lifecycle\":\"prestart\",\"sidecar\":true", "", "" }, "bdac" },
};

static void orders_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
		size_t order[FOUR], n;
		char text[FOUR + 1] = "";
		struct err err = ERR_INIT;
		struct job *job = NULL;

		if (read_tasks(orders[i].tasks, FOUR, &job, &err) < 0)
			fail_msg("%s", err.msg);
		n = job_order(job, order);
		for (size_t k = 0; k < n; k++)
			text[k] = (char)('a' + order[k]);
		assert_string_equal(text, orders[i].order);
		job_free(job);
	}
}

static void says_what_must_have_ended(void **state)
{
	static const char *const tasks[FOUR] = { ON("d", "completed"), "\"lifecycle\":\"prestart\"",
						 "\"lifecycle\":\"prestart\",\"sidecar\":true", ON("a", "healthy") };
	const bool ended[FOUR] = { false, true, false, true };
	_cleanup_(order_needs_done) struct order_needs needs = { 0 };
	struct err err = ERR_INIT;
	struct job *job = NULL;
	const char *rows[FOUR] = { tasks[0], tasks[1], tasks[2], "" };

	(void)state;
	if (read_tasks(rows, FOUR, &job, &err) < 0)
		fail_msg("%s", err.msg);
	job_order_needs(job, 0, &needs);
	assert_int_equal(needs.n, 3);
	for (size_t i = 0; i < needs.n; i++)
		assert_int_equal(needs.v[i].ended, ended[needs.v[i].task]);
	assert_int_equal(job_main_task(job), 0);
	job_free(job);
}

RUN_TESTS("job-order", cmocka_unit_test(refuses_what_cannot_be), cmocka_unit_test(orders_them),
	  cmocka_unit_test(says_what_must_have_ended))
