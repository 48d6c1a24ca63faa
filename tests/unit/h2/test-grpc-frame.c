#include "test.h"
#include "grpc-frame.h"
#include "grpc.h"
#include "mem.h"

/* A stream of bytes, cut at every size, gives the same messages and the same end. */
static void streams(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *messages;
		size_t held;
		int code;
	} cases[] = {
		{ "", 0, "", 0, 0 },
		{ "\0\0\0\0\0", 5, "|", 0, 0 },
		{ "\0\0\0\0\x02hi\0\0\0\0\0\0\0\0\0\x01!", 18, "hi||!|", 0, 0 },
		{ "\0\0\0\0\x02hi\0\0\0", 10, "hi|", 3, 0 },
		{ "\0\0\0\0\x09hi", 7, "", 7, 0 },
		{ "\0\0\0\0\x02hi\x01\0\0\0\x01x", 13, "hi|", 0, -ERR_UNIMPLEMENTED },
		{ "\0\x01\0\0\x01x", 6, "", 0, -ERR_EXHAUSTED },
		{ "\0\xff\xff\xff\xff", 5, "", 0, -ERR_EXHAUSTED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (size_t step = 1; step <= cases[i].n; step++) {
			_cleanup_buf_ struct buf all = { 0 }, msg = { 0 };
			struct grpc_frame f = { 0 };
			int r = 0;

			for (size_t at = 0; at < cases[i].n && r >= 0; at += step) {
				const unsigned char *p = (const unsigned char *)cases[i].bytes + at;
				size_t n = step < cases[i].n - at ? step : cases[i].n - at;

				while (n && (r = grpc_frame_feed(&f, &p, &n, &msg, NULL)) > 0)
					buf_addf(&all, "%s|", buf_str(&msg));
			}
			assert_string_equal(buf_str(&all), cases[i].messages);
			assert_int_equal(r < 0 ? r : 0, cases[i].code);
			if (!cases[i].code)
				assert_int_equal(grpc_frame_held(&f), cases[i].held);
			grpc_frame_done(&f);
		}
	}
}

static void the_largest(void **state)
{
	static const unsigned char head[] = { 0, 1, 0, 0, 0 };
	_cleanup_free_ char *block = mem_zalloc(1 << 20);
	_cleanup_buf_ struct buf msg = { 0 }, put = { 0 };
	struct grpc_frame f = { 0 };
	const unsigned char *p = head;
	size_t n = sizeof head;

	(void)state;
	assert_int_equal(grpc_frame_feed(&f, &p, &n, &msg, NULL), 0);
	assert_true(f.body.cap <= 128 << 10); /* an announcement takes no memory */
	for (int i = 0; i < 16; i++) {
		p = (const unsigned char *)block;
		n = 1 << 20;
		assert_int_equal(grpc_frame_feed(&f, &p, &n, &msg, NULL), i == 15);
	}
	assert_int_equal(msg.len, GRPC_MESSAGE_MAX);
	grpc_frame_put(&put, msg.data, msg.len);
	assert_memory_equal(put.data, head, sizeof head);
	assert_int_equal(put.len, sizeof head + GRPC_MESSAGE_MAX);
}

#define T(f) cmocka_unit_test(f)
RUN_TESTS("grpc-frame", T(streams), T(the_largest))
