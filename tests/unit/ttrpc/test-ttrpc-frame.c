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
		for (size_t n = 0; n <= cases[i].n; n++) {
			_cleanup_free_ unsigned char *bytes = mem_dup(cases[i].bytes, n);
			const unsigned char *p = bytes;
			struct ttrpc_reader r = { 0 };
			struct ttrpc_frame f = { 0 };
			size_t left = n;

			assert_int_equal(ttrpc_reader_next(&r, &p, &left, &f), n == cases[i].n);
			if (n < cases[i].n) { /* it stays until it is whole */
				assert_ptr_equal(p, bytes);
				assert_int_equal(left, n);
				continue;
			}
			assert_int_equal(left, 0);
			assert_int_equal(f.id, cases[i].id);
			assert_int_equal(f.type, cases[i].type);
			assert_int_equal(f.flags, cases[i].flags);
			assert_int_equal(f.len, strlen(cases[i].data));
			assert_memory_equal(f.data, cases[i].data, f.len);
			assert_ptr_equal(f.data, bytes + TTRPC_HEAD); /* a slice */
			assert_false(f.oversized);
		}
	}
}

/* In one piece, and in pieces of which nothing is left. */
static void oversized_is_skipped(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	buf_add(&b, "\0\x40\0\x01\0\0\0\x07\x01\0", 10); /* 4 MiB and one */
	memset(buf_room(&b, TTRPC_DATA_MAX + 1), 'x', TTRPC_DATA_MAX + 1);
	buf_grew(&b, TTRPC_DATA_MAX + 1);
	ttrpc_frame_put(&b, 9, TTRPC_DATA, 0, "next", 4);
	for (size_t piece = 1000; piece < 2 * b.len; piece *= 7) {
		const unsigned char *p = (const unsigned char *)b.data;
		struct ttrpc_reader r = { 0 };
		struct ttrpc_frame f = { 0 };
		size_t at = 0;
		unsigned frames = 0;

		while (at < b.len) {
			size_t end = (size_t)(p - (const unsigned char *)b.data) + piece, n;

			at = end < b.len ? end : b.len;
			n = at - (size_t)(p - (const unsigned char *)b.data);
			while (ttrpc_reader_next(&r, &p, &n, &f)) {
				assert_int_equal(f.oversized, frames == 0);
				assert_int_equal(f.id, frames++ == 0 ? 7 : 9);
			}
			assert_true(n < TTRPC_HEAD + 4);
		}
		assert_int_equal(frames, 2);
		assert_memory_equal(f.data, "next", 4);
	}
}

static void what_is_written_is_measured(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	size_t begun;

	(void)state;
	buf_adds(&b, "before");
	begun = ttrpc_frame_begin(&b, 0x01020304, TTRPC_RESPONSE, 4);
	memcpy(ttrpc_response_room(&b, 300), "xy", 2);
	assert_true(ttrpc_frame_end(&b, begun));
	assert_int_equal(b.len, 6 + 10 + 303);
	assert_memory_equal(b.data + 6, "\0\0\x01\x2f\x01\x02\x03\x04\x02\x04\x12\xac\x02xy", 15);
	begun = ttrpc_frame_begin(&b, 1, TTRPC_RESPONSE, 0);
	(void)ttrpc_response_room(&b, TTRPC_DATA_MAX);
	assert_false(ttrpc_frame_end(&b, begun));
	assert_int_equal(b.len, 6 + 10 + 303); /* as if it had not been begun */
}

#define TEXT(s) \
	{ \
		s, sizeof s - 1 \
	}

static void text_is(struct ttrpc_text t, const char *s)
{
	if (!ttrpc_text_is(t, s))
		fail_msg("%.*s is not %s", (int)t.n, t.p ? t.p : "", s);
}

static void requests_go_there_and_back(void **state)
{
	struct ttrpc_request got,
		q = { .service = TEXT("s.Task"), .method = TEXT("Wait"), .payload = "a\0b", .len = 3, .timeout_ns = INT64_MAX };
	_cleanup_dict_ struct dict md = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	dict_set(&md, "containerd-namespace-ttrpc", "davit");
	dict_set(&md, "empty", "");
	ttrpc_request_put(&b, &q, &md);
	assert_int_equal(ttrpc_request_get(b.data, b.len, &got, &err), 0);
	text_is(got.service, "s.Task");
	text_is(got.method, "Wait");
	assert_int_equal(got.len, 3);
	assert_memory_equal(got.payload, "a\0b", 3);
	assert_true(got.timeout_ns == INT64_MAX);
	text_is(ttrpc_request_md(&got, "containerd-namespace-ttrpc"), "davit");
	text_is(ttrpc_request_md(&got, "empty"), "");
	assert_null(ttrpc_request_md(&got, "absent").p);
	assert_null(ttrpc_request_md(&got, "").p);
	/* cut anywhere it is no Request, or one that lacks fields; never read beyond (which ASan would see) */
	for (size_t n = 0; n < b.len; n++) {
		_cleanup_free_ char *cut = mem_dup(b.data, n);
		struct ttrpc_request part;

		if (ttrpc_request_get(cut, n, &part, NULL) == 0)
			(void)ttrpc_request_md(&part, "empty");
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
		assert_null(q.service.p);
	}
}

static void unknown_fields_are_skipped(void **state)
{
	/* fixed32 9, fixed64 10, bytes 11, varint 12, and service as a varint, between the two that count */
	static const char bytes[] = "\x0a\x01s\x4d....\x51........\x5a\x02xx\x60\x96\x01\x08\x01\x12\x01m";
	struct ttrpc_request q;

	(void)state;
	assert_int_equal(ttrpc_request_get(bytes, sizeof bytes - 1, &q, NULL), 0);
	text_is(q.service, "s");
	text_is(q.method, "m");
	assert_null(q.payload);
}

static void metadata_is_bounded(void **state)
{
	const struct ttrpc_request q = { .service = TEXT("s"), .method = TEXT("m") };
	_cleanup_dict_ struct dict md = { 0 };
	struct ttrpc_request got;
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < TTRPC_METADATA_MAX; i++) {
		char key[16];

		(void)snprintf(key, sizeof key, "k%d", i);
		dict_set(&md, key, "v");
	}
	ttrpc_request_put(&b, &q, &md);
	assert_int_equal(ttrpc_request_get(b.data, b.len, &got, NULL), 0);
	text_is(ttrpc_request_md(&got, "k200"), "v");
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
		{ { .code = 5, .message = TEXT("no") }, "\x0a\x06\x08\x05\x12\x02no", 8 },
		{ { .code = 12 }, "\x0a\x02\x08\x0c", 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ttrpc_response s;
		_cleanup_buf_ struct buf b = { 0 };

		ttrpc_response_put(&b, &cases[i].s);
		assert_int_equal(b.len, cases[i].n);
		assert_memory_equal(buf_str(&b), cases[i].bytes, b.len);
		assert_int_equal(ttrpc_response_get(b.data, b.len, &s, NULL), 0);
		assert_int_equal(s.code, cases[i].s.code);
		assert_int_equal(s.len, cases[i].s.len);
		assert_int_equal(s.message.n, cases[i].s.message.n);
		if (s.message.n)
			assert_memory_equal(s.message.p, cases[i].s.message.p, s.message.n);
	}
	struct ttrpc_response s;
	struct err err = ERR_INIT;
	assert_int_equal(ttrpc_response_get("\x0a\x06\x08", 3, &s, &err), -ERR_INTERNAL);
	assert_int_equal(ttrpc_response_get("\x0a\x06\x08\xff\xff\xff\xff\x0f", 8, &s, NULL), 0);
	assert_int_equal(s.code, 2); /* a code that is none is "unknown" */
}

#define T(f) cmocka_unit_test(f)
RUN_TESTS("ttrpc-frame", T(frames), T(oversized_is_skipped), T(what_is_written_is_measured), T(requests_go_there_and_back),
	  T(requests_that_are_none), T(unknown_fields_are_skipped), T(metadata_is_bounded), T(responses))
