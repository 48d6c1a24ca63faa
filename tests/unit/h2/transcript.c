#include "test.h"
#include "transcript.h"
#include "grpc-frame.h"
#include "mem.h"
#include "strv.h"
#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdio.h>

enum { BLOCK_MAX = 16000 };

static void put(struct buf *out, uint64_t v, unsigned bytes)
{
	while (bytes--)
		buf_addc(out, (char)(v >> 8 * bytes));
}

static void frame(struct buf *out, unsigned type, unsigned flags, uint32_t id, const struct buf *payload)
{
	put(out, payload->len, 3);
	put(out, type, 1);
	put(out, flags, 1);
	put(out, id, 4);
	buf_add(out, payload->data, payload->len);
}

static void hex(struct buf *out, const char *s)
{
	unsigned byte;

	for (; *s; s += 2) {
		assert_int_equal(sscanf(s, "%2x", &byte), 1);
		buf_addc(out, (char)byte);
	}
}

/* HPACK's integer with a prefix of seven bits. */
static void put_length(struct buf *out, size_t n)
{
	if (n < 127) {
		put(out, n, 1);
		return;
	}
	put(out, 127, 1);
	for (n -= 127; n >= 128; n /= 128)
		put(out, n % 128 + 128, 1);
	put(out, n, 1);
}

static void put_field(struct buf *out, const char *name, size_t name_len, const char *value)
{
	_cleanup_buf_ struct buf v = { 0 };

	if (*value == '*') {
		size_t n = strtoul(value + 1, NULL, 10);

		memset(buf_room(&v, n), 'x', n);
		buf_grew(&v, n);
	} else {
		buf_adds(&v, value);
	}
	put(out, 0, 1); /* a literal that is not indexed */
	put_length(out, name_len);
	buf_add(out, name, name_len);
	put_length(out, v.len);
	buf_add(out, v.data, v.len);
}

static void headers(struct buf *out, const struct strv *w, uint32_t id, unsigned end)
{
	_cleanup_buf_ struct buf block = { 0 };
	bool first = true, last = false;

	for (size_t i = 2; i < w->n; i++) {
		const char *eq = strchr(w->v[i] + 1, '=');

		assert_non_null(eq);
		put_field(&block, w->v[i], (size_t)(eq - w->v[i]), eq + 1);
	}
	while (!last) {
		struct buf part = { .data = block.data, .len = block.len < BLOCK_MAX ? block.len : BLOCK_MAX };

		last = part.len == block.len;
		frame(out, first ? NGHTTP2_HEADERS : NGHTTP2_CONTINUATION,
		      (first ? end : 0) | (last ? NGHTTP2_FLAG_END_HEADERS : 0), id, &part);
		buf_drop(&block, part.len);
		first = false;
	}
}

static void settings(struct buf *p, const struct strv *w)
{
	unsigned key, value;

	for (size_t i = 1; i < w->n; i++) {
		assert_int_equal(sscanf(w->v[i], "%u=%u", &key, &value), 2);
		put(p, key, 2);
		put(p, value, 4);
	}
}

static void command(struct buf *out, const char *text)
{
	_cleanup_strv_ struct strv w = { 0 };
	_cleanup_buf_ struct buf p = { 0 };
	const char *name, *arg;
	unsigned end;
	uint32_t id;

	strv_split(&w, text, " \n\t");
	if (!w.n)
		return;
	name = w.v[0];
	id = w.n > 1 ? (uint32_t)strtoul(w.v[1], NULL, 10) : 0;
	end = w.n > 1 && strchr(w.v[1], '!') ? NGHTTP2_FLAG_END_STREAM : 0;
	arg = w.n > 2 ? w.v[2] : "";
	if (!strcmp(name, "preface")) {
		buf_adds(out, NGHTTP2_CLIENT_MAGIC);
	} else if (!strcmp(name, "settings")) {
		settings(&p, &w);
		frame(out, NGHTTP2_SETTINGS, 0, 0, &p);
	} else if (!strcmp(name, "ack")) {
		frame(out, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, &p);
	} else if (!strcmp(name, "ping") || !strcmp(name, "pong")) {
		buf_adds(&p, "12345678");
		frame(out, NGHTTP2_PING, name[1] == 'o' ? NGHTTP2_FLAG_ACK : 0, 0, &p);
	} else if (!strcmp(name, "headers")) {
		headers(out, &w, id, end);
	} else if (!strcmp(name, "data")) {
		hex(&p, arg);
		frame(out, NGHTTP2_DATA, end, id, &p);
	} else if (!strcmp(name, "msg")) {
		grpc_frame_put(&p, arg, strlen(arg));
		frame(out, NGHTTP2_DATA, end, id, &p);
	} else if (!strcmp(name, "pad")) {
		put(&p, 4, 1);
		grpc_frame_put(&p, arg, strlen(arg));
		put(&p, 0, 4);
		frame(out, NGHTTP2_DATA, end | NGHTTP2_FLAG_PADDED, id, &p);
	} else if (!strcmp(name, "rst") || !strcmp(name, "window")) {
		put(&p, strtoul(arg, NULL, 10), 4);
		frame(out, *name == 'r' ? NGHTTP2_RST_STREAM : NGHTTP2_WINDOW_UPDATE, 0, id, &p);
	} else if (!strcmp(name, "goaway")) {
		put(&p, id, 4);
		put(&p, strtoul(arg, NULL, 10), 4);
		buf_adds(&p, w.n > 3 ? w.v[3] : "");
		frame(out, NGHTTP2_GOAWAY, 0, 0, &p);
	} else if (!strcmp(name, "raw")) {
		hex(out, w.v[1]);
	} else {
		fail_msg("no wire command %s", name);
	}
}

void wire_build(struct buf *out, const char *script)
{
	_cleanup_strv_ struct strv commands = { 0 };

	strv_split(&commands, script, ";");
	for (size_t i = 0; i < commands.n; i++)
		command(out, commands.v[i]);
}

static void text_of_block(struct buf *out, nghttp2_hd_inflater *hd, const uint8_t *p, size_t n)
{
	for (;;) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t used = nghttp2_hd_inflate_hd2(hd, &nv, &flags, p, n, 1);

		assert_true(used >= 0);
		p += used;
		n -= (size_t)used;
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			buf_addf(out, " %.*s=%.*s", (int)nv.namelen, (const char *)nv.name, (int)nv.valuelen,
				 (const char *)nv.value);
		if (flags & NGHTTP2_HD_INFLATE_FINAL)
			break;
	}
	nghttp2_hd_inflate_end_headers(hd);
}

static uint32_t get(const uint8_t *p, unsigned bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

static void text_of_frame(struct buf *out, nghttp2_hd_inflater *hd, const uint8_t *p)
{
	uint32_t n = get(p, 3), id = get(p + 5, 4);
	unsigned type = p[3], flags = p[4];
	const uint8_t *body = p + 9;
	const char *end = flags & NGHTTP2_FLAG_END_STREAM ? "!" : "";

	if (type == NGHTTP2_SETTINGS && (flags & NGHTTP2_FLAG_ACK)) {
		buf_adds(out, "ack");
	} else if (type == NGHTTP2_SETTINGS) {
		buf_adds(out, "settings");
		for (uint32_t i = 0; i + 6 <= n; i += 6)
			buf_addf(out, " %u=%u", get(body + i, 2), get(body + i + 2, 4));
	} else if (type == NGHTTP2_PING) {
		buf_adds(out, flags & NGHTTP2_FLAG_ACK ? "pong" : "ping");
	} else if (type == NGHTTP2_HEADERS) {
		assert_true(flags & NGHTTP2_FLAG_END_HEADERS);
		buf_addf(out, "headers %u%s", id, end);
		text_of_block(out, hd, body, n);
	} else if (type == NGHTTP2_DATA) {
		buf_addf(out, "data %u%s %u", id, end, n);
	} else if (type == NGHTTP2_RST_STREAM || type == NGHTTP2_WINDOW_UPDATE) {
		buf_addf(out, "%s %u %u", type == NGHTTP2_RST_STREAM ? "rst" : "window", id, get(body, 4));
	} else if (type == NGHTTP2_GOAWAY) {
		buf_addf(out, "goaway %u %u", get(body, 4), get(body + 4, 4));
	} else {
		buf_addf(out, "frame %u", type);
	}
	buf_addc(out, ';');
}

char *wire_text(const struct buf *b)
{
	const uint8_t *p = (const uint8_t *)b->data;
	size_t n = b->len, magic = strlen(NGHTTP2_CLIENT_MAGIC);
	nghttp2_hd_inflater *hd;
	struct buf out = { 0 };

	assert_int_equal(nghttp2_hd_inflate_new(&hd), 0);
	if (n >= magic && !memcmp(p, NGHTTP2_CLIENT_MAGIC, magic)) {
		buf_adds(&out, "preface;");
		p += magic;
		n -= magic;
	}
	while (n) {
		assert_true(n >= 9 && n >= 9 + get(p, 3));
		text_of_frame(&out, hd, p);
		n -= 9 + get(p, 3);
		p += 9 + get(p, 3);
	}
	nghttp2_hd_inflate_del(hd);
	return buf_take(&out);
}
