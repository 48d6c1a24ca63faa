#include "h2.h"
#include "mem.h"
#include <assert.h>
#include <string.h>

enum { KEEP_SENT = 256 << 10 }; /* bytes sent that stay in front of the rest before it is moved */

static int broken(const char *why, struct err *err)
{
	return *why ? err_set(err, ERR_UNAVAILABLE, "HTTP/2 protocol error: %s", why)
		    : err_set(err, ERR_UNAVAILABLE, "HTTP/2 session ended");
}

int h2_input(nghttp2_session *s, const void *p, size_t n, const char *why, struct err *err)
{
	ssize_t r = nghttp2_session_mem_recv(s, p, n);

	if (r < 0)
		return broken(*why ? why : nghttp2_strerror((int)r), err);
	return 0;
}

int h2_output(nghttp2_session *s, struct buf *out, const char *why, struct err *err)
{
	size_t before = out->len;

	while (out->len - before < H2_OUTPUT_CHUNK) {
		const uint8_t *p;
		ssize_t n = nghttp2_session_mem_send(s, &p);

		if (n < 0)
			return broken(*why ? why : nghttp2_strerror((int)n), err);
		if (n == 0)
			break;
		buf_add(out, p, (size_t)n);
	}
	if (out->len == before && !nghttp2_session_want_read(s) && !nghttp2_session_want_write(s))
		return broken(why, err);
	return 0;
}

void h2_note_goaway(char why[H2_WHY], const nghttp2_frame *sent)
{
	if (sent->hd.type == NGHTTP2_GOAWAY && sent->goaway.error_code && !*why)
		(void)snprintf(why, H2_WHY, "%s", nghttp2_http2_strerror(sent->goaway.error_code));
}

void h2_note_complaint(char why[H2_WHY], const char *msg, size_t len)
{
	(void)snprintf(why, H2_WHY, "%.*s", (int)(len < H2_WHY ? len : H2_WHY), msg);
}

void h2_settings(nghttp2_session *s, unsigned streams)
{
	const nghttp2_settings_entry iv[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_HEADERS_MAX },
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams },
	};
	int r = nghttp2_submit_settings(s, NGHTTP2_FLAG_NONE, iv, sizeof iv / sizeof *iv);

	assert(r == 0);
	r = nghttp2_session_set_local_window_size(s, NGHTTP2_FLAG_NONE, 0, H2_WINDOW);
	assert(r == 0);
}

nghttp2_option *h2_options(void)
{
	nghttp2_option *o;
	int r = nghttp2_option_new(&o);

	if (r)
		abort(); /* out of memory */
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1);
	return o;
}

bool h2_is(const char *what, const uint8_t *name, size_t n) { return strlen(what) == n && !memcmp(what, name, n); }

void h2_fields_done(struct h2_fields *f)
{
	free(f->v);
	*f = (struct h2_fields){ 0 };
}

void h2_fields_add(struct h2_fields *f, const char *name, const char *value)
{
	f->v = mem_grow(f->v, &f->cap, f->n + 1, sizeof *f->v);
	f->v[f->n++] = (nghttp2_nv){
		.name = (uint8_t *)(uintptr_t)name,
		.namelen = strlen(name),
		.value = (uint8_t *)(uintptr_t)value,
		.valuelen = strlen(value),
	};
}

void h2_tx_done(struct h2_tx *t)
{
	buf_done(&t->bytes);
	*t = (struct h2_tx){ 0 };
}

size_t h2_tx_left(const struct h2_tx *t) { return t->bytes.len - t->sent; }

size_t h2_tx_take(struct h2_tx *t, void *to, size_t n)
{
	size_t left = h2_tx_left(t), k = left < n ? left : n;

	if (k)
		memcpy(to, t->bytes.data + t->sent, k);
	t->sent += k;
	if (t->sent == t->bytes.len) {
		buf_reset(&t->bytes);
		t->sent = 0;
	} else if (t->sent >= KEEP_SENT && t->sent >= t->bytes.len / 2) {
		buf_drop(&t->bytes, t->sent);
		t->sent = 0;
	}
	return k;
}
