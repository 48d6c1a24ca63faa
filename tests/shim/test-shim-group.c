/* The containers of a pod have one shim. Source: reference containerd.md 0.10, C.2. */
#include "rig.h"
#include "file.h"
#include "mem.h"
#include <errno.h>
#include <sys/mount.h>

#define POD "\"io.kubernetes.cri.sandbox-id\":\"p\""

static pid_t serve(struct rig *r, const struct rig_box *box)
{
	rig_make(r, box);
	assert_int_equal(rig_serve(r, box->id), 0);
	return r->shim;
}

static void test_pod(void **state)
{
	struct rig *r = *state;
	const pid_t shim = serve(r, &(struct rig_box){ .id = "p", .annotations = POD });

	assert_int_equal(serve(r, &(struct rig_box){ .id = "a", .annotations = POD }), shim);
	assert_int_equal(serve(r, &(struct rig_box){ .id = "b", .annotations = POD }), shim);
	for (int i = 0; i < 3; i++) {
		const char *id = (const char *[]){ "p", "a", "b" }[i];

		assert_true(rig_create(r, id) > 1);
		assert_true(rig_start(r, id, "") > 1);
	}
	assert_int_equal(rig_create(r, "a"), -ERR_EXISTS);
	assert_int_equal(rig_kill(r, "a", "", SIGTERM), 0);
	assert_int_equal(rig_wait(r, "a", ""), 143);
	assert_int_equal(rig_delete(r, "a", ""), 143);
	assert_int_equal(rig_ask(r, "Shutdown", "a", ""), 0); /* for this one, not for all */
	assert_non_null(rig_delete_action(r, "a"));
	assert_int_equal(rig_state(r, "p", "")->status, TYPES__STATUS__RUNNING);
	assert_int_equal(rig_state(r, "b", "")->status, TYPES__STATUS__RUNNING);
	assert_true(file_exists(r->address + 7));
}

/* The action "delete" of one that was never deleted leaves its siblings alone. */
static void test_delete_of_one(void **state)
{
	struct rig *r = *state;
	_cleanup_free_ char *rootfs = rig_path(r, "a", "rootfs");

	(void)serve(r, &(struct rig_box){ .id = "p", .annotations = POD });
	(void)serve(r, &(struct rig_box){ .id = "a", .annotations = POD });
	assert_true(rig_create(r, "p") > 1);
	assert_true(rig_create(r, "a") > 1);
	assert_return_code(mount("tmpfs", rootfs, "tmpfs", 0, NULL), errno);
	assert_int_equal(rig_delete_action(r, "a")->exit_status, 137);
	assert_string_equal(rig_calls(r, "p"), "create");
	assert_int_equal(rig_state(r, "p", "")->status, TYPES__STATUS__CREATED);
	assert_int_equal(rig_wait(r, "a", ""), 137); /* it heard of the end */
}

/* The first annotation counts, and an empty one does not. */
static void test_groups(void **state)
{
	static const struct {
		const char *id, *annotations;
		bool first; /* the shim of the first row */
	} rows[] = {
		{ "a", "\"io.containerd.runc.v2.group\":\"g\"", true },
		{ "b", "\"io.containerd.runc.v2.group\":\"g\",\"io.kubernetes.cri.sandbox-id\":\"other\"", true },
		{ "c", "\"io.containerd.runc.v2.group\":\"\",\"io.kubernetes.cri.sandbox-id\":\"g\"", true },
		{ "g", "", true }, /* a group of its id */
	};
	struct rig *r = *state;
	pid_t shim = 0;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		pid_t got = serve(r, &(struct rig_box){ .id = rows[i].id, .annotations = rows[i].annotations });

		shim = shim ? shim : got;
		if ((got == shim) != rows[i].first)
			fail_msg("%s: shim %d of %d", rows[i].id, (int)got, (int)shim);
	}
}

/* config.json that is none, or strange, is no reason to start no shim: Create will say what is wrong. */
static void test_strange_specs(void **state)
{
	static const char *const specs[] = { "",
					     "{",
					     "[]",
					     "{\"annotations\":7}",
					     "{\"annotations\":{\"io.kubernetes.cri.sandbox-id\":[1]}}",
					     "{\"annotations\":{\"io.kubernetes.cri.sandbox-id\":\"../../../etc\"}}" };

	(void)state;
	for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
		struct rig *r = rig_new();

		rig_make(r, &(struct rig_box){ .id = "c" });
		rig_write(r, "c", "config.json", specs[i]);
		assert_int_equal(rig_serve(r, "c"), 0);
		assert_memory_equal(r->address, "unix:///run/containerd/s/", 25);
		assert_null(strchr(r->address + 25, '/'));
		rig_free(r);
	}
}

RIG_TESTS("shim-group", RIG_TEST(test_pod), RIG_TEST(test_delete_of_one), RIG_TEST(test_groups),
	  cmocka_unit_test(test_strange_specs))
