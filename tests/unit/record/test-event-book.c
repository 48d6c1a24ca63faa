#include "test.h"
#include "event-book.h"
#include "event-filter.h"
#include "labels.h"
#include "mem.h"

enum { NOW = 1000 };

/* "start:web die:web", and forgets it. */
static char *told(struct event_book *b)
{
	_cleanup_strv_ struct strv words = { 0 };
	struct job_event e;

	while (event_book_take(b, &e)) {
		const char *code = dict_get(&e.more, "exit_code");

		strv_pushf(&words, "%s:%s%s%s", e.what, e.of_image ? e.id : e.name, code ? "=" : "", code ? code : "");
		job_event_done(&e);
	}
	return strv_join(&words, " ");
}

static void expect(struct event_book *b, const char *want)
{
	_cleanup_free_ char *got = told(b);

	assert_string_equal(got, want);
}

/* What a look finds: one container and its task. */
struct there {
	struct ctrd_container c;
	struct task_of task;
};

/* In the order of their ids, as a list of tasks is. */
static void look(struct event_book *b, const struct there *t, size_t n)
{
	struct ctrd_container c[2];
	struct task_of tasks[2];
	size_t n_tasks = 0;

	for (size_t i = 0; i < n; i++) {
		c[i] = t[i].c;
		tasks[n_tasks] = t[i].task;
		tasks[n_tasks].id = c[i].id;
		n_tasks += t[i].task.status.state != TASK_ABSENT;
	}
	event_book_look(b, &(struct ctrd_containers){ c, n }, &(struct task_states){ tasks, n_tasks }, NOW);
}

static struct there job(char *id, const char *name, enum task_state state, pid_t pid)
{
	struct there t = { .c = { .id = id, .created_at = 10 }, .task = { .status = { .state = state, .pid = pid } } };

	dict_set(&t.c.labels, CLAIM_JOB, name);
	return t;
}

static void what_a_look_has_told_is_not_told_again(void **state)
{
	_cleanup_(event_book_done) struct event_book b = { 0 };
	struct there t = job((char[]){ "web-00000001" }, "web", TASK_LIVE, 7);
	const struct ctrd_exit exit = { 3, 500 }, late = { 255, 600 };

	(void)state;
	look(&b, &t, 1);
	expect(&b, "create:web start:web");
	event_book_made(&b, &t.c, 11);
	event_book_started(&b, t.c.id, 7, 12);
	expect(&b, "");
	t.task.status = (struct task_status){ .state = TASK_STOPPED, .exit = exit };
	look(&b, &t, 1);
	expect(&b, "die:web=3");
	event_book_ended(&b, t.c.id, &exit);
	event_book_ended(&b, t.c.id, &late); /* made up after a shim's death */
	look(&b, &t, 1);
	expect(&b, "");
	event_book_started(&b, t.c.id, 8, 700);
	event_book_ended(&b, t.c.id, &(struct ctrd_exit){ 0, 800 });
	event_book_gone(&b, t.c.id, 900);
	event_book_gone(&b, t.c.id, 900);
	event_book_started(&b, t.c.id, 9, 901);
	expect(&b, "start:web die:web=0 destroy:web");
	dict_done(&t.c.labels);
}

static void what_was_there_before_is_only_learnt(void **state)
{
	_cleanup_(event_book_done) struct event_book b = { .quiet = true };
	struct there t = job((char[]){ "web-00000001" }, "web", TASK_STOPPED, 0);

	(void)state;
	t.task.status.exit = (struct ctrd_exit){ 3, 500 };
	look(&b, &t, 1);
	b.quiet = false;
	look(&b, &t, 1);
	expect(&b, "");
	event_book_ended(&b, t.c.id, &t.task.status.exit); /* the look was quicker than the stream */
	expect(&b, "die:web=3");
	dict_done(&t.c.labels);
}

static void what_was_missed_is_told(void **state)
{
	_cleanup_(event_book_done) struct event_book b = { .quiet = true };
	struct there t[] = { job((char[]){ "web-00000001" }, "web", TASK_LIVE, 7),
			     job((char[]){ "yz-00000002" }, "db", TASK_LIVE, 8) };

	(void)state;
	look(&b, t, 2);
	b.quiet = false;
	t[0].task.status = (struct task_status){ .state = TASK_PAUSED, .pid = 9 };
	look(&b, t, 1);
	expect(&b, "die:web start:web pause:web die:db destroy:db");
	t[0].task.status = (struct task_status){ .state = TASK_UNKNOWN };
	look(&b, t, 1);
	expect(&b, "");
	t[0].task.status = (struct task_status){ .state = TASK_ABSENT };
	dict_set(&t[0].c.labels, RECORD_EXIT, "4 1970-01-01T00:00:01.000000000Z");
	look(&b, t, 1);
	expect(&b, "die:web=4");
	dict_set(&t[0].c.labels, RECORD_EXIT, "5 1970-01-01T00:00:02.000000000Z"); /* a life of which nobody saw anything */
	look(&b, t, 1);
	expect(&b, "start:web die:web=5");
	dict_done(&t[0].c.labels);
	dict_done(&t[1].c.labels);
}

static void in_the_order_of_time(void **state)
{
	_cleanup_(event_book_done) struct event_book b = { 0 };
	struct there t[] = { job((char[]){ "web-00000001" }, "web", TASK_ABSENT, 0),
			     job((char[]){ "db-00000002" }, "db", TASK_LIVE, 8) };

	(void)state;
	t[1].c.created_at = 20;
	dict_set(&t[0].c.labels, RECORD_STARTED, "1970-01-01T00:00:00.000000015Z");
	dict_set(&t[0].c.labels, RECORD_EXIT, "0 1970-01-01T00:00:00.000000025Z");
	dict_set(&t[1].c.labels, RECORD_STARTED, "1970-01-01T00:00:00.000000022Z");
	look(&b, t, 2);
	expect(&b, "create:web start:web create:db start:db die:web=0");
	dict_done(&t[0].c.labels);
	dict_done(&t[1].c.labels);
}

static void labels_say_more(void **state)
{
	_cleanup_(event_book_done) struct event_book b = { .quiet = true };
	struct there t = job((char[]){ "web-00000001" }, "web", TASK_LIVE, 7);
	struct job_event e;

	(void)state;
	look(&b, &t, 1);
	b.quiet = false;
	dict_set(&t.c.labels, CLAIM_JOB, "site");
	event_book_labels(&b, t.c.id, &t.c.labels, 50);
	assert_true(event_book_take(&b, &e));
	assert_string_equal(e.what, "rename");
	assert_string_equal(e.name, "site");
	assert_string_equal(dict_get(&e.more, "old_name"), "web");
	job_event_done(&e);
	dict_set(&t.c.labels, RECORD_UPDATED, "1970-01-01T00:00:02Z");
	event_book_labels(&b, t.c.id, &t.c.labels, 60);
	event_book_labels(&b, t.c.id, &t.c.labels, 70);
	expect(&b, "update:site");
	dict_done(&t.c.labels);
}

static void filters(void **state)
{
	char id[] = "web-00000001", name[] = "shop.db", job_name[] = "shop", image[] = "docker.io/library/busybox:latest";
	struct job_event e = { .what = "die", .id = id, .name = name, .job = job_name, .image = image };
	static const struct {
		const char *words;
		bool meets;
	} cases[] = {
		{ "", true },
		{ "type=job", true },
		{ "type=container", true },
		{ "type=image", false },
		{ "event=die", true },
		{ "event=start", false },
		{ "event=start event=die", true },
		{ "job=shop", true },
		{ "container=shop.db", true },
		{ "job=other container=shop", true },
		{ "job=web-000", true },
		{ "job=we", false },
		{ "image=busybox", true },
		{ "image=alpine", false },
		{ "label=tier", true },
		{ "label=tier=front", true },
		{ "label=tier=back", false },
		{ "event=die job=other", false },
		{ "set=s", true },
		{ "set=t", false },
	};

	(void)state;
	dict_set(&e.labels, "tier", "front");
	dict_set(&e.labels, RECORD_SET, "s");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_strv_ struct strv words = { 0 };

		strv_split(&words, cases[i].words, " ");
		assert_int_equal(event_filter_check(&words, NULL), 0);
		if (event_filter_match(&e, &words) != cases[i].meets)
			fail_msg("%s", cases[i].words);
	}
	dict_done(&e.labels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_look_has_told_is_not_told_again),
		cmocka_unit_test(what_was_there_before_is_only_learnt),
		cmocka_unit_test(what_was_missed_is_told),
		cmocka_unit_test(in_the_order_of_time),
		cmocka_unit_test(labels_say_more),
		cmocka_unit_test(filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
