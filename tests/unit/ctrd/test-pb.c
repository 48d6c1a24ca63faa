/* The bounded unpacking of src/proto, with messages that are made to hurt. */
#include "test.h"
#include <stdbool.h>
#include "containers.pb-c.h"
#include "events.pb-c.h"
#include "mem.h"
#include "pb.h"
#include "types.pb-c.h"
#include <malloc.h>

/* A message that may hold itself, which none of containerd's may. */
extern const ProtobufCMessageDescriptor nested_descriptor;
struct nested {
	ProtobufCMessage base;
	struct nested *inner;
};
static const ProtobufCFieldDescriptor nested_fields[] = { {
	.name = "inner",
	.id = 1,
	.label = PROTOBUF_C_LABEL_NONE,
	.type = PROTOBUF_C_TYPE_MESSAGE,
	.offset = offsetof(struct nested, inner),
	.descriptor = &nested_descriptor,
} };
static const unsigned nested_names[] = { 0 };
static const ProtobufCIntRange nested_ranges[] = { { 1, 0 }, { 0, 1 } };
const ProtobufCMessageDescriptor nested_descriptor = {
	.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
	.name = "Nested",
	.short_name = "Nested",
	.c_name = "Nested",
	.package_name = "",
	.sizeof_message = sizeof(struct nested),
	.n_fields = 1,
	.fields = nested_fields,
	.fields_sorted_by_name = nested_names,
	.n_field_ranges = 1,
	.field_ranges = nested_ranges,
};

static int unpack(const ProtobufCMessageDescriptor *type, const void *p, size_t n, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	const ProtobufCMessage *msg = NULL;
	int r = pb_unpack(type, p, n, &a, &msg, err);

	assert_true((r == 0) == (msg != NULL));
	return r;
}

static void add_varint(struct buf *b, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		buf_addc(b, (char)(v | 0x80));
	buf_addc(b, (char)v);
}

static void bounds_nesting(void **state)
{
	(void)state;
	for (unsigned depth = 1; depth < 2000; depth = depth < PB_DEPTH_MAX + 3 ? depth + 1 : depth * 2) {
		_cleanup_buf_ struct buf b = { 0 };
		struct err err = ERR_INIT;
		int want = depth <= PB_DEPTH_MAX ? 0 : -ERR_DATA_LOSS;

		for (unsigned i = 1; i < depth; i++) { /* from the inside out */
			_cleanup_buf_ struct buf outer = { 0 };

			buf_addc(&outer, 0x0a);
			add_varint(&outer, b.len);
			buf_add(&outer, b.data, b.len);
			buf_done(&b);
			b = outer;
			outer = (struct buf){ 0 };
		}
		assert_int_equal(unpack(&nested_descriptor, b.data, b.len, &err), want);
		if (want)
			assert_string_equal(err.msg, "message Nested: nested too deeply");
	}
}

static void bounds_memory(void **state)
{
	enum { N = 6 << 20 };
	_cleanup_buf_ struct buf b = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < N; i++) /* an empty label each two bytes */
		buf_add(&b, "\x12\x00", 2);
	assert_int_equal(unpack(&containers__container__descriptor, b.data, b.len, &err), -ERR_EXHAUSTED);
	assert_non_null(strstr(err.msg, "more than 64 MiB"));
	err = (struct err)ERR_INIT;
	assert_int_equal(unpack(&containers__container__descriptor, b.data, 1 << 16, &err), 0);
}

static void refuses_what_is_malformed(void **state)
{
	static const struct {
		const char *what, *bytes;
		size_t n;
		int code;
	} cases[] = {
		{ "nothing at all", "", 0, 0 },
		{ "a string",
		  "\x0a\x03"
		  "abc",
		  5, 0 },
		{ "an empty string", "\x0a\x00", 2, 0 },
		{ "bytes that are no UTF-8", "\x0a\x02\xff\xfe", 4, 0 },
		{ "a NUL in a string",
		  "\x0a\x03"
		  "a\0b",
		  5, -ERR_DATA_LOSS },
		{ "a NUL at its end",
		  "\x0a\x02"
		  "a\0",
		  4, -ERR_DATA_LOSS },
		{ "a NUL in bytes of an Any",
		  "\x2a\x05\x12\x03"
		  "a\0b",
		  7, 0 },
		{ "a NUL in a string below",
		  "\x12\x05\x0a\x03"
		  "a\0b",
		  7, -ERR_DATA_LOSS },
		{ "a NUL in an unknown field",
		  "\xfa\x01\x03"
		  "a\0b",
		  6, 0 },
		{ "a length beyond the end",
		  "\x0a\x04"
		  "abc",
		  5, -ERR_DATA_LOSS },
		{ "a length of 2^64-1", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, -ERR_DATA_LOSS },
		{ "a length of 2^32 beyond", "\x0a\xff\xff\xff\xff\x0f", 6, -ERR_DATA_LOSS },
		{ "a tag alone", "\x0a", 1, -ERR_DATA_LOSS },
		{ "a varint of eleven bytes", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, -ERR_DATA_LOSS },
		{ "field 0", "\x02\x00", 2, -ERR_DATA_LOSS },
		{ "field 0 in two bytes", "\x80\x00\x00", 3, -ERR_DATA_LOSS },
		{ "field 2^29", "\x80\x80\x80\x80\x10\x00", 6, -ERR_DATA_LOSS },
		{ "a group", "\x0b\x0c", 2, -ERR_DATA_LOSS },
		{ "wire type 7", "\x0f", 1, -ERR_DATA_LOSS },
		{ "a fixed64 cut short", "\x09\0\0\0\0\0\0\0", 8, -ERR_DATA_LOSS },
		{ "a number where a string is known", "\x08\x01", 2, -ERR_DATA_LOSS },
		{ "a string where a message is known",
		  "\x22\x01"
		  "a",
		  3, -ERR_DATA_LOSS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = ERR_INIT;
		void *exact = mem_dup(cases[i].bytes, cases[i].n); /* so that a sanitizer sees a read behind it */
		int r = unpack(&containers__container__descriptor, exact, cases[i].n, &err);

		free(exact);
		if (r != cases[i].code)
			fail_msg("%s: %d: %s", cases[i].what, r, err.msg);
	}
}

/* A message that comes in two pieces is merged; unknown fields are no error. */
static void takes_what_the_format_allows(void **state)
{
	static const char bytes[] = "\x22\x03\x0a\x01"
				    "a"
				    "\x22\x07\x12\x05\x0a\x03"
				    "url"
				    "\xf8\x07\x05";
	_cleanup_arena_ struct arena a = { 0 };
	const ProtobufCMessage *msg = NULL;
	const Containers__Container *c;

	(void)state;
	assert_int_equal(pb_unpack(&containers__container__descriptor, bytes, sizeof bytes - 1, &a, &msg, NULL), 0);
	c = (const void *)msg;
	assert_string_equal(c->runtime->name, "a");
	assert_string_equal(c->runtime->options->type_url, "url");
	assert_string_equal(c->id, "");
	assert_null(c->spec);
}

/* containerd tells paths of any bytes; what a client tells a server is text. */
static void a_server_wants_utf8(void **state)
{
	static const struct {
		const char *bytes;
		bool is_text;
	} rows[] = { { "\x0a\x02\xc3\xa9", true },
		     { "\x0a\x02\xc3(", false },
		     { "\x0a\x01\xff", false },
		     { "\x22\x03\x0a\x01\xff", false } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_arena_ struct arena a = { 0 };
		const ProtobufCMessage *msg = NULL;
		const size_t n = strlen(rows[i].bytes);

		assert_int_equal(pb_unpack(&containers__container__descriptor, rows[i].bytes, n, &a, &msg, NULL), 0);
		assert_int_equal(pb_unpack_strict(&containers__container__descriptor, rows[i].bytes, n, &a, &msg, NULL),
				 rows[i].is_text ? 0 : -ERR_DATA_LOSS);
	}
}

static void packs_without_what_is_null(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	Types__Mount m = TYPES__MOUNT__INIT;

	(void)state;
	m.type = NULL;
	m.source = (char[]){ "s" };
	buf_adds(&b, "<");
	pb_pack(&m.base, &b);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "<\x12\x01s", 4);
}

static void arena_gives_aligned_zeroes(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };

	(void)state;
	assert_null(arena_get(&a, 0));
	for (size_t n = 1; n < 3 << 20; n = n * 3 + 1) {
		char *p = arena_get(&a, n);

		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		assert_int_equal(p[0] | p[n / 2] | p[n - 1], 0);
		memset(p, 0xff, n);
	}
}

static void arena_keeps_what_it_needed_last(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	char *first = NULL;

	(void)state;
	arena_reset(&a); /* of nothing */
	for (int i = 0; i < 5; i++) {
		char *p = NULL;

		for (int k = 0; k < 10; k++)
			p = memset(arena_get(&a, 1000), 0xff, 1000);
		assert_int_equal(a.used >= 10000, 1);
		assert_true(i < 2 || p == first); /* the same room again, from the second round on */
		first = p;
		arena_reset(&a);
		assert_int_equal(a.used, 0);
		assert_int_equal(*(char *)arena_get(&a, 1), 0); /* zeroed anew */
		arena_reset(&a);
	}
	(void)arena_get(&a, 4 << 20);
	arena_reset(&a);
	assert_true(!a.blocks || malloc_usable_size(a.blocks) < 2 * ARENA_KEEP); /* not what one huge message needed */
}

RUN_TESTS("pb", cmocka_unit_test(bounds_nesting), cmocka_unit_test(bounds_memory), cmocka_unit_test(refuses_what_is_malformed),
	  cmocka_unit_test(takes_what_the_format_allows), cmocka_unit_test(a_server_wants_utf8),
	  cmocka_unit_test(packs_without_what_is_null), cmocka_unit_test(arena_gives_aligned_zeroes),
	  cmocka_unit_test(arena_keeps_what_it_needed_last))
