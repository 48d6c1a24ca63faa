#include "test.h"
#include "mem.h"
#include "ttrpc-frame.h"

/* Frames in one piece, and byte by byte. */
static void frames(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		uint32_t id;
		unsigned type, flags;
		const char *data;
	} cases[] = {
		{ "\0\0\0\x03\0\0\0\x01\x01\0abc", 13, 1, TTRPC_REQUEST, 0, "abc" },
		{ "\0\0\0\0\x01\x02\x03\x04\x03\x05", 10, 0x01020304, TTRPC_DATA, TTRPC_REMOTE_CLOSED | TTRPC_NO_DATA, "" },
		{ "\0\0\0\x01\xff\xff\xff\xff\xff\xff!", 11, UINT32_MAX, 255, 255, "!" }, /* unknown, but a frame */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (size_t step = 1; step <= cases[i].n; step++) {
			_cleanup_(ttrpc_frame_done) struct ttrpc_frame f = { 0 };
			struct ttrpc_reader r = { 0 };
			size_t at = 0;

			while (at < cases[i].n) {
				size_t n = step < cases[i].n - at ? step : cases[i].n - at, left = n;
				const unsigned char *p = (const unsigned char *)cases[i].bytes + at;

				at += n;
				assert_int_equal(ttrpc_reader_feed(&r, &p, &left, &f), at == cases[i].n);
				assert_int_equal(left, 0);
			}
			assert_int_equal(f.id, cases[i].id);
			assert_int_equal(f.type, cases[i].type);
			assert_int_equal(f.flags, cases[i].flags);
			assert_string_equal(buf_str(&f.data), cases[i].data);
			assert_false(f.oversized);
		}
	}
}

static void oversized_is_skipped(void **state)
{
	_cleanup_(ttrpc_frame_done) struct ttrpc_frame f = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	struct ttrpc_reader r = { 0 };
	const unsigned char *p;
	size_t n;

	(void)state;
	buf_add(&b, "\0\x40\0\x01\0\0\0\x07\x01\0", 10); /* 4 MiB and one */
	memset(buf_room(&b, TTRPC_DATA_MAX + 1), 'x', TTRPC_DATA_MAX + 1);
	buf_grew(&b, TTRPC_DATA_MAX + 1);
	ttrpc_frame_put(&b, 9, TTRPC_DATA, 0, "next", 4);
	p = (const unsigned char *)b.data;
	n = b.len;
	assert_int_equal(ttrpc_reader_feed(&r, &p, &n, &f), 1);
	assert_true(f.oversized);
	assert_int_equal(f.id, 7);
	assert_int_equal(f.data.cap, 0); /* nothing was kept */
	assert_int_equal(ttrpc_reader_feed(&r, &p, &n, &f), 1);
	assert_false(f.oversized);
	assert_string_equal(f.data.data, "next");
	assert_int_equal(ttrpc_reader_feed(&r, &p, &n, &f), 0);
}

static void an_announced_length_takes_no_memory(void **state)
{
	struct ttrpc_reader r = { 0 };
	struct ttrpc_frame f = { 0 };
	const unsigned char *p = (const unsigned char *)"\0\x40\0\0\0\0\0\x01\x01\0z";
	size_t n = 11;

	(void)state;
	assert_int_equal(ttrpc_reader_feed(&r, &p, &n, &f), 0);
	assert_true(r.frame.data.cap < 256 << 10);
	ttrpc_reader_done(&r);
}

static void requests_go_there_and_back(void **state)
{
	struct ttrpc_request q = {
		.service = (char[]){ "s.Task" }, .method = (char[]){ "Wait" }, .payload = "a\0b", .len = 3, .timeout_ns = INT64_MAX
	};
	_cleanup_(ttrpc_request_done) struct ttrpc_request got = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	dict_set(&q.md, "containerd-namespace-ttrpc", "davit");
	dict_set(&q.md, "empty", "");
	ttrpc_request_put(&b, &q);
	assert_int_equal(ttrpc_request_get(b.data, b.len, &got, &err), 0);
	assert_string_equal(got.service, "s.Task");
	assert_string_equal(got.method, "Wait");
	assert_int_equal(got.len, 3);
	assert_memory_equal(got.payload, "a\0b", 3);
	assert_true(got.timeout_ns == INT64_MAX);
	assert_int_equal(got.md.n, 2);
	assert_string_equal(dict_get(&got.md, "containerd-namespace-ttrpc"), "davit");
	assert_string_equal(dict_get(&got.md, "empty"), "");
	dict_done(&q.md);
	/* cut anywhere it is no Request, or one that lacks fields; never read beyond (which ASan would see) */
	for (size_t n = 0; n < b.len; n++) {
		_cleanup_free_ char *cut = mem_dup(b.data, n);
		struct ttrpc_request part = { 0 };

		if (ttrpc_request_get(cut, n, &part, NULL) == 0)
			ttrpc_request_done(&part);
	}
}

static void requests_that_are_none(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *text;
	} cases[] = {
		{ "", 0, "without a service" },
		{ "\x0a\x01s", 3, "without a service" },
		{ "\x12\x01m", 3, "without a service" },
		{ "\x0a\x02s\0\x12\x01m", 7, "malformed" }, /* a NUL */
		{ "\x0a\x05s\x12\x01m", 6, "malformed" },   /* longer than what is there */
		{ "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01s", 12, "malformed" },
		{ "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01s", 13, "malformed" }, /* an endless varint */
		{ "\x0b", 1, "malformed" },                                               /* a group */
		{ "\x02\x01s", 3, "malformed" },                                          /* field 0 */
		{ "\x20", 1, "malformed" },
		{ "\x0a\x01s\x12\x01m\x2a\x03\x0a\x05k", 11, "malformed" }, /* inside the metadata */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ttrpc_request q = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(ttrpc_request_get(cases[i].bytes, cases[i].n, &q, &err), -ERR_INVALID);
		assert_non_null(strstr(err.msg, cases[i].text));
		assert_null(q.service);
	}
}

static void unknown_fields_are_skipped(void **state)
{
	/* fixed32 9, fixed64 10, bytes 11, varint 12, and service as a varint, between the two that count */
	static const char bytes[] = "\x0a\x01s\x4d....\x51........\x5a\x02xx\x60\x96\x01\x08\x01\x12\x01m";
	_cleanup_(ttrpc_request_done) struct ttrpc_request q = { 0 };

	(void)state;
	assert_int_equal(ttrpc_request_get(bytes, sizeof bytes - 1, &q, NULL), 0);
	assert_string_equal(q.service, "s");
	assert_string_equal(q.method, "m");
	assert_null(q.payload);
}

static void metadata_is_bounded(void **state)
{
	_cleanup_(ttrpc_request_done) struct ttrpc_request q = { .service = mem_strdup("s"), .method = mem_strdup("m") };
	struct ttrpc_request got = { 0 };
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < TTRPC_METADATA_MAX; i++) {
		char key[16];

		(void)snprintf(key, sizeof key, "k%d", i);
		dict_set(&q.md, key, "v");
	}
	ttrpc_request_put(&b, &q);
	assert_int_equal(ttrpc_request_get(b.data, b.len, &got, NULL), 0);
	ttrpc_request_done(&got);
	buf_add(&b, "\x2a\x03\x0a\x01z", 5);
	assert_int_equal(ttrpc_request_get(b.data, b.len, &got, NULL), -ERR_INVALID);
}

static void responses(void **state)
{
	const struct {
		struct ttrpc_response s;
		const char *bytes;
		size_t n;
	} cases[] = {
		{ { 0 }, "", 0 },
		{ { .payload = "hi", .len = 2 }, "\x12\x02hi", 4 },
		{ { .code = 5, .message = (char[]){ "no" } }, "\x0a\x06\x08\x05\x12\x02no", 8 },
		{ { .code = 12 }, "\x0a\x02\x08\x0c", 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(ttrpc_response_done) struct ttrpc_response s = { 0 };
		_cleanup_buf_ struct buf b = { 0 };

		ttrpc_response_put(&b, &cases[i].s);
		assert_int_equal(b.len, cases[i].n);
		assert_memory_equal(buf_str(&b), cases[i].bytes, b.len);
		assert_int_equal(ttrpc_response_get(b.data, b.len, &s, NULL), 0);
		assert_int_equal(s.code, cases[i].s.code);
		assert_int_equal(s.len, cases[i].s.len);
		assert_string_equal(s.message ? s.message : "", cases[i].s.message ? cases[i].s.message : "");
	}
	struct ttrpc_response s;
	struct err err = ERR_INIT;
	assert_int_equal(ttrpc_response_get("\x0a\x06\x08", 3, &s, &err), -ERR_INTERNAL);
	assert_int_equal(ttrpc_response_get("\x0a\x06\x08\xff\xff\xff\xff\x0f", 8, &s, NULL), 0);
	assert_int_equal(s.code, 2); /* a code that is none is "unknown" */
}

#define T(f) cmocka_unit_test(f)
RUN_TESTS("ttrpc-frame", T(frames), T(oversized_is_skipped), T(an_announced_length_takes_no_memory), T(requests_go_there_and_back),
	  T(requests_that_are_none), T(unknown_fields_are_skipped), T(metadata_is_bounded), T(responses))
