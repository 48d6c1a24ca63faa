#include "test.h"
#include "ring.h"

static void has_no_room_before_init(void **state)
{
	struct ring r = { 0 };
	size_t n = 7;

	(void)state;
	assert_int_equal(ring_space(&r), 0);
	assert_int_equal(ring_put(&r, "x", 1), 0);
	assert_null(ring_next(&r, &n));
	assert_int_equal(n, 0);
	ring_done(&r);
}

/* Everything that goes in comes out, in order, whatever the pieces. */
static void keeps_bytes(void **state)
{
	struct ring r;
	unsigned char in = 0, out = 0;
	unsigned seed = 1;

	(void)state;
	ring_init(&r, 13);
	for (int i = 0; i < 10000; i++) {
		unsigned char piece[20];
		size_t n, want = (seed = seed * 1103515245 + 12345) >> 16 & 15, space = ring_space(&r), put;
		const char *p;

		for (size_t k = 0; k < want; k++)
			piece[k] = (unsigned char)(in + k);
		put = ring_put(&r, piece, want);
		assert_int_equal(put, want < space ? want : space);
		in = (unsigned char)(in + put);
		p = ring_next(&r, &n);
		assert_true(n <= r.len && (n > 0) == (r.len > 0));
		n = n > (seed >> 20 & 7) ? (seed >> 20 & 7) : n;
		for (size_t k = 0; k < n; k++)
			assert_int_equal((unsigned char)p[k], out++);
		ring_drop(&r, n);
	}
	ring_done(&r);
}

RUN_TESTS("ring", cmocka_unit_test(has_no_room_before_init), cmocka_unit_test(keeps_bytes))
