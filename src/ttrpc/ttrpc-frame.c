/* The codec of Request and Response is written by hand: five fields, read without copying anything, and the layer
 * needs no protobuf runtime for them. */
#include "ttrpc-frame.h"
#include <assert.h>
#include <string.h>

static uint32_t get32(const unsigned char *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

static void put32(char *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (char)(v >> (24 - 8 * i));
}

bool ttrpc_text_is(struct ttrpc_text t, const char *s) { return t.p && strlen(s) == t.n && !memcmp(t.p, s, t.n); }

static void skip_oversized(struct ttrpc_reader *r, const unsigned char **p, size_t *n)
{
	uint32_t k = r->skip < *n ? r->skip : (uint32_t)*n;

	r->skip -= k;
	*p += k;
	*n -= k;
}

int ttrpc_reader_next(struct ttrpc_reader *r, const unsigned char **p, size_t *n, struct ttrpc_frame *ret)
{
	const unsigned char *head;
	bool whole, fits;
	uint32_t len;

	skip_oversized(r, p, n);
	head = *p;
	if (*n < TTRPC_HEAD)
		return 0;
	len = get32(head);
	whole = *n - TTRPC_HEAD >= len;
	fits = len <= (r->max && !whole ? r->max : TTRPC_DATA_MAX);
	if (fits && !whole)
		return 0;
	*ret = (struct ttrpc_frame){ .id = get32(head + 4), .type = head[8], .flags = head[9], .oversized = !fits };
	*p += TTRPC_HEAD;
	*n -= TTRPC_HEAD;
	if (ret->oversized) {
		r->skip = len;
		skip_oversized(r, p, n);
		return 1;
	}
	ret->data = *p;
	ret->len = len;
	*p += len;
	*n -= len;
	return 1;
}

size_t ttrpc_frame_begin(struct buf *out, uint32_t id, enum ttrpc_type type, unsigned flags)
{
	char *head = buf_room(out, TTRPC_HEAD);

	put32(head, 0);
	put32(head + 4, id);
	head[8] = (char)type;
	head[9] = (char)flags;
	buf_grew(out, TTRPC_HEAD);
	return out->len - TTRPC_HEAD;
}

bool ttrpc_frame_end(struct buf *out, size_t begun)
{
	size_t len = out->len - begun - TTRPC_HEAD;

	if (len > TTRPC_DATA_MAX) {
		buf_cut(out, begun);
		return false;
	}
	put32(out->data + begun, (uint32_t)len);
	return true;
}

void ttrpc_frame_put(struct buf *out, uint32_t id, enum ttrpc_type type, unsigned flags, const void *data, size_t len)
{
	size_t begun = ttrpc_frame_begin(out, id, type, flags);
	bool fits;

	buf_add(out, data, len);
	fits = ttrpc_frame_end(out, begun);
	assert(fits);
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

static int get_fixed(struct cursor *c, uint64_t n, struct field *f)
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
	case FIXED64: return get_fixed(c, 8, f);
	case FIXED32: return get_fixed(c, 4, f);
	case BYTES: return get_varint(c, &f->value) < 0 ? -ERR_INVALID : get_fixed(c, f->value, f);
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

static int get_text(const struct field *f, struct ttrpc_text *to)
{
	if (f->wire != BYTES)
		return 0;
	if (memchr(f->bytes, 0, f->len))
		return -ERR_INVALID;
	*to = (struct ttrpc_text){ (const char *)f->bytes, f->len };
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
	struct ttrpc_text *pair = to;

	return f->number == 1 || f->number == 2 ? get_text(f, &pair[f->number - 1]) : 0;
}

/* A request that is being read. */
struct request_take {
	struct ttrpc_request *request;
	size_t n_md;
};

static int take_request(void *to, const struct field *f)
{
	struct request_take *t = to;
	struct ttrpc_request *q = t->request;
	struct ttrpc_text pair[2] = { 0 };

	switch (f->number) {
	case 1: return get_text(f, &q->service);
	case 2: return get_text(f, &q->method);
	case 3: get_bytes(f, &q->payload, &q->len); return 0;
	case 4:
		if (f->wire == VARINT)
			q->timeout_ns = f->value > INT64_MAX ? 0 : (int64_t)f->value;
		return 0;
	case 5:
		if (f->wire != BYTES)
			return 0;
		return t->n_md++ < TTRPC_METADATA_MAX ? get_message(f->bytes, f->len, take_pair, pair) : -ERR_INVALID;
	default: return 0;
	}
}

int ttrpc_request_get(const void *data, size_t n, struct ttrpc_request *ret, struct err *err)
{
	struct ttrpc_request q = { .data = data, .n = n };

	if (get_message(data, n, take_request, &(struct request_take){ .request = &q }) < 0)
		return err_set(err, ERR_INVALID, "malformed ttrpc request of %zu bytes", n);
	if (!q.service.p || !q.method.p)
		return err_set(err, ERR_INVALID, "ttrpc request without a service and a method");
	*ret = q;
	return 0;
}

struct md_search {
	const char *key;
	struct ttrpc_text value;
};

static int take_metadata(void *to, const struct field *f)
{
	struct md_search *s = to;
	struct ttrpc_text pair[2] = { 0 };

	if (f->number != 5 || f->wire != BYTES)
		return 0;
	(void)get_message(f->bytes, f->len, take_pair, pair);
	if (ttrpc_text_is(pair[0], s->key))
		s->value = pair[1].p ? pair[1] : (struct ttrpc_text){ "", 0 };
	return 0;
}

struct ttrpc_text ttrpc_request_md(const struct ttrpc_request *q, const char *key)
{
	struct md_search s = { .key = key };

	(void)get_message(q->data, q->n, take_metadata, &s);
	return s.value;
}

static int take_status(void *to, const struct field *f)
{
	struct ttrpc_response *s = to;

	if (f->number == 1 && f->wire == VARINT)
		s->code = f->value > 99 ? 2 : (unsigned)f->value;
	return f->number == 2 ? get_text(f, &s->message) : 0;
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

int ttrpc_response_get(const void *data, size_t n, struct ttrpc_response *ret, struct err *err)
{
	struct ttrpc_response s = { 0 };

	if (get_message(data, n, take_response, &s) < 0)
		return err_set(err, ERR_INTERNAL, "malformed ttrpc response of %zu bytes", n);
	*ret = s;
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

static void put_head(struct buf *out, uint32_t number, size_t n)
{
	put_varint(out, number << 3 | BYTES);
	put_varint(out, n);
}

static void put_bytes(struct buf *out, uint32_t number, const void *p, size_t n)
{
	if (!n)
		return;
	put_head(out, number, n);
	buf_add(out, p, n);
}

static size_t varint_size(uint64_t v)
{
	size_t n = 1;

	while (v >>= 7)
		n++;
	return n;
}

/* What put_number() and put_bytes() append, for a field number below 16. */
static size_t number_size(uint64_t v) { return v ? 1 + varint_size(v) : 0; }
static size_t bytes_size(size_t n) { return n ? 1 + varint_size(n) + n : 0; }

void ttrpc_request_put(struct buf *out, const struct ttrpc_request *q, const struct dict *md)
{
	put_bytes(out, 1, q->service.p, q->service.n);
	put_bytes(out, 2, q->method.p, q->method.n);
	put_bytes(out, 3, q->payload, q->len);
	put_number(out, 4, (uint64_t)q->timeout_ns);
	for (size_t i = 0; md && i < md->n; i++) {
		size_t key = strlen(md->v[i].key), value = strlen(md->v[i].value);

		put_head(out, 5, bytes_size(key) + bytes_size(value));
		put_bytes(out, 1, md->v[i].key, key);
		put_bytes(out, 2, md->v[i].value, value);
	}
}

void *ttrpc_response_room(struct buf *out, size_t len)
{
	if (len)
		put_head(out, 2, len);
	(void)buf_room(out, len);
	buf_grew(out, len);
	return out->data + out->len - len;
}

void ttrpc_response_put(struct buf *out, const struct ttrpc_response *s)
{
	if (s->code) {
		put_head(out, 1, number_size(s->code) + bytes_size(s->message.n));
		put_number(out, 1, s->code);
		put_bytes(out, 2, s->message.p, s->message.n);
	}
	put_bytes(out, 2, s->payload, s->len);
}
