/* Where calls go and how they end: scopes on one connection, and a connection that is made anew below open calls. */
#include "test.h"
#include "containers.h"
#include "fake.h"
#include "leases.h"
#include "namespaces.h"
#include "snapshots.h"
#include "tasks.h"
#include <string.h>

static struct loop *loop;
static struct fake *fake;
static struct ctrd *c;
static struct ctx soon;
static struct err err;

#define OK(call) ok_((call), #call, __LINE__)
static void ok_(int r, const char *what, int line)
{
	if (r < 0)
		fail_msg("line %d: %s: %s", line, what, err.msg);
	err = (struct err)ERR_INIT;
}

static int begin(void **state)
{
	(void)state;
	err = (struct err)ERR_INIT;
	soon = ctx_within(NULL, 60000);
	loop = loop_new();
	OK(fake_start(loop, &fake, &err));
	OK(ctrd_open(loop, fake_address(fake), "one", &c, &err));
	return 0;
}

static int end(void **state)
{
	(void)state;
	if (err.code)
		(void)fprintf(stderr, "%s\n", err.msg);
	ctrd_free(TAKE_PTR(c));
	fake_free(TAKE_PTR(fake));
	loop_free(TAKE_PTR(loop));
	return 0;
}

static struct ctrd_call *prepare(struct ctrd *in, const char *key)
{
	return snapshots_prepare_begin(in, "overlayfs", key, NULL, NULL, &soon);
}

static int prepared(struct ctrd_call *call)
{
	struct ctrd_mounts mounts = { 0 };
	int r;

	err = (struct err)ERR_INIT;
	r = snapshots_prepare_end(call, &soon, &mounts, &err);
	ctrd_mounts_done(&mounts);
	return r;
}

static bool dumped(const char *line)
{
	_cleanup_buf_ struct buf dump = { 0 };
	bool is;

	OK(fake_dump(fake, &dump, &err));
	is = strstr(buf_str(&dump), line) != NULL;
	if (!is)
		(void)fprintf(stderr, "no \"%s\" in:\n%s", line, buf_str(&dump));
	return is;
}

/* Calls of four scopes, open at the same time on one connection: each goes where its scope says. */
static void scopes_stand_side_by_side(void **state)
{
	_cleanup_(ctrd_freep) struct ctrd *two = ctrd_in(c, "two"), *held = ctrd_under(c, "keep"), *both = ctrd_in(held, "two");
	struct ctrd_call *calls[3];

	(void)state;
	assert_string_equal(ctrd_namespace(c), "one");
	assert_null(ctrd_lease(c));
	assert_string_equal(ctrd_namespace(two), "two");
	assert_string_equal(ctrd_namespace(held), "one");
	assert_string_equal(ctrd_lease(held), "keep");
	assert_null(ctrd_lease(both)); /* a lease is one of its namespace */
	OK(leases_create(c, "keep", NULL, &soon, &err));
	calls[0] = prepare(held, "a");
	calls[1] = prepare(two, "b");
	calls[2] = prepare(c, "c");
	for (size_t i = 0; i < 3; i++)
		OK(prepared(calls[i]));
	assert_true(dumped("one snapshot overlayfs a"));
	assert_true(dumped("two snapshot overlayfs b"));
	assert_true(dumped("one snapshot overlayfs c"));
	assert_true(dumped("one lease keep resources{snapshots/overlayfs:a}\n"));
}

/* The scope that was opened first goes first: the others do not notice. */
static void the_last_scope_ends_the_connection(void **state)
{
	_cleanup_(ctrd_freep) struct ctrd *two = ctrd_in(c, "two");
	struct ctrd_call *call = prepare(c, "a");

	(void)state;
	ctrd_free(TAKE_PTR(c));
	OK(prepared(prepare(two, "b")));
	ctrd_free(TAKE_PTR(two));
	OK(prepared(call)); /* a call holds its connection as well */
}

static void a_connection_made_anew_is_that_of_every_scope(void **state)
{
	_cleanup_(ctrd_freep) struct ctrd *two = ctrd_in(c, "two");
	_cleanup_(ctrd_call_freep) struct ctrd_call *left = NULL;
	struct ctrd_call *call;

	(void)state;
	OK(fake_fault(fake, &err, "1:hang"));
	OK(fake_fault(fake, &err, "2:hang"));
	OK(fake_fault(fake, &err, "3:drop"));
	call = prepare(c, "a");
	left = prepare(c, "b");
	assert_int_equal(prepared(prepare(two, "c")), -ERR_UNAVAILABLE);
	assert_false(ctrd_alive(c));
	err = (struct err)ERR_INIT;
	OK(fake_reset(fake, &err));
	OK(ctrd_reopen(two, &err));
	assert_true(ctrd_alive(c));
	OK(prepared(prepare(c, "d")));
	assert_int_equal(prepared(call), -ERR_UNAVAILABLE); /* of the old one: it has ended, and is still a call */
	assert_true(ctrd_call_ready(left));
	assert_true(dumped("one snapshot overlayfs d"));
	fake_crash(fake);
	err = (struct err)ERR_INIT;
	assert_int_equal(prepared(prepare(c, "e")), -ERR_UNAVAILABLE);
	assert_int_equal(ctrd_reopen(c, NULL), -ERR_UNAVAILABLE);
	assert_int_equal(prepared(prepare(c, "f")), -ERR_UNAVAILABLE); /* the old one is kept */
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	static const struct CMUnitTest tests[] = {
		CASE(scopes_stand_side_by_side),
		CASE(the_last_scope_ends_the_connection),
		CASE(a_connection_made_anew_is_that_of_every_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
