/* What doctor says of a containerd: of its snapshotters, its cri plugin, and of one that does not answer. */
#include "test.h"
#include "doctor.h"
#include "fake.h"
#include "file.h"
#include "introspection.pb-c.h"
#include "mem.h"

struct stage {
	struct loop *loop;
	struct fake *fake;
	char *dir;
	struct core_conf conf;
	struct checks checks;
};

static int setup(void **state)
{
	struct stage *s = mem_new(struct stage);
	struct err err = ERR_INIT;

	s->dir = mem_strdup("/tmp/davit-test-ctrd-doctor-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	s->loop = loop_new();
	if (fake_start(s->loop, &s->fake, &err) < 0)
		fail_msg("%s", err.msg);
	s->conf = (struct core_conf){ .ns = "davit", .address = fake_address(s->fake), .run_dir = s->dir, .data_dir = s->dir };
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	checks_done(&s->checks);
	fake_free(s->fake);
	loop_free(s->loop);
	assert_int_equal(file_remove_tree(s->dir, NULL), 0);
	free(s->dir);
	free(s);
	return 0;
}

#define SNAPSHOTTER "io.containerd.snapshotter.v1"
#define GRPC "io.containerd.grpc.v1"
struct plugin {
	const char *type, *id, *init_err;
};

/* The fake answers that these are its plugins. */
static void have_plugins(const struct stage *s, const struct plugin *p)
{
	Introspection__PluginsResponse m = INTROSPECTION__PLUGINS_RESPONSE__INIT;
	Introspection__Plugin plugins[3], *v[3];
	Google__Rpc__Status status[3];
	uint8_t bytes[1024];
	_cleanup_buf_ struct buf hex = { 0 };
	struct err err = ERR_INIT;
	size_t n;

	for (; m.n_plugins < 3 && p[m.n_plugins].type; m.n_plugins++) {
		const struct plugin *of = &p[m.n_plugins];

		plugins[m.n_plugins] = (Introspection__Plugin)INTROSPECTION__PLUGIN__INIT;
		status[m.n_plugins] = (Google__Rpc__Status)GOOGLE__RPC__STATUS__INIT;
		status[m.n_plugins].message = (char *)(uintptr_t)of->init_err;
		plugins[m.n_plugins].type = (char *)(uintptr_t)of->type;
		plugins[m.n_plugins].id = (char *)(uintptr_t)of->id;
		plugins[m.n_plugins].init_err = of->init_err ? &status[m.n_plugins] : NULL;
		v[m.n_plugins] = &plugins[m.n_plugins];
	}
	m.plugins = v;
	assert_true(introspection__plugins_response__get_packed_size(&m) <= sizeof bytes);
	n = introspection__plugins_response__pack(&m, bytes);
	for (size_t i = 0; i < n; i++)
		buf_addf(&hex, "%02x", bytes[i]);
	if (fake_reset(s->fake, &err) < 0 || fake_fault(s->fake, &err, "Introspection/Plugins:raw=%s", buf_str(&hex)) < 0)
		fail_msg("%s", err.msg);
}

static void look(struct stage *s)
{
	checks_done(&s->checks);
	doctor_run(&s->conf, s->dir, NULL, &s->checks);
}

static void expect(const struct stage *s, const char *row, enum check_level level, const char *text, const char *remedy)
{
	for (size_t i = 0; i < s->checks.n; i++) {
		const struct check *c = &s->checks.v[i];

		if (strcmp(c->name, row) != 0)
			continue;
		if (c->level != level || !strstr(c->text, text) || !c->remedy != !remedy ||
		    (remedy && strcmp(c->remedy, remedy) != 0))
			fail_msg("%s: level %d: %s (%s)", row, c->level, c->text, c->remedy ? c->remedy : "no remedy");
		return;
	}
	fail_msg("no row %s", row);
}

static void looks_at_the_plugins(void **state)
{
	static const struct {
		struct plugin v[4];
		const char *row;
		enum check_level level;
		const char *text, *remedy;
	} t[] = {
		{ { { SNAPSHOTTER, "native", NULL }, { SNAPSHOTTER, "overlayfs", NULL } },
		  "snapshotters",
		  CHECK_OK,
		  "native, overlayfs",
		  NULL },
		{ { { SNAPSHOTTER, "overlayfs", "no such device" }, { SNAPSHOTTER, "native", NULL } },
		  "snapshotters",
		  CHECK_WARNING,
		  "overlayfs does not work (no such device): use --snapshotter native, which is slower",
		  "modprobe overlay" },
		{ { { SNAPSHOTTER, "native", NULL } },
		  "snapshotters",
		  CHECK_WARNING,
		  "overlayfs does not work (switched off)",
		  "modprobe overlay" },
		{ { { SNAPSHOTTER, "overlayfs", "no such device" }, { SNAPSHOTTER, "zfs", "skip" } },
		  "snapshotters",
		  CHECK_ERROR,
		  "none works (overlayfs: no such device)",
		  "modprobe overlay" },
		{ { { GRPC, "cri", NULL } }, "cri plugin", CHECK_OK, "on; davit needs none", NULL },
		{ { { GRPC, "cri", "no CNI" } }, "cri plugin", CHECK_OK, "does not start (no CNI); davit needs none", NULL },
		{ { { GRPC, "tasks", NULL } }, "cri plugin", CHECK_OK, "switched off, as in Docker's packages", NULL },
	};
	struct stage *s = *state;

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		have_plugins(s, t[i].v);
		look(s);
		expect(s, t[i].row, t[i].level, t[i].text, t[i].remedy);
		expect(s, "containerd", CHECK_OK, s->conf.address, NULL);
	}
}

static void says_when_it_does_not_answer(void **state)
{
	struct stage *s = *state;

	assert_int_equal(fake_reset(s->fake, NULL), 0);
	assert_int_equal(fake_fault(s->fake, NULL, "Version/Version:fail"), 0);
	assert_int_equal(fake_fault(s->fake, NULL, "Introspection/Plugins:fail=12"), 0);
	look(s);
	expect(s, "containerd", CHECK_ERROR, "at ", NULL);
	expect(s, "snapshotters", CHECK_WARNING, "", NULL);
	expect(s, "cri plugin", CHECK_WARNING, "", NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
RUN_TESTS("doctor-containerd", T(looks_at_the_plugins), T(says_when_it_does_not_answer))
