#include "recovery.h"
#include "mem.h"
#include "test.h"

enum { JOBS = 4 };
static const char *const names[JOBS] = { "a", "b", "c", "d" };

/* Each with its place, and the one that it depends on (-1: none). */
static void members_make(struct recovery_member *v, struct job **jobs, enum failure_recovery how, const int *places, const int *on)
{
	for (int i = 0; i < JOBS; i++) {
		jobs[i] = job_new();
		jobs[i]->name = mem_strdup(names[i]);
		jobs[i]->failure_recovery = how;
		if (on[i] >= 0) {
			jobs[i]->depends_on = mem_array(struct depend, 1);
			jobs[i]->depends_on[0].name = mem_strdup(names[on[i]]);
			jobs[i]->n_depends_on = 1;
		}
		v[i] = (struct recovery_member){ jobs[i], places[i] };
	}
}

static const struct row {
	enum failure_recovery how;
	int places[JOBS], on[JOBS], failed;
	const char *order, *taken;
} rows[] = {
	{ FAILURE_STAY_DOWN, { 0, 1, 2, 3 }, { -1, -1, -1, -1 }, 1, "abcd", "" },
	{ FAILURE_ONE_FOR_ONE, { 0, 1, 2, 3 }, { -1, -1, -1, -1 }, 1, "abcd", "b" },
	{ FAILURE_ONE_FOR_ALL, { 0, 1, 2, 3 }, { -1, -1, -1, -1 }, 1, "abcd", "abcd" },
	{ FAILURE_REST_FOR_ONE, { 0, 1, 2, 3 }, { -1, -1, -1, -1 }, 1, "abcd", "bcd" },
	{ FAILURE_REST_FOR_ONE, { 0, 1, 2, 3 }, { -1, -1, -1, -1 }, 3, "abcd", "d" },
	/* the file's order is not that of the records, and what depends on others comes after them */
	{ FAILURE_REST_FOR_ONE, { 3, 2, 1, 0 }, { -1, -1, -1, -1 }, 2, "dcba", "abc" },
	{ FAILURE_REST_FOR_ONE, { 0, 1, 2, 3 }, { 3, -1, -1, -1 }, 1, "bcda", "abcd" },
	{ FAILURE_REST_FOR_ONE, { 0, 1, 2, 3 }, { 2, -1, -1, -1 }, 2, "bcad", "acd" },
	/* a circle, which no file of ours makes */
	{ FAILURE_ONE_FOR_ALL, { 0, 1, 2, 3 }, { 1, 0, -1, -1 }, 0, "cdab", "abcd" },
};

static void check_row(const struct row *row)
{
	struct recovery_member v[JOBS];
	struct job *jobs[JOBS];
	char order[JOBS + 1] = { 0 }, taken[JOBS + 1] = { 0 };
	size_t at[JOBS], n = 0;

	members_make(v, jobs, row->how, row->places, row->on);
	recovery_order(v, JOBS, at);
	for (size_t i = 0; i < JOBS; i++)
		order[i] = names[at[i]][0];
	for (size_t i = 0; i < JOBS; i++)
		if (recovery_takes(v, JOBS, (size_t)row->failed, i))
			taken[n++] = names[i][0];
	assert_string_equal(order, row->order);
	assert_string_equal(taken, row->taken);
	for (size_t i = 0; i < JOBS; i++)
		job_free(jobs[i]);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_row(&rows[i]);
}

RUN_TESTS("recovery", cmocka_unit_test(test_rows))
