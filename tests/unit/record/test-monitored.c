#include "monitored.h"
#include "clock.h"
#include "mem.h"
#include "test.h"

enum { TASKS = 3 };
static const int64_t t0 = INT64_C(1800000000) * NSEC_PER_SEC;

enum { N = RESTART_NO, F = RESTART_ON_FAILURE, A = RESTART_ALWAYS };
enum { RUNS, MADE, GONE, OK, BAD }; /* OK, BAD: ended so */
enum { SIDECAR = 1, LEADER = 2, USED_UP = 4, DUE = 8, DONE = 16, POD = 32 /* its sandbox */ };
enum { BY_HAND = 1, SETTLED = 2 };

struct one {
	enum lifecycle life;
	int flags, policy, is;
	enum monitored_state wants;
};
struct row {
	struct one tasks[TASKS]; /* up to one that wants nothing */
	int job;
	enum monitored_state wants;
	enum { PARTS, WHOLE, STRANDED } as; /* it is started again; STRANDED: first it is to end */
};

#define NOTHING MONITORED_NOTHING
#define LIVES MONITORED_LIVES
#define ENDED MONITORED_ENDED
#define AGAIN MONITORED_DECIDED
#define SOON MONITORED_DUE
#define BOX(is, wants) \
	{ \
		LIFE_PRESTART, POD | SIDECAR, N, is, wants \
	}

static const struct row rows[] = {
	/* each for itself */
	{ { { LIFE_MAIN, 0, A, RUNS, LIVES }, { LIFE_MAIN, 0, A, BAD, AGAIN } }, 0, LIVES, PARTS },
	{ { { LIFE_MAIN, 0, F, OK, ENDED }, { LIFE_MAIN, 0, F, BAD, AGAIN } }, 0, AGAIN, PARTS },
	{ { { LIFE_MAIN, DUE, A, BAD, SOON }, { LIFE_MAIN, 0, N, BAD, ENDED } }, 0, SOON, PARTS },
	{ { { LIFE_MAIN, 0, A, RUNS, LIVES }, { LIFE_MAIN, 0, N, BAD, ENDED } }, 0, LIVES, PARTS },
	/* over for good: main tasks, leader, attempts */
	{ { { LIFE_MAIN, 0, F, OK, ENDED }, { LIFE_MAIN, SIDECAR, A, RUNS, LIVES } }, 0, ENDED, PARTS },
	{ { { LIFE_MAIN, 0, F, BAD, AGAIN }, { LIFE_MAIN, SIDECAR, A, RUNS, LIVES } }, 0, LIVES, PARTS },
	{ { { LIFE_MAIN, LEADER, F, OK, ENDED }, { LIFE_MAIN, 0, A, RUNS, LIVES } }, 0, ENDED, PARTS },
	{ { { LIFE_MAIN, LEADER, A, OK, AGAIN }, { LIFE_MAIN, 0, N, OK, ENDED } }, 0, AGAIN, PARTS },
	{ { { LIFE_MAIN, USED_UP, F, BAD, ENDED }, { LIFE_MAIN, 0, A, RUNS, LIVES } }, 0, ENDED, PARTS },
	{ { { LIFE_MAIN, USED_UP, F, OK, ENDED }, { LIFE_MAIN, 0, A, RUNS, LIVES } }, 0, LIVES, PARTS },
	/* lives */
	{ { { LIFE_PRESTART, 0, A, OK, ENDED }, { LIFE_MAIN, 0, A, RUNS, LIVES } }, 0, LIVES, PARTS },
	{ { { LIFE_PRESTART, 0, A, GONE, ENDED }, { LIFE_MAIN, 0, A, RUNS, LIVES } }, 0, LIVES, PARTS },
	{ { { LIFE_POSTSTART, 0, A, BAD, AGAIN }, { LIFE_MAIN, 0, A, RUNS, LIVES } }, 0, LIVES, PARTS },
	{ { { LIFE_PRESTART, SIDECAR, A, OK, AGAIN }, { LIFE_MAIN, 0, A, RUNS, LIVES } }, 0, LIVES, PARTS },
	{ { { LIFE_POSTSTOP, 0, A, BAD, ENDED }, { LIFE_MAIN, 0, A, BAD, AGAIN } }, 0, AGAIN, PARTS },
	{ { { LIFE_POSTSTOP, 0, A, RUNS, LIVES }, { LIFE_MAIN, 0, F, OK, ENDED } }, 0, ENDED, PARTS },
	/* what containerd has lost */
	{ { { LIFE_MAIN, 0, F, GONE, AGAIN }, { LIFE_MAIN, 0, A, RUNS, LIVES } }, 0, LIVES, PARTS },
	{ { { LIFE_MAIN, DONE, F, GONE, ENDED }, { LIFE_MAIN, 0, A, RUNS, LIVES } }, 0, LIVES, PARTS },
	{ { { LIFE_MAIN, 0, F, GONE, AGAIN }, { LIFE_PRESTART, 0, F, GONE, AGAIN } }, 0, AGAIN, WHOLE },
	{ { { LIFE_MAIN, 0, A, MADE, LIVES }, { LIFE_MAIN, 0, A, RUNS, LIVES } }, 0, LIVES, PARTS },
	/* said by others */
	{ { { LIFE_MAIN, DUE, A, BAD, ENDED }, { LIFE_MAIN, 0, A, RUNS, LIVES } }, BY_HAND, LIVES, PARTS },
	{ { { LIFE_MAIN, DUE, A, BAD, ENDED }, { LIFE_MAIN, 0, A, BAD, ENDED } }, BY_HAND, ENDED, PARTS },
	{ { { LIFE_MAIN, 0, A, GONE, ENDED }, { LIFE_MAIN, 0, A, GONE, ENDED } }, SETTLED, ENDED, WHOLE },
	/* pods: a task by itself while the machine is there, else all of it */
	{ { BOX(RUNS, LIVES), { LIFE_MAIN, 0, A, BAD, AGAIN }, { LIFE_MAIN, 0, A, RUNS, LIVES } }, 0, LIVES, PARTS },
	{ { BOX(BAD, ENDED), { LIFE_MAIN, 0, A, RUNS, LIVES }, { LIFE_MAIN, DUE, A, BAD, SOON } }, 0, LIVES, STRANDED },
	{ { BOX(BAD, ENDED), { LIFE_MAIN, 0, N, OK, ENDED }, { LIFE_MAIN, 0, A, RUNS, LIVES } }, 0, LIVES, STRANDED },
	{ { BOX(GONE, ENDED), { LIFE_MAIN, 0, A, MADE, LIVES }, { LIFE_MAIN, 0, A, BAD, AGAIN } }, 0, LIVES, STRANDED },
	{ { BOX(BAD, ENDED), { LIFE_MAIN, 0, A, BAD, AGAIN }, { LIFE_MAIN, DUE, F, BAD, SOON } }, 0, AGAIN, WHOLE },
	{ { BOX(BAD, ENDED), { LIFE_MAIN, 0, F, OK, ENDED }, { LIFE_MAIN, DUE, F, GONE, SOON } }, 0, SOON, WHOLE },
	{ { BOX(BAD, ENDED), { LIFE_MAIN, 0, N, BAD, ENDED }, { LIFE_MAIN, 0, F, OK, ENDED } }, 0, ENDED, WHOLE },
	{ { BOX(BAD, ENDED), { LIFE_MAIN, USED_UP, F, BAD, ENDED }, { LIFE_MAIN, 0, A, BAD, AGAIN } }, 0, ENDED, WHOLE },
	{ { BOX(BAD, ENDED), { LIFE_MAIN, 0, A, RUNS, LIVES }, { LIFE_MAIN, 0, A, BAD, ENDED } }, BY_HAND, LIVES, PARTS },
	/* one alone, which is started as a whole */
	{ { { LIFE_MAIN, 0, A, GONE, AGAIN } }, SETTLED, AGAIN, WHOLE },
	{ { { LIFE_MAIN, 0, F, BAD, AGAIN } }, 0, AGAIN, WHOLE },
	{ { { LIFE_MAIN, USED_UP, F, BAD, ENDED } }, 0, ENDED, WHOLE },
	{ { { LIFE_MAIN, 0, N, BAD, NOTHING } }, 0, NOTHING, PARTS },
};

static void task_of(struct job *job, const struct one *o, struct record *rec, size_t i, struct task_status *t)
{
	static const enum task_state states[] = {
		[RUNS] = TASK_LIVE, [MADE] = TASK_CREATED, [GONE] = TASK_ABSENT, [OK] = TASK_STOPPED, [BAD] = TASK_STOPPED
	};
	struct restarts s = { .at = o->flags & DUE ? t0 : 0, .attempts = o->flags & USED_UP ? 2 : 0, .since = t0 };
	struct task *task = i ? job_add_task(job) : &job->tasks[0];
	char name[MONITORED_LABEL], text[RESTARTS_TEXT];

	task->lifecycle = o->life;
	task->sidecar = o->flags & SIDECAR;
	task->leader = o->flags & LEADER;
	task->sandbox = o->flags & POD;
	*task_make_restart(task) =
		(struct restart){ .policy = (enum restart_policy)o->policy, .attempts = o->flags & USED_UP ? 2 : 0 };
	*t = (struct task_status){ .state = states[o->is], .exit = { .status = o->is == BAD, .at = t0 } };
	dict_set(&rec->c.labels, monitored_label(RECORD_RESTARTS, i, name), restarts_text(&s, text));
	if (o->flags & DONE)
		dict_set(&rec->c.labels, monitored_label(RECORD_DONE, i, name), "0 2027-01-15T08:00:00Z");
}

static void check_row(const struct row *row, size_t number)
{
	struct record rec = { .job = job_new() };
	_cleanup_(monitored_done) struct monitored m = { 0 };
	struct task_status states[TASKS];
	size_t n = 0;

	dict_set(&rec.c.labels, RECORD_STARTED, "2027-01-15T07:59:00Z");
	if (row->job & BY_HAND)
		dict_set(&rec.c.labels, RECORD_STOPPED, "2027-01-15T08:00:00Z");
	if (row->job & SETTLED)
		dict_set(&rec.c.labels, RECORD_EXIT, "1 2027-01-15T08:00:00Z");
	do {
		task_of(rec.job, &row->tasks[n], &rec, n, &states[n]);
		n++;
	} while (n < TASKS && row->tasks[n].wants);
	monitored_look(&rec, states, n, t0, &m);
	for (size_t i = 0; i < n; i++)
		if (m.tasks[i].state != row->tasks[i].wants)
			fail_msg("row %zu: task %zu is %d, not %d", number, i, m.tasks[i].state, row->tasks[i].wants);
	if (m.state != row->wants || m.whole != (row->as == WHOLE) || m.stranded != (row->as == STRANDED))
		fail_msg("row %zu: is %d, not %d; whole: %d, stranded: %d", number, m.state, row->wants, m.whole, m.stranded);
	record_done(&rec);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_row(&rows[i], i);
}

/* Those that come last are to run where something is left of what came before them, and nothing of them: settled by nobody until
 * then. */
static void test_last(void **state)
{
	static const struct {
		enum task_state first, last;
		bool due, wants;
	} cases[] = { { TASK_LIVE, TASK_ABSENT, false, true },
		      { TASK_STOPPED, TASK_ABSENT, true, true },
		      { TASK_STOPPED, TASK_LIVE, false, true },
		      { TASK_STOPPED, TASK_STOPPED, false, false },
		      { TASK_ABSENT, TASK_ABSENT, false, false } };
	struct record rec = { .job = job_new() };

	(void)state;
	task_make_restart(&rec.job->tasks[0])->policy = RESTART_ON_FAILURE;
	job_add_task(rec.job)->lifecycle = LIFE_POSTSTOP;
	dict_set(&rec.c.labels, RECORD_STARTED, "2027-01-15T07:59:00Z");
	dict_set(&rec.c.labels, RECORD_DONE, "0 2027-01-15T08:00:00Z");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct task_status tasks[] = { { .state = cases[i].first }, { .state = cases[i].last } };

		if (cases[i].first == TASK_ABSENT) /* settled */
			dict_set(&rec.c.labels, RECORD_EXIT, "0 2027-01-15T08:00:00Z");
		if (monitored_last_are_due(&rec, tasks, 2) != cases[i].due || monitored_wants(&rec, tasks, 2) != cases[i].wants)
			fail_msg("case %zu", i);
	}
	record_done(&rec);
}

/* One change of the record takes all that is known of the lives before, and nothing else. */
static void test_forget(void **state)
{
	_cleanup_dict_ struct dict has = { 0 }, labels = { 0 };

	(void)state;
	dict_set(&has, RECORD_RESTARTS, "1 0 0 0 0");
	dict_set(&has, RECORD_DONE ".2", "0 2027-01-15T08:00:00Z");
	dict_set(&has, RECORD_TROUBLE ".3", "of nobody");
	dict_set(&has, RECORD_STARTED, "2027-01-15T07:59:00Z");
	monitored_forget_lives(&has, 3, &labels);
	assert_int_equal(labels.n, 2);
	assert_string_equal(dict_get(&labels, RECORD_RESTARTS), "");
	assert_string_equal(dict_get(&labels, RECORD_DONE ".2"), "");
}

/* Once a boot, what the policy says. */
static void test_boot(void **state)
{
	static const struct {
		struct one task;
		int job;
		const char *last;
		bool wants;
	} cases[] = {
		{ { LIFE_MAIN, 0, N, GONE, 0 }, 0, "before", false },
		{ { LIFE_MAIN, 0, A, GONE, 0 }, 0, "before", true },
		{ { LIFE_MAIN, 0, A, GONE, 0 }, 0, NULL, true },
		{ { LIFE_MAIN, 0, A, GONE, 0 }, 0, "now", false },
		{ { LIFE_MAIN, 0, A, RUNS, 0 }, 0, "before", false },
		{ { LIFE_MAIN, 0, A, GONE, 0 }, BY_HAND, "before", true },
		{ { LIFE_MAIN, 0, RESTART_UNLESS_STOPPED, GONE, 0 }, 0, "before", true },
		{ { LIFE_MAIN, 0, RESTART_UNLESS_STOPPED, GONE, 0 }, BY_HAND, "before", false },
		{ { LIFE_MAIN, 0, F, GONE, 0 }, 0, "before", true },
		{ { LIFE_MAIN, 0, F, GONE, 0 }, BY_HAND, "before", false },
		{ { LIFE_MAIN, 0, F, OK, 0 }, 0, "before", false },
		{ { LIFE_MAIN, USED_UP, F, BAD, 0 }, 0, "before", false },
		{ { LIFE_MAIN, DUE, A, GONE, 0 }, 0, "before", false }, /* its monitor does */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct record rec = { .job = job_new() };
		struct task_status t;

		task_of(rec.job, &cases[i].task, &rec, 0, &t);
		dict_set(&rec.c.labels, RECORD_STARTED, "2027-01-15T07:59:00Z");
		if (cases[i].job & BY_HAND)
			dict_set(&rec.c.labels, RECORD_STOPPED, "2027-01-15T08:00:00Z");
		if (cases[i].last)
			dict_set(&rec.c.labels, RECORD_BOOT, cases[i].last);
		if (monitored_at_boot(&rec, &t, 1, "now") != cases[i].wants)
			fail_msg("case %zu", i);
		record_done(&rec);
	}
}

/* One that is removed at its end is looked at, and never started again. */
static void test_removed(void **state)
{
	static const struct one runs = { LIFE_MAIN, 0, A, RUNS, LIVES }, has_ended = { LIFE_MAIN, 0, A, BAD, ENDED };
	struct record rec = { .job = job_new() };
	struct task_status t[2];
	struct monitored m;

	(void)state;
	dict_set(&rec.c.labels, RECORD_STARTED, "2027-01-15T07:59:00Z");
	dict_set(&rec.c.labels, RECORD_BOOT, "before");
	task_of(rec.job, &runs, &rec, 0, &t[0]);
	task_of(rec.job, &has_ended, &rec, 1, &t[1]);
	rec.job->remove = true;
	assert_false(monitored_asks(rec.job));
	assert_true(monitored_would_restart(rec.job));
	*task_make_healthcheck(&rec.job->tasks[0]) = (struct healthcheck){ .kind = HEALTH_TCP };
	assert_true(monitored_wants(&rec, t, 2));
	monitored_look(&rec, t, 2, t0, &m);
	assert_int_equal(m.state, LIVES);
	assert_int_equal(m.tasks[1].state, ENDED);
	monitored_done(&m);
	t[0] = t[1];
	assert_false(monitored_wants(&rec, t, 2));
	assert_false(monitored_at_boot(&rec, t, 2, "now"));
	record_done(&rec);
}

RUN_TESTS("monitored", cmocka_unit_test(test_rows), cmocka_unit_test(test_last), cmocka_unit_test(test_forget),
	  cmocka_unit_test(test_boot), cmocka_unit_test(test_removed))
