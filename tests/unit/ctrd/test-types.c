#include "test.h"
#include "call.h"
#include "clock.h"
#include "mem.h"
#include "containers.h"
#include "events.h"
#include "events.pb-c.h"
#include <limits.h>

static void times(void **state)
{
	static const struct {
		int64_t seconds;
		int32_t nanos;
		int64_t want;
	} cases[] = {
		{ 0, 0, 0 },
		{ 1700000000, 5, INT64_C(1700000000000000005) },
		{ INT64_C(-62135596800), 0, 0 }, /* Go's zero time */
		{ INT64_MAX, 0, 0 },
		{ INT64_MIN, INT32_MIN, 0 },
		{ INT64_MAX / NSEC_PER_SEC, INT32_MAX, 0 },
		{ 0, -1, 0 },
	};

	(void)state;
	assert_int_equal(time_unpack(NULL), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

		t.seconds = cases[i].seconds;
		t.nanos = cases[i].nanos;
		assert_int_equal(time_unpack(&t), cases[i].want);
	}
}

/* A pid is killed by number: none may turn into -1, which means everybody. */
static void pids(void **state)
{
	(void)state;
	assert_int_equal(pid_unpack(1234), 1234);
	assert_int_equal(pid_unpack(INT_MAX), INT_MAX);
	assert_int_equal(pid_unpack((uint32_t)INT_MAX + 1), 0);
	assert_int_equal(pid_unpack(UINT32_MAX), 0);
}

static void labels(void **state)
{
	enum { MANY = 4097 };
	_cleanup_dict_ struct dict d = { 0 }, got = { 0 };
	_cleanup_arena_ struct arena a = { 0 };
	struct err err = ERR_INIT;
	static Types__Entry *many[MANY];
	Types__Entry **v, twice = TYPES__ENTRY__INIT;
	Google__Protobuf__FieldMask *mask;
	size_t n;

	(void)state;
	assert_null(entries_pack(&a, NULL, &n));
	assert_int_equal(n, 0);
	dict_set(&d, "a.b/c", "1");
	dict_set(&d, "d", "");
	v = entries_pack(&a, &d, &n);
	assert_int_equal(n, 2);
	assert_int_equal(entries_unpack(v, n, &got, &err), 0);
	assert_string_equal(dict_get(&got, "a.b/c"), "1");
	assert_string_equal(dict_get(&got, "d"), "");
	mask = labels_mask(&a, &d);
	assert_int_equal(mask->n_paths, 2);
	assert_string_equal(mask->paths[0], "labels.a.b/c");

	twice.key = borrow("d");
	twice.value = borrow("last");
	many[0] = v[1];
	many[1] = &twice;
	assert_int_equal(entries_unpack(many, 2, &got, &err), 0);
	assert_string_equal(dict_get(&got, "d"), "last");
	for (size_t i = 0; i < MANY; i++)
		many[i] = &twice;
	assert_int_equal(entries_unpack(many, MANY, &got, &err), -ERR_EXHAUSTED);
	assert_string_equal(err.msg, "4097 labels, at most 4096 are taken");
}

static void anys(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_(ctrd_any_done) struct ctrd_any any = { 0 }, got = { 0 };

	(void)state;
	assert_null(any_pack(&a, NULL));
	assert_null(any_pack(&a, &any)); /* no type: none */
	any.type_url = mem_strdup("containerd.runc.v1.Options");
	any_unpack(any_pack(&a, &any), &got);
	assert_string_equal(got.type_url, any.type_url);
	assert_int_equal(got.value.len, 0);
	ctrd_any_done(&got);
	buf_add(&any.value, "\0\1", 2);
	any_unpack(any_pack(&a, &any), &got);
	assert_int_equal(got.value.len, 2);
	assert_memory_equal(got.value.data, "\0\1", 2);
}

static void mounts_and_descriptors(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_(ctrd_mounts_done) struct ctrd_mounts mounts = { 0 }, got = { 0 };
	_cleanup_(ctrd_descriptor_done) struct ctrd_descriptor d = { 0 }, copy = { 0 }, back = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	mounts.v = mem_array(struct ctrd_mount, 1);
	mounts.n = 1;
	mounts.v[0].type = mem_strdup("format/mkdir/overlay"); /* newer containerds send such: passed through untouched */
	mounts.v[0].source = mem_strdup("overlay");
	strv_push(&mounts.v[0].options, "lowerdir={{ overlay 0 1 }}");
	mounts_unpack(mounts_pack(&a, &mounts), 1, &got);
	assert_string_equal(got.v[0].type, "format/mkdir/overlay");
	assert_null(got.v[0].target);
	assert_int_equal(got.v[0].options.n, 1);
	assert_string_equal(got.v[0].options.v[0], "lowerdir={{ overlay 0 1 }}");

	assert_int_equal(descriptor_unpack(NULL, &back, &err), -ERR_DATA_LOSS);
	err = (struct err)ERR_INIT;
	d = (struct ctrd_descriptor){ mem_strdup("m"), mem_strdup("sha256:1"), -1, { 0 } };
	dict_set(&d.annotations, "k", "v");
	ctrd_descriptor_copy(&copy, &d);
	ctrd_descriptor_copy(&copy, &d); /* over one that holds something */
	assert_int_equal(descriptor_unpack(descriptor_pack(&a, &copy), &back, &err), 0);
	assert_string_equal(back.digest, "sha256:1");
	assert_int_equal(back.size, -1);
	assert_string_equal(dict_get(&back.annotations, "k"), "v");
}

static void task_events(void **state)
{
	static const char exit_bytes[] = "\x0a\x01"
					 "c"
					 "\x12\x01"
					 "e"
					 "\x18\x07\x20\x89\x01";
	_cleanup_(ctrd_event_done) struct ctrd_event event = { .topic = mem_strdup("/tasks/exit") };
	_cleanup_(ctrd_task_event_done) struct ctrd_task_event task = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(ctrd_event_task(&event, &task, &err), -ERR_INVALID);
	err = (struct err)ERR_INIT;
	event.event.type_url = mem_strdup("containerd.events.TaskExit");
	buf_add(&event.event.value, exit_bytes, sizeof exit_bytes - 1);
	assert_int_equal(ctrd_event_task(&event, &task, &err), 0);
	assert_string_equal(task.container_id, "c");
	assert_string_equal(task.id, "e");
	assert_int_equal(task.pid, 7);
	assert_int_equal(task.exit_status, 137);
	assert_int_equal(task.exited_at, 0);
	ctrd_task_event_done(&task);
	buf_cut(&event.event.value, 2);
	assert_int_equal(ctrd_event_task(&event, &task, &err), -ERR_DATA_LOSS);
	assert_string_equal(err.msg, "event /tasks/exit: message events.TaskExit: malformed");
	assert_null(task.container_id);
	err = (struct err)ERR_INIT;
	free(event.event.type_url); /* a prefix is not containerd's way (reference 0.1) */
	event.event.type_url = mem_strdup("type.googleapis.com/containerd.events.TaskExit");
	assert_int_equal(ctrd_event_task(&event, &task, &err), -ERR_INVALID);
}

static void extensions(void **state)
{
	_cleanup_(ctrd_container_done) struct ctrd_container c = { 0 };

	(void)state;
	assert_null(ctrd_container_extension(&c, "a"));
	ctrd_container_extend(&c, "a", "t", "1", 1);
	ctrd_container_extend(&c, "b", "t", NULL, 0);
	ctrd_container_extend(&c, "a", "u", "22", 2);
	assert_int_equal(c.n_extensions, 2);
	assert_string_equal(ctrd_container_extension(&c, "a")->type_url, "u");
	assert_int_equal(ctrd_container_extension(&c, "a")->value.len, 2);
	assert_int_equal(ctrd_container_extension(&c, "b")->value.len, 0);
}

static void weighs_lists(void **state)
{
	struct weight w = { 0 };
	struct err err = ERR_INIT;
	size_t n = 0;

	(void)state;
	while (weight_add(&w, 0, &err) == 0) /* empty records weigh something too */
		n++;
	assert_in_range(n, 100000, 1000000);
	assert_int_equal(err.code, ERR_EXHAUSTED);
	w = (struct weight){ 0 };
	assert_int_equal(weight_add(&w, 16 << 20, NULL), 0);
	assert_int_equal(weight_add(&w, 256 << 20, NULL), -ERR_EXHAUSTED);
}

RUN_TESTS("types", cmocka_unit_test(times), cmocka_unit_test(pids), cmocka_unit_test(labels), cmocka_unit_test(anys),
	  cmocka_unit_test(mounts_and_descriptors), cmocka_unit_test(task_events), cmocka_unit_test(extensions),
	  cmocka_unit_test(weighs_lists))
