#include "test.h"
#include "dict.h"

static void keeps_the_order_of_insertion(void **state)
{
	_cleanup_dict_ struct dict d = { 0 };

	(void)state;
	assert_null(dict_get(&d, "a"));
	dict_set(&d, "b", "1");
	dict_set(&d, "a", "2");
	dict_set(&d, "c", "");
	dict_set(&d, "b", "3"); /* replaced where it stands */
	assert_int_equal(d.n, 3);
	assert_string_equal(d.v[0].key, "b");
	assert_string_equal(d.v[0].value, "3");
	assert_string_equal(dict_get(&d, "c"), "");
	dict_set(&d, "a", NULL);
	dict_set(&d, "never", NULL);
	assert_int_equal(d.n, 2);
	assert_null(dict_get(&d, "a"));
	assert_string_equal(d.v[1].key, "c");
	dict_set(&d, "a", "back");
	assert_string_equal(d.v[2].key, "a");
}

static void takes_its_own_values(void **state)
{
	_cleanup_dict_ struct dict d = { 0 };

	(void)state;
	dict_set(&d, "a", "value");
	dict_set(&d, "a", dict_get(&d, "a"));
	assert_string_equal(dict_get(&d, "a"), "value");
	dict_setf(&d, "a", "<%s>", dict_get(&d, "a"));
	assert_string_equal(dict_get(&d, "a"), "<value>");
	dict_add(&d, &d);
	assert_int_equal(d.n, 1);
}

static void adds_and_overrides(void **state)
{
	_cleanup_dict_ struct dict a = { 0 }, b = { 0 };

	(void)state;
	for (int i = 0; i < 50; i++) {
		char key[8];

		(void)snprintf(key, sizeof key, "k%d", i);
		dict_setf(&a, key, "%d", i);
	}
	dict_set(&b, "k49", "new");
	dict_set(&b, "more", "x");
	dict_add(&a, &b);
	assert_int_equal(a.n, 51);
	assert_string_equal(dict_get(&a, "k48"), "48");
	assert_string_equal(dict_get(&a, "k49"), "new");
	assert_string_equal(dict_get(&a, "more"), "x");
	dict_setf(&a, "k3", "%s", "3, later");
	dict_add(&b, &a); /* many at once */
	assert_int_equal(b.n, 51);
	assert_string_equal(b.v[0].key, "k49");
	assert_string_equal(b.v[1].value, "x");
	assert_string_equal(b.v[2].key, "k0");
	assert_string_equal(dict_get(&b, "k3"), "3, later");
	dict_add(&b, &b);
	assert_int_equal(b.n, 51);
	assert_string_equal(dict_get(&b, "k48"), "48");
	dict_done(&a);
	assert_int_equal(a.n, 0);
	dict_add(&a, &b);
	assert_int_equal(a.n, 51);
	assert_string_equal(a.v[50].key, "k48");
	dict_done(&a);
	dict_set(&a, "again", "y");
	assert_string_equal(dict_get(&a, "again"), "y");
}

RUN_TESTS("dict", cmocka_unit_test(keeps_the_order_of_insertion), cmocka_unit_test(takes_its_own_values),
	  cmocka_unit_test(adds_and_overrides))
