/* From one set of limits to another: what the spec says then, what the engine is told, and what takes that back. */
#include "test.h"
#include "host-folder.h"
#include "json.h"
#include "spec-update.h"

#define CG "/sys/fs/cgroup"
static const char *const host[][2] = {
	{ CG "/cpuset/cgroup.procs", "" },
	{ CG "/cpuset/cpuset.cpus", "0-3\n" },
	{ CG "/cpuset/cpuset.mems", "0\n" },
	{ NULL, NULL },
};

#define M(inside) "{\"memory\":{" inside "}}"
static const struct {
	const char *has; /* the spec's resources */
	const char *was, *to, *has_then, *now, *back;
	bool v2;
} cases[] = {
	/* nothing */
	{ "{}", "{}", "{}", "{}", NULL, NULL, false },
	{ M("\"limit\":5"), M("\"limit\":5"), M("\"limit\":5"), M("\"limit\":5"), NULL, NULL, false },
	/* more, with what belongs to it */
	{ M("\"limit\":5,\"swap\":10"), M("\"limit\":5,\"swap\":10"), M("\"limit\":6,\"swap\":10"), M("\"limit\":6,\"swap\":10"),
	  M("\"limit\":6,\"swap\":10"), M("\"limit\":5,\"swap\":10"), false },
	/* from none and to none */
	{ "{}", "{}", M("\"limit\":6"), M("\"limit\":6"), M("\"limit\":6"), M("\"limit\":-1"), false },
	{ M("\"limit\":5,\"swap\":10,\"reservation\":2"), M("\"limit\":5,\"swap\":10,\"reservation\":2"), "{}", "{\"memory\":{}}",
	  M("\"limit\":-1,\"swap\":-1,\"reservation\":-1"), M("\"limit\":5,\"swap\":10,\"reservation\":2"), false },
	{ M("\"reservation\":2"), M("\"reservation\":2"), "{}", "{\"memory\":{}}", M("\"reservation\":1"), M("\"reservation\":2"),
	  true },
	/* a list of processors: none is the whole of the host's */
	{ "{}", "{}", "{\"cpu\":{\"cpus\":\"1\"}}", "{\"cpu\":{\"cpus\":\"1\"}}", "{\"cpu\":{\"cpus\":\"1\"}}",
	  "{\"cpu\":{\"cpus\":\"0-3\"}}", false },
	/* quota and period go together, shares stay */
	{ "{\"cpu\":{\"shares\":7,\"quota\":3,\"period\":9}}", "{\"cpu\":{\"shares\":7,\"quota\":3,\"period\":9}}",
	  "{\"cpu\":{\"shares\":7}}", "{\"cpu\":{\"shares\":7}}", "{\"cpu\":{\"shares\":7,\"quota\":6553600000,\"period\":100000}}",
	  "{\"cpu\":{\"shares\":7,\"quota\":3,\"period\":9}}", false },
	/* what was not davit's stays: devices, a limit of a bundle's own */
	{ "{\"devices\":[{\"allow\":false}],\"cpu\":{\"shares\":7},\"unified\":{\"a\":\"b\"}}", "{}",
	  "{\"pids\":{\"limit\":4},\"cpu\":{\"quota\":3}}",
	  "{\"devices\":[{\"allow\":false}],\"cpu\":{\"shares\":7,\"quota\":3},\"unified\":{\"a\":\"b\"},\"pids\":{\"limit\":4}}",
	  "{\"cpu\":{\"shares\":7,\"quota\":3},\"pids\":{\"limit\":4}}",
	  "{\"cpu\":{\"shares\":7,\"quota\":6553600000},\"pids\":{\"limit\":4194304}}", false },
	/* what engines cannot change is not told */
	{ "{}", "{}", "{\"blockIO\":{\"weight\":30,\"throttleReadBpsDevice\":[]}}", "{\"blockIO\":{\"weight\":30}}",
	  "{\"blockIO\":{\"weight\":30}}", "{\"blockIO\":{\"weight\":100}}", false },
};

static json *parsed(const char *text)
{
	struct err err = ERR_INIT;
	json *j = NULL;

	if (json_parse(text, strlen(text), &j, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return j;
}

static void is(json *j, const char *text)
{
	_cleanup_buf_ struct buf out = { 0 };

	if (!text) {
		assert_null(j);
		return;
	}
	json_write(j, &out);
	assert_string_equal(buf_str(&out), text);
}

static void from_one_to_another(void **state)
{
	struct test_folder *f = host_folder(host);
	void *folder = f;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct spec_in in = { .host_root = f->dir, .cgroup2 = cases[i].v2 };
		_cleanup_free_ char *text = mem_printf("{\"linux\":{\"resources\":%s}}", cases[i].has);
		_cleanup_json_ json *spec = parsed(text), *was = parsed(cases[i].was), *to = parsed(cases[i].to);
		_cleanup_(spec_update_done) struct spec_update u = { 0 };

		spec_update(&in, spec, was, to, &u);
		is(json_get(json_get(spec, "linux"), "resources"), cases[i].has_then);
		is(u.now, cases[i].now);
		is(u.back, cases[i].back);
	}
	test_folder_teardown(&folder);
}

RUN_TESTS("spec-update", cmocka_unit_test(from_one_to_another))
