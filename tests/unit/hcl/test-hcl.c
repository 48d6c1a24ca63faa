/* What the header promises of the tree: blocks, labels, places, bounds. */
#include "test.h"
#include "hcl-show.h"
#include "hcl.h"

static void has_the_shape_that_the_header_says(void **state)
{
	static const char text[] = "job \"web\" {\n"
				   "  datacenters = [\"dc1\"]\n"
				   "  group \"a\" { count = 2 }\n"
				   "  group \"b\" {}\n"
				   "  meta { k = \"v\" }\n"
				   "}\n";
	_cleanup_tree_ struct tree t = { .file = "f" };
	_cleanup_buf_ struct buf out = { 0 };
	struct err err = ERR_INIT;
	const struct node *job, *group;

	(void)state;
	if (hcl_read(text, sizeof text - 1, NULL, &t, &err) < 0)
		fail_msg("%s", err.msg);
	hcl_show(t.root, true, &out);
	assert_string_equal(buf_str(&out),
			    "{job*: {web*: {datacenters: [\"dc1\"@2:18]@2:17, group*: {a*: {count: 2@3:23}@3:13}@3:13, "
			    "group*: {b*: {}@4:13}@4:13, meta*: {k: \"v\"@5:14}@5:8}@1:11}@1:11}@1:1");
	job = hcl_next(t.root, "job", NULL);
	assert_int_equal(job->labels, 1);
	assert_string_equal(hcl_label(job, 0)->key, "web");
	assert_int_equal(hcl_label(job, 0)->key_at.column, 5);
	assert_null(hcl_label(job, 1));
	assert_null(hcl_next(t.root, "job", job));
	assert_null(hcl_next(hcl_body(job), "datacenters", NULL));
	group = hcl_next(hcl_body(job), "group", NULL);
	group = hcl_next(hcl_body(job), "group", group);
	assert_string_equal(hcl_label(group, 0)->key, "b");
	assert_int_equal(hcl_body(hcl_next(hcl_body(job), "meta", NULL))->n, 1);
}

RUN_TESTS("hcl", cmocka_unit_test(has_the_shape_that_the_header_says))
