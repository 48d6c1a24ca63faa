#include "test.h"
#include "list.h"

struct item {
	int n;
	struct list_node node;
};

static int sum(struct list_node *head)
{
	int s = 0;

	list_for_each(it, head)
		s = s * 10 + container_of(it, struct item, node)->n;
	return s;
}

static void pushes_and_unlinks(void **state)
{
	struct item i[4] = { { .n = 1 }, { .n = 2 }, { .n = 3 }, { .n = 4 } };
	struct list_node head;

	(void)state;
	list_init(&head);
	assert_true(list_empty(&head));
	assert_int_equal(sum(&head), 0);
	for (size_t k = 0; k < 4; k++) {
		assert_false(list_linked(&i[k].node));
		list_push(&head, &i[k].node);
	}
	assert_int_equal(sum(&head), 1234);
	list_unlink(&i[1].node);
	list_unlink(&i[1].node); /* in none: nothing */
	assert_false(list_linked(&i[1].node));
	assert_int_equal(sum(&head), 134);
	list_unlink(&i[0].node);
	list_unlink(&i[3].node);
	assert_int_equal(sum(&head), 3);
	list_push(&head, &i[0].node);
	assert_int_equal(sum(&head), 31);
	list_unlink(&i[2].node);
	list_unlink(&i[0].node);
	assert_true(list_empty(&head));
}

static void the_body_may_unlink_its_node(void **state)
{
	struct item i[5] = { { .n = 1 }, { .n = 2 }, { .n = 3 }, { .n = 4 }, { .n = 5 } };
	struct list_node head;

	(void)state;
	list_init(&head);
	for (size_t k = 0; k < 5; k++)
		list_push(&head, &i[k].node);
	list_for_each(it, &head)
		if (container_of(it, struct item, node)->n % 2) {
			list_unlink(it);
			memset(container_of(it, struct item, node), 0xff, sizeof(struct item)); /* as free() would */
		}
	assert_int_equal(sum(&head), 24);
}

static void zeroed_heads_are_empty(void **state)
{
	struct list_node head = { 0 };

	(void)state;
	assert_true(list_empty(&head));
	assert_int_equal(sum(&head), 0);
}

RUN_TESTS("list", cmocka_unit_test(pushes_and_unlinks), cmocka_unit_test(the_body_may_unlink_its_node),
	  cmocka_unit_test(zeroed_heads_are_empty))
