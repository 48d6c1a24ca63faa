/* The codec of Request and Response is written by hand: five fields, read without copying the payload, and the layer
 * needs no protobuf runtime for them. */
#include "ttrpc-frame.h"
#include "mem.h"
#include <assert.h>
#include <string.h>

enum { RESERVE_MAX = 64 << 10 }; /* room that is made on the peer's word alone */

void ttrpc_frame_done(struct ttrpc_frame *f)
{
	buf_done(&f->data);
	*f = (struct ttrpc_frame){ 0 };
}

void ttrpc_reader_done(struct ttrpc_reader *r)
{
	ttrpc_frame_done(&r->frame);
	*r = (struct ttrpc_reader){ 0 };
}

static uint32_t get32(const unsigned char *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

static void put32(struct buf *out, uint32_t v)
{
	const unsigned char b[4] = {
		(unsigned char)(v >> 24),
		(unsigned char)(v >> 16),
		(unsigned char)(v >> 8),
		(unsigned char)v,
	};

	buf_add(out, b, sizeof b);
}

static void begin_frame(struct ttrpc_reader *r)
{
	r->left = get32(r->head);
	r->frame.id = get32(r->head + 4);
	r->frame.type = r->head[8];
	r->frame.flags = r->head[9];
	r->frame.oversized = r->left > TTRPC_DATA_MAX;
	if (!r->frame.oversized)
		(void)buf_room(&r->frame.data, r->left < RESERVE_MAX ? r->left : RESERVE_MAX);
}

int ttrpc_reader_feed(struct ttrpc_reader *r, const unsigned char **p, size_t *n, struct ttrpc_frame *ret)
{
	size_t k;

	if (r->n_head < TTRPC_HEAD) {
		k = TTRPC_HEAD - r->n_head < *n ? TTRPC_HEAD - r->n_head : *n;
		memcpy(r->head + r->n_head, *p, k);
		r->n_head += k;
		*p += k;
		*n -= k;
		if (r->n_head < TTRPC_HEAD)
			return 0;
		begin_frame(r);
	}
	k = r->left < *n ? r->left : *n;
	if (!r->frame.oversized)
		buf_add(&r->frame.data, *p, k);
	*p += k;
	*n -= k;
	r->left -= (uint32_t)k;
	if (r->left)
		return 0;

	ttrpc_frame_done(ret);
	*ret = r->frame;
	*r = (struct ttrpc_reader){ 0 };
	return 1;
}

void ttrpc_frame_put(struct buf *out, uint32_t id, enum ttrpc_type type, unsigned flags, const void *data, size_t len)
{
	assert(len <= TTRPC_DATA_MAX);
	put32(out, (uint32_t)len);
	put32(out, id);
	buf_addc(out, (char)type);
	buf_addc(out, (char)flags);
	buf_add(out, data, len);
}

/* --- protobuf, as much of it as two messages need --- */

enum wire { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };
struct field {
	uint32_t number;
	enum wire wire;
	uint64_t value;
	const unsigned char *bytes;
	size_t len;
};
struct cursor {
	const unsigned char *p, *end;
};

static int get_varint(struct cursor *c, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (c->p == c->end)
			return -ERR_INVALID;
		v |= (uint64_t)(*c->p & 0x7f) << shift;
		if (!(*c->p++ & 0x80)) {
			*ret = v;
			return 0;
		}
	}
	return -ERR_INVALID;
}

static int skip(struct cursor *c, uint64_t n, struct field *f)
{
	if (n > (uint64_t)(c->end - c->p))
		return -ERR_INVALID;
	f->bytes = c->p;
	f->len = (size_t)n;
	c->p += n;
	return 1;
}

/* The next field: 1; 0 at the end; -ERR_INVALID. */
static int get_field(struct cursor *c, struct field *f)
{
	uint64_t key;

	if (c->p == c->end)
		return 0;
	if (get_varint(c, &key) < 0 || key > UINT32_MAX || key < 8)
		return -ERR_INVALID;
	*f = (struct field){ .number = (uint32_t)key >> 3, .wire = (enum wire)(key & 7) };
	switch (f->wire) {
	case VARINT: return get_varint(c, &f->value) < 0 ? -ERR_INVALID : 1;
	case FIXED64: return skip(c, 8, f);
	case FIXED32: return skip(c, 4, f);
	case BYTES: return get_varint(c, &f->value) < 0 ? -ERR_INVALID : skip(c, f->value, f);
	default: return -ERR_INVALID;
	}
}

/* Fields of one message to @take; those of a wire type that the field has not are skipped, as unknown ones are. */
static int get_message(const void *data, size_t n, int (*take)(void *to, const struct field *), void *to)
{
	struct cursor c = { data, n ? (const unsigned char *)data + n : data };
	struct field f;
	int r;

	while ((r = get_field(&c, &f)) > 0) {
		r = take(to, &f);
		if (r < 0)
			return r;
	}
	return r;
}

static int get_string(const struct field *f, char **to)
{
	if (f->wire != BYTES)
		return 0;
	if (memchr(f->bytes, 0, f->len))
		return -ERR_INVALID;
	free(*to);
	*to = mem_strndup((const char *)f->bytes, f->len);
	return 0;
}

static void get_bytes(const struct field *f, const void **p, size_t *len)
{
	if (f->wire != BYTES)
		return;
	*p = f->bytes;
	*len = f->len;
}

static int take_pair(void *to, const struct field *f)
{
	char **pair = to;

	return f->number == 1 || f->number == 2 ? get_string(f, &pair[f->number - 1]) : 0;
}

static int take_metadata(struct ttrpc_request *q, const struct field *f)
{
	char *pair[2] = { NULL, NULL };
	int r;

	if (f->wire != BYTES)
		return 0;
	r = q->md.n < TTRPC_METADATA_MAX ? get_message(f->bytes, f->len, take_pair, pair) : -ERR_INVALID;
	if (r == 0 && pair[0])
		dict_set(&q->md, pair[0], pair[1] ? pair[1] : "");
	free(pair[0]);
	free(pair[1]);
	return r;
}

static int take_request(void *to, const struct field *f)
{
	struct ttrpc_request *q = to;

	switch (f->number) {
	case 1: return get_string(f, &q->service);
	case 2: return get_string(f, &q->method);
	case 3: get_bytes(f, &q->payload, &q->len); return 0;
	case 4:
		if (f->wire == VARINT)
			q->timeout_ns = f->value > INT64_MAX ? 0 : (int64_t)f->value;
		return 0;
	case 5: return take_metadata(q, f);
	default: return 0;
	}
}

void ttrpc_request_done(struct ttrpc_request *q)
{
	free(q->service);
	free(q->method);
	dict_done(&q->md);
	*q = (struct ttrpc_request){ 0 };
}

int ttrpc_request_get(const void *data, size_t n, struct ttrpc_request *ret, struct err *err)
{
	_cleanup_(ttrpc_request_done) struct ttrpc_request q = { 0 };

	if (get_message(data, n, take_request, &q) < 0)
		return err_set(err, ERR_INVALID, "malformed ttrpc request of %zu bytes", n);
	if (!q.service || !q.method)
		return err_set(err, ERR_INVALID, "ttrpc request without a service and a method");
	*ret = q;
	q = (struct ttrpc_request){ 0 };
	return 0;
}

static int take_status(void *to, const struct field *f)
{
	struct ttrpc_response *s = to;

	if (f->number == 1 && f->wire == VARINT)
		s->code = f->value > 99 ? 2 : (unsigned)f->value;
	return f->number == 2 ? get_string(f, &s->message) : 0;
}

static int take_response(void *to, const struct field *f)
{
	struct ttrpc_response *s = to;

	if (f->number == 1 && f->wire == BYTES)
		return get_message(f->bytes, f->len, take_status, s);
	if (f->number == 2)
		get_bytes(f, &s->payload, &s->len);
	return 0;
}

void ttrpc_response_done(struct ttrpc_response *s)
{
	free(s->message);
	*s = (struct ttrpc_response){ 0 };
}

int ttrpc_response_get(const void *data, size_t n, struct ttrpc_response *ret, struct err *err)
{
	_cleanup_(ttrpc_response_done) struct ttrpc_response s = { 0 };

	if (get_message(data, n, take_response, &s) < 0)
		return err_set(err, ERR_INTERNAL, "malformed ttrpc response of %zu bytes", n);
	*ret = s;
	s = (struct ttrpc_response){ 0 };
	return 0;
}

static void put_varint(struct buf *out, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_addc(out, (char)(v | 0x80));
	buf_addc(out, (char)v);
}

/* Defaults are left out, as proto3 does. */
static void put_number(struct buf *out, uint32_t number, uint64_t v)
{
	if (!v)
		return;
	put_varint(out, number << 3 | VARINT);
	put_varint(out, v);
}

static void put_bytes(struct buf *out, uint32_t number, const void *p, size_t n)
{
	put_varint(out, number << 3 | BYTES);
	put_varint(out, n);
	buf_add(out, p, n);
}

static void put_string(struct buf *out, uint32_t number, const char *s)
{
	if (s && *s)
		put_bytes(out, number, s, strlen(s));
}

void ttrpc_request_put(struct buf *out, const struct ttrpc_request *q)
{
	put_string(out, 1, q->service);
	put_string(out, 2, q->method);
	if (q->len)
		put_bytes(out, 3, q->payload, q->len);
	put_number(out, 4, (uint64_t)q->timeout_ns);
	for (size_t i = 0; i < q->md.n; i++) {
		_cleanup_buf_ struct buf pair = { 0 };

		put_string(&pair, 1, q->md.v[i].key);
		put_string(&pair, 2, q->md.v[i].value);
		put_bytes(out, 5, pair.data, pair.len);
	}
}

void ttrpc_response_put(struct buf *out, const struct ttrpc_response *s)
{
	_cleanup_buf_ struct buf status = { 0 };

	if (s->code) {
		put_number(&status, 1, s->code);
		put_string(&status, 2, s->message);
		put_bytes(out, 1, status.data, status.len);
	}
	if (s->len)
		put_bytes(out, 2, s->payload, s->len);
}
