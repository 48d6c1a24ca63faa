/* protobuf-c recurses once for each level of nesting and turns a few bytes into a struct, so the input is read twice: a
 * scan by the message's own descriptor that allocates nothing, then the real unpacking with memory from the arena, which
 * says no beyond its cap. What protobuf-c frees on the way stays until the arena goes. */
#include "pb.h"
#include "mem.h"
#include "utf8.h"
#include <stdalign.h>
#include <stdbool.h>
#include <string.h>

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	alignas(max_align_t) char data[];
};

enum { BLOCK_MIN = 4096, BLOCK_MAX = 1 << 20, FIELD_MAX = (1 << 29) - 1 };

void arena_done(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
	a->used = 0;
}

static struct arena_block *block_new(struct arena *a, size_t n)
{
	size_t size = a->blocks ? 2 * a->blocks->size : BLOCK_MIN;
	struct arena_block *b;

	if (size > BLOCK_MAX)
		size = BLOCK_MAX;
	if (size < n)
		size = n;
	b = mem_resize(NULL, sizeof *b + size);
	b->next = a->blocks;
	b->size = size;
	b->used = 0;
	a->blocks = b;
	return b;
}

void arena_reset(struct arena *a)
{
	size_t size = 0;

	for (const struct arena_block *b = a->blocks; b; b = b->next)
		size += b->size;
	if (a->blocks && (a->blocks->next || size > ARENA_KEEP)) {
		arena_done(a);
		if (size <= ARENA_KEEP)
			(void)block_new(a, size); /* one, in which all that was in several has room */
	}
	if (a->blocks)
		a->blocks->used = 0;
	a->used = 0;
}

static void *arena_take(struct arena *a, size_t n)
{
	struct arena_block *b = a->blocks;
	void *p;

	n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!b || b->size - b->used < n)
		b = block_new(a, n);
	p = b->data + b->used;
	b->used += n;
	a->used += n;
	return p;
}

void *arena_get(struct arena *a, size_t n) { return n ? memset(arena_take(a, n), 0, n) : NULL; }

static void *capped_alloc(void *arg, size_t n)
{
	struct arena *a = arg;

	if (n > PB_MEMORY_MAX || a->used > PB_MEMORY_MAX - n) {
		a->used = PB_MEMORY_MAX + 1; /* how pb_unpack() tells this from malformed input */
		return NULL;
	}
	return arena_take(a, n);
}

static void no_free(void *arg, void *p)
{
	(void)arg;
	(void)p;
}

/* What is left of the input of a scan. */
struct span {
	const uint8_t *p, *end;
};

static bool take_varint(struct span *s, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && s->p < s->end; shift += 7) {
		uint8_t byte = *s->p++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

static bool take_bytes(struct span *s, uint64_t n, struct span *ret)
{
	if (n > (uint64_t)(s->end - s->p))
		return false;
	*ret = (struct span){ s->p, s->p + n };
	s->p += n;
	return true;
}

/* The content of the next field by its wire type; fixed-width and varint fields have none worth looking at. */
static bool take_field(struct span *s, uint64_t *ret_id, bool *ret_delimited, struct span *ret)
{
	uint64_t tag, n;

	if (!take_varint(s, &tag) || !(tag >> 3) || tag >> 3 > FIELD_MAX)
		return false;
	*ret_id = tag >> 3;
	*ret_delimited = (tag & 7) == 2;
	switch (tag & 7) {
	case 0: return take_varint(s, &n);
	case 1: return take_bytes(s, 8, ret);
	case 2: return take_varint(s, &n) && take_bytes(s, n, ret);
	case 5: return take_bytes(s, 4, ret);
	default: return false; /* groups: protobuf-c has none */
	}
}

static const char *scan_text(const struct span *in, bool strict)
{
	const size_t n = (size_t)(in->end - in->p);

	if (n && memchr(in->p, 0, n))
		return "a string with a NUL in it";
	return n && strict && !utf8_valid((const char *)in->p, n) ? "a string that is no UTF-8" : NULL;
}

static const char *scan(const ProtobufCMessageDescriptor *type, struct span s, unsigned depth, bool strict)
{
	if (depth > PB_DEPTH_MAX)
		return "nested too deeply";
	while (s.p < s.end) {
		const ProtobufCFieldDescriptor *f;
		struct span in = { 0 };
		bool delimited;
		uint64_t id;
		const char *wrong = NULL;

		if (!take_field(&s, &id, &delimited, &in))
			return "malformed";
		if (!delimited)
			continue;
		f = protobuf_c_message_descriptor_get_field(type, (unsigned)id);
		if (f && f->type == PROTOBUF_C_TYPE_MESSAGE)
			wrong = scan(f->descriptor, in, depth + 1, strict);
		else if (f && f->type == PROTOBUF_C_TYPE_STRING)
			wrong = scan_text(&in, strict);
		if (wrong)
			return wrong;
	}
	return NULL;
}

static int unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t len, bool strict, struct arena *a,
		  const ProtobufCMessage **ret, struct err *err)
{
	ProtobufCAllocator alloc = { .alloc = capped_alloc, .free = no_free, .allocator_data = a };
	const uint8_t *p = len ? data : (const uint8_t *)"";
	const char *wrong = scan(type, (struct span){ p, p + len }, 1, strict);
	const ProtobufCMessage *msg;

	if (wrong)
		return err_set(err, ERR_DATA_LOSS, "message %s: %s", type->name, wrong);
	msg = protobuf_c_message_unpack(type, &alloc, len, p);
	if (!msg && a->used > PB_MEMORY_MAX)
		return err_set(err, ERR_EXHAUSTED, "message %s: more than %d MiB unpacked", type->name, PB_MEMORY_MAX >> 20);
	if (!msg)
		return err_set(err, ERR_DATA_LOSS, "message %s: malformed", type->name);
	*ret = msg;
	return 0;
}

int pb_unpack(const ProtobufCMessageDescriptor *type, const void *data, size_t len, struct arena *a, const ProtobufCMessage **ret,
	      struct err *err)
{
	return unpack(type, data, len, false, a, ret, err);
}

int pb_unpack_strict(const ProtobufCMessageDescriptor *type, const void *data, size_t len, struct arena *a,
		     const ProtobufCMessage **ret, struct err *err)
{
	return unpack(type, data, len, true, a, ret, err);
}

void pb_pack(const ProtobufCMessage *msg, struct buf *out)
{
	size_t n = protobuf_c_message_get_packed_size(msg);

	(void)protobuf_c_message_pack(msg, (uint8_t *)buf_room(out, n));
	buf_grew(out, n);
}
