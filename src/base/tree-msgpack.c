/* The first byte of a value says what it is and, by a table, how many bytes of a number follow: the value itself, or how many
 * bytes or members it has. A descent, as deep as a tree may be. */
#include "tree-msgpack.h"
#include "utf8.h"
#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum form { FORM_NIL, FORM_BOOL, FORM_UINT, FORM_INT, FORM_FLOAT, FORM_TEXT, FORM_LIST, FORM_MAP, FORM_BIN, FORM_EXT, FORM_NONE };

/* Of the first bytes 0xc0 to 0xdf; @size is of the number that follows. */
static const struct {
	enum form form;
	uint8_t size;
} forms[32] = {
	[0x00] = { FORM_NIL, 0 },  [0x01] = { FORM_NONE, 0 }, [0x02] = { FORM_BOOL, 0 },  [0x03] = { FORM_BOOL, 0 },
	[0x04] = { FORM_BIN, 1 },  [0x05] = { FORM_BIN, 2 },  [0x06] = { FORM_BIN, 4 },   [0x07] = { FORM_EXT, 1 },
	[0x08] = { FORM_EXT, 2 },  [0x09] = { FORM_EXT, 4 },  [0x0a] = { FORM_FLOAT, 4 }, [0x0b] = { FORM_FLOAT, 8 },
	[0x0c] = { FORM_UINT, 1 }, [0x0d] = { FORM_UINT, 2 }, [0x0e] = { FORM_UINT, 4 },  [0x0f] = { FORM_UINT, 8 },
	[0x10] = { FORM_INT, 1 },  [0x11] = { FORM_INT, 2 },  [0x12] = { FORM_INT, 4 },   [0x13] = { FORM_INT, 8 },
	[0x14] = { FORM_EXT, 0 },  [0x15] = { FORM_EXT, 0 },  [0x16] = { FORM_EXT, 0 },   [0x17] = { FORM_EXT, 0 },
	[0x18] = { FORM_EXT, 0 },  [0x19] = { FORM_TEXT, 1 }, [0x1a] = { FORM_TEXT, 2 },  [0x1b] = { FORM_TEXT, 4 },
	[0x1c] = { FORM_LIST, 2 }, [0x1d] = { FORM_LIST, 4 }, [0x1e] = { FORM_MAP, 2 },   [0x1f] = { FORM_MAP, 4 },
};

/* The beginning of a value. */
struct head {
	enum form form;
	uint8_t size;
	uint64_t n; /* its number; of an INT in two's complement, of a FLOAT its bits */
};

struct msgpack_in {
	struct tree *tree;
	const unsigned char *begin, *p, *end;
	struct err *err;
};

static struct node_place msgpack_place(const struct msgpack_in *in, const unsigned char *p)
{
	return (struct node_place){ 1, (uint32_t)(p - in->begin) + 1 };
}

static int msgpack_bad(struct msgpack_in *in, const unsigned char *p, const char *why)
{
	return tree_err(in->tree, msgpack_place(in, p), err_set(in->err, ERR_INVALID, "%s", why), in->err);
}

static int msgpack_full(struct msgpack_in *in) { return tree_err(in->tree, msgpack_place(in, in->p), tree_full(in->err), in->err); }

static struct head head_of_byte(unsigned char c)
{
	if (c < 0x80)
		return (struct head){ FORM_UINT, 0, c };
	if (c >= 0xe0)
		return (struct head){ FORM_INT, 0, (uint64_t)(int64_t)(int8_t)c };
	if (c < 0x90)
		return (struct head){ FORM_MAP, 0, c & 0xf };
	if (c < 0xa0)
		return (struct head){ FORM_LIST, 0, c & 0xf };
	if (c < 0xc0)
		return (struct head){ FORM_TEXT, 0, c & 0x1f };
	return (struct head){ forms[c & 0x1f].form, forms[c & 0x1f].size, c & 1 };
}

static uint64_t msgpack_number(const unsigned char *p, unsigned size)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < size; i++)
		n = n << 8 | p[i];
	return n;
}

/* What is wrong with a value of this beginning, the bytes @left behind it being all; NULL: nothing. */
static const char *head_wrong(const struct head *h, size_t left)
{
	if (h->form == FORM_NONE)
		return "a byte that begins no value (0xc1)";
	if (h->form == FORM_BIN)
		return "bytes (bin), where only texts are known";
	if (h->form == FORM_EXT)
		return "an extension (of cty: an unknown value)";
	if (((h->form == FORM_TEXT || h->form == FORM_LIST) && h->n > left) || (h->form == FORM_MAP && h->n > left / 2))
		return "cut short: fewer bytes than it says";
	return NULL;
}

static int head_read(struct msgpack_in *in, struct head *ret)
{
	const unsigned char *at = in->p;
	const char *wrong = NULL;
	struct head h;

	if (in->p == in->end)
		return msgpack_bad(in, at, "cut short: a value is missing");
	h = head_of_byte(*in->p++);
	if (h.size > (size_t)(in->end - in->p))
		return msgpack_bad(in, at, "cut short: a number is missing");
	if (h.size)
		h.n = msgpack_number(in->p, h.size);
	if (h.form == FORM_INT && h.size && h.size < 8 && h.n >> (8 * h.size - 1))
		h.n |= UINT64_MAX << (8 * h.size);
	in->p += h.size;
	wrong = head_wrong(&h, (size_t)(in->end - in->p));
	if (wrong)
		return msgpack_bad(in, at, wrong);
	*ret = h;
	return 0;
}

/* The @n bytes of a text are there. */
static int text_read(struct msgpack_in *in, size_t n, const char **ret)
{
	const char *from = (const char *)in->p;
	char *text;

	if (memchr(from, 0, n))
		return msgpack_bad(in, in->p, "a NUL in a text");
	if (!utf8_valid(from, n))
		return msgpack_bad(in, in->p, "a text that is not UTF-8");
	text = tree_room(in->tree, n + 1);
	if (!text)
		return msgpack_full(in);
	memcpy(text, from, n);
	text[n] = 0;
	in->p += n;
	*ret = text;
	return 0;
}

static double float_of(const struct head *h)
{
	const uint32_t bits = (uint32_t)h->n;
	float f;
	double d;

	memcpy(&f, &bits, sizeof f);
	memcpy(&d, &h->n, sizeof d);
	return h->size == 4 ? (double)f : d;
}

static int number_read(struct msgpack_in *in, const struct head *h, const unsigned char *at, const char **ret)
{
	char text[40], *kept;

	if (h->form == FORM_FLOAT && !isfinite(float_of(h)))
		return msgpack_bad(in, at, "a number that is infinite or none");
	if (h->form == FORM_FLOAT)
		(void)snprintf(text, sizeof text, "%.17g", float_of(h));
	else if (h->form == FORM_INT)
		(void)snprintf(text, sizeof text, "%lld", (long long)h->n);
	else
		(void)snprintf(text, sizeof text, "%llu", (unsigned long long)h->n);
	kept = tree_room(in->tree, strlen(text) + 1);
	if (!kept)
		return msgpack_full(in);
	memcpy(kept, text, strlen(text) + 1);
	*ret = kept;
	return 0;
}

static int value_read(struct msgpack_in *in, struct node *parent, const char *key, struct node_place key_at, unsigned depth);

static int key_read(struct msgpack_in *in, const char **ret)
{
	const unsigned char *at = in->p;
	struct head h = { 0 };
	int r = head_read(in, &h);

	if (r < 0)
		return r;
	return h.form == FORM_TEXT ? text_read(in, h.n, ret) : msgpack_bad(in, at, "a key of a map that is no text");
}

static int members_read(struct msgpack_in *in, struct node *n, uint64_t count, unsigned depth)
{
	const unsigned char *at = in->p;
	const struct node *twice;

	if (count && depth >= TREE_DEPTH_MAX)
		return msgpack_bad(in, at, "nested too deep");
	for (uint64_t i = 0; i < count; i++) {
		const struct node_place key_at = msgpack_place(in, in->p);
		const char *key = NULL;
		int r = n->kind == NODE_MAP ? key_read(in, &key) : 0;

		if (r >= 0)
			r = value_read(in, n, key, key_at, depth + 1);
		if (r < 0)
			return r;
	}
	twice = n->kind == NODE_MAP && count > 1 ? node_twice(n) : NULL;
	if (twice)
		return tree_err(in->tree, twice->key_at, err_set(in->err, ERR_INVALID, "key %.80s stands twice", twice->key),
				in->err);
	return 0;
}

static enum node_kind kind_of_form(enum form form)
{
	static const enum node_kind kinds[] = {
		[FORM_NIL] = NODE_NULL,     [FORM_BOOL] = NODE_BOOL, [FORM_UINT] = NODE_NUMBER, [FORM_INT] = NODE_NUMBER,
		[FORM_FLOAT] = NODE_NUMBER, [FORM_TEXT] = NODE_TEXT, [FORM_LIST] = NODE_LIST,   [FORM_MAP] = NODE_MAP,
	};

	return kinds[form];
}

static int value_read(struct msgpack_in *in, struct node *parent, const char *key, struct node_place key_at, unsigned depth)
{
	const unsigned char *at = in->p;
	struct head h = { 0 };
	struct node *n;
	int r = head_read(in, &h);

	if (r < 0)
		return r;
	n = tree_add(in->tree, parent, kind_of_form(h.form), msgpack_place(in, at));
	if (!n)
		return msgpack_full(in);
	n->key = key;
	n->key_at = key_at;
	if (n->kind == NODE_BOOL)
		n->yes = h.n & 1;
	if (n->kind == NODE_NUMBER)
		return number_read(in, &h, at, &n->text);
	if (n->kind == NODE_TEXT)
		return text_read(in, h.n, &n->text);
	return n->kind == NODE_LIST || n->kind == NODE_MAP ? members_read(in, n, h.n, depth) : 0;
}

int tree_msgpack(const void *data, size_t len, struct tree *tree, struct err *err)
{
	struct msgpack_in in = { .tree = tree, .begin = data, .p = data, .end = (const unsigned char *)data + len, .err = err };
	int r;

	if (len > TREE_MSGPACK_MAX)
		return err_set(err, ERR_EXHAUSTED, "%s: more than %d MiB", tree->file, TREE_MSGPACK_MAX >> 20);
	r = value_read(&in, NULL, NULL, (struct node_place){ 0 }, 1);
	if (r >= 0 && in.p < in.end)
		r = msgpack_bad(&in, in.p, "something behind the value");
	return r;
}

/* ---- writing */

/* @first and the lowest @size bytes of @n. */
static void msgpack_head(struct buf *out, unsigned first, unsigned size, uint64_t n)
{
	char *p = buf_room(out, 1 + size);

	*p++ = (char)first;
	for (unsigned i = size; i-- > 0;)
		*p++ = (char)(n >> 8 * i);
	buf_grew(out, 1 + size);
}

void msgpack_map(struct buf *out, size_t n)
{
	if (n < 16)
		msgpack_head(out, 0x80 | (unsigned)n, 0, 0);
	else if (n <= UINT16_MAX)
		msgpack_head(out, 0xde, 2, n);
	else
		msgpack_head(out, 0xdf, 4, n);
}

void msgpack_list(struct buf *out, size_t n)
{
	if (n < 16)
		msgpack_head(out, 0x90 | (unsigned)n, 0, 0);
	else if (n <= UINT16_MAX)
		msgpack_head(out, 0xdc, 2, n);
	else
		msgpack_head(out, 0xdd, 4, n);
}

void msgpack_text(struct buf *out, const char *text)
{
	const size_t n = text ? strlen(text) : 0;

	if (!text)
		msgpack_nil(out);
	else if (n < 32)
		msgpack_head(out, 0xa0 | (unsigned)n, 0, 0);
	else if (n <= UINT8_MAX)
		msgpack_head(out, 0xd9, 1, n);
	else if (n <= UINT16_MAX)
		msgpack_head(out, 0xda, 2, n);
	else
		msgpack_head(out, 0xdb, 4, n);
	buf_add(out, text, n);
}

static void put_negative(struct buf *out, int64_t n)
{
	if (n >= -32)
		msgpack_head(out, (unsigned char)n, 0, 0);
	else if (n >= INT8_MIN)
		msgpack_head(out, 0xd0, 1, (uint64_t)n);
	else if (n >= INT16_MIN)
		msgpack_head(out, 0xd1, 2, (uint64_t)n);
	else if (n >= INT32_MIN)
		msgpack_head(out, 0xd2, 4, (uint64_t)n);
	else
		msgpack_head(out, 0xd3, 8, (uint64_t)n);
}

void msgpack_int(struct buf *out, int64_t n)
{
	if (n < 0)
		put_negative(out, n);
	else if (n < 0x80)
		msgpack_head(out, (unsigned)n, 0, 0);
	else if (n <= UINT8_MAX)
		msgpack_head(out, 0xcc, 1, (uint64_t)n);
	else if (n <= UINT16_MAX)
		msgpack_head(out, 0xcd, 2, (uint64_t)n);
	else if (n <= UINT32_MAX)
		msgpack_head(out, 0xce, 4, (uint64_t)n);
	else
		msgpack_head(out, 0xcf, 8, (uint64_t)n);
}

void msgpack_float(struct buf *out, double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof bits);
	msgpack_head(out, 0xcb, 8, bits);
}

void msgpack_bool(struct buf *out, bool yes) { msgpack_head(out, yes ? 0xc3 : 0xc2, 0, 0); }

void msgpack_nil(struct buf *out) { msgpack_head(out, 0xc0, 0, 0); }

static void put_tree_number(struct buf *out, const struct node *n)
{
	int64_t whole = 0;
	bool fits = false;
	double d = 0;

	if (node_whole(n, &whole, &fits) && fits)
		msgpack_int(out, whole);
	else if (node_number(n, &d))
		msgpack_float(out, d);
}

void msgpack_node(struct buf *out, const struct node *n)
{
	if (n->kind == NODE_NULL)
		msgpack_nil(out);
	if (n->kind == NODE_BOOL)
		msgpack_bool(out, n->yes);
	if (n->kind == NODE_NUMBER)
		put_tree_number(out, n);
	if (n->kind == NODE_TEXT)
		msgpack_text(out, n->text);
	if (n->kind == NODE_LIST)
		msgpack_list(out, n->n);
	if (n->kind == NODE_MAP)
		msgpack_map(out, n->n);
	for (const struct node *m = n->kind >= NODE_LIST ? n->first : NULL; m; m = m->next) {
		if (n->kind == NODE_MAP)
			msgpack_text(out, m->key);
		msgpack_node(out, m);
	}
}
