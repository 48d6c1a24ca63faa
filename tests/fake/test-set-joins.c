/* Who joins a set is told of once, whatever fails meanwhile. */
#include "test.h"
#include "containers.h"
#include "fake.h"
#include "mem.h"
#include "namespaces.h"
#include "set-joins.h"

static struct fake *fake;
static struct loop *loop;
static struct core *core;
static struct err err;

#define MUST(call) must_((call), #call, __LINE__)
static void must_(int r, const char *what, int line)
{
	if (r < 0)
		fail_msg("line %d: %s: %s", line, what, err.msg);
	err = (struct err)ERR_INIT;
}

static void make(const char *id, const char *label, const char *value)
{
	_cleanup_(ctrd_container_done) struct ctrd_container rec = { .id = mem_strdup(id),
								     .image = mem_strdup("x"),
								     .runtime = mem_strdup("io.containerd.runc.v2") };

	rec.spec.type_url = mem_strdup("spec");
	dict_set(&rec.labels, RECORD_SET, "shop");
	dict_set(&rec.labels, label, value);
	MUST(containers_create(core->ctrd, &rec, NULL, &err));
}

static int begin(void **state)
{
	struct core_conf conf = { .ns = FAKE_NS, .run_dir = "/dev/null/none", .data_dir = "/dev/null/none" };

	(void)state;
	err = (struct err)ERR_INIT;
	loop = loop_new();
	MUST(fake_start(loop, &fake, &err));
	conf.address = fake_address(fake);
	MUST(core_open(&conf, &core, &err));
	MUST(namespaces_create(core->ctrd, FAKE_NS, NULL, NULL, &err));
	make("a-00000001", CLAIM_JOB, "a");
	make("a-00000001.1", RECORD_OF, "a-00000001");
	make("b-00000001", CLAIM_JOB, "b");
	MUST(fake_reset(fake, &err));
	return 0;
}

static int end(void **state)
{
	(void)state;
	core_free(TAKE_PTR(core));
	fake_free(TAKE_PTR(fake));
	loop_free(TAKE_PTR(loop));
	return 0;
}

static int joined(struct set_joins *j, const char *names)
{
	_cleanup_(records_done) struct records found = { 0 };
	_cleanup_strv_ struct strv v = { 0 };
	_cleanup_free_ char *text = NULL;
	int r = set_joins_look(j, core, NULL, &found);

	for (size_t i = 0; i < found.n; i++)
		strv_push(&v, found.v[i].name);
	text = strv_join(&v, " ");
	assert_string_equal(text, names);
	return r;
}

static void jobs_alone(void **state)
{
	struct set_joins *j = set_joins_new("shop");

	(void)state;
	MUST(joined(j, "a b"));
	MUST(joined(j, ""));
	set_joins_free(j);
}

static void a_failure_loses_nobody(void **state)
{
	struct set_joins *j = set_joins_new("shop");

	(void)state;
	MUST(fake_fault(fake, &err, "3:fail"));
	assert_true(joined(j, "a") < 0);
	MUST(joined(j, "b"));
	set_joins_free(j);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
RUN_TESTS("set-joins", CASE(jobs_alone), CASE(a_failure_loses_nobody))
