#include "test.h"
#include "mem.h"
#include "tree.h"
#include <math.h>
#include <string.h>

static struct node *number(struct tree *t, const char *text)
{
	struct node *n = tree_add(t, NULL, NODE_NUMBER, (struct node_place){ 1, 1 });
	char *room = tree_room(t, strlen(text) + 1);

	memcpy(room, text, strlen(text) + 1);
	n->text = room;
	return n;
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		bool whole, fits;
		int64_t n;
	} rows[] = {
		{ "0", true, true, 0 },
		{ "-0", true, true, 0 },
		{ "-1", true, true, -1 },
		{ "9223372036854775807", true, true, INT64_MAX },
		{ "-9223372036854775808", true, true, INT64_MIN },
		{ "9223372036854775808", true, false, 0 },
		{ "1.0", false, false, 0 },
		{ "1e3", false, false, 0 },
		{ "+7", true, true, 7 },
		{ "0x1F", true, true, 31 },
		{ "0x7fffffffffffffff", true, true, INT64_MAX },
		{ "0x8000000000000000", true, false, 0 },
		{ "0x", false, false, 0 },
		{ "0xg", false, false, 0 },
		{ "+", false, false, 0 },
	};
	_cleanup_tree_ struct tree t = { .file = "f" };
	double d;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct node *node = number(&t, rows[i].text);
		bool fits = false;
		int64_t n = 0;

		assert_int_equal(node_whole(node, &n, &fits), rows[i].whole);
		assert_int_equal(fits, rows[i].fits);
		assert_true(!fits || n == rows[i].n);
		assert_true(node_number(node, &d) && d == strtod(rows[i].text, NULL));
	}
	assert_true(node_number(number(&t, "1e999"), &d) && isinf(d));
	assert_false(node_number(NULL, &d));
}

static void finds_members(void **state)
{
	_cleanup_tree_ struct tree t = { .file = "f" };
	struct node *map = tree_add(&t, NULL, NODE_MAP, (struct node_place){ 1, 1 }), *n;

	(void)state;
	for (int i = 0; i < 3; i++) {
		n = tree_add(&t, map, NODE_TEXT, (struct node_place){ 1, 2 });
		n->key = i == 1 ? "b" : "a";
		n->text = i == 2 ? "last" : "first";
	}
	assert_int_equal(map->n, 3);
	assert_string_equal(node_text(node_get(map, "a")), "last");
	assert_string_equal(node_text(node_get(map, "b")), "first");
	assert_null(node_get(map, "c"));
	assert_null(node_get(n, "a"));
	assert_null(node_get(NULL, "a"));
	assert_null(node_text(map));
}

/* Whatever is taken, it is no more than TREE_MAX. */
static void is_bounded(void **state)
{
	_cleanup_tree_ struct tree t = { .file = "f" };
	struct node *list = tree_add(&t, NULL, NODE_LIST, (struct node_place){ 1, 1 });
	struct err err = ERR_INIT;
	size_t n = 0;

	(void)state;
	while (tree_add(&t, list, NODE_NULL, (struct node_place){ 1, 1 }) && n < TREE_MAX)
		n++;
	assert_in_range(n, TREE_MAX / 2 / sizeof(struct node), TREE_MAX / sizeof(struct node));
	assert_true(t.used <= TREE_MAX);
	assert_null(tree_room(&t, TREE_MAX));
	assert_int_equal(tree_err(&t, (struct node_place){ 3, 4 }, tree_full(&err), &err), -ERR_EXHAUSTED);
	assert_string_equal(err.msg, "f:3:4: too many values: they would take more than 64 MiB");
}

static void texts_do_not_touch_each_other(void **state)
{
	_cleanup_tree_ struct tree t = { .file = "f" };
	char *texts[500];

	(void)state;
	for (size_t i = 0; i < 500; i++) {
		texts[i] = tree_room(&t, i + 1);
		memset(texts[i], 'a' + (int)(i % 26), i);
		texts[i][i] = '\0';
		(void)tree_add(&t, NULL, NODE_NULL, (struct node_place){ 1, 1 });
	}
	for (size_t i = 0; i < 500; i++) {
		assert_int_equal(strlen(texts[i]), i);
		assert_true(!i || texts[i][0] == 'a' + (int)(i % 26));
	}
}

RUN_TESTS("tree", cmocka_unit_test(numbers), cmocka_unit_test(finds_members), cmocka_unit_test(is_bounded),
	  cmocka_unit_test(texts_do_not_touch_each_other))
