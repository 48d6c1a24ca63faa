#include "grpc-frame.h"
#include "grpc.h"
#include <string.h>

enum { RESERVE_MAX = 64 << 10 }; /* room that is made on the peer's word alone */

void grpc_frame_done(struct grpc_frame *f)
{
	buf_done(&f->body);
	*f = (struct grpc_frame){ 0 };
}

static size_t take_bytes_of(size_t want, const unsigned char **p, size_t *n, void *to)
{
	size_t k = *n < want ? *n : want;

	memcpy(to, *p, k);
	*p += k;
	*n -= k;
	return k;
}

static int check_head(struct grpc_frame *f, struct err *err)
{
	const unsigned char *h = f->head;

	if (h[0])
		return err_set(err, ERR_UNIMPLEMENTED, "compressed message (flag %u), which was not asked for", h[0]);
	f->want = (size_t)h[1] << 24 | (size_t)h[2] << 16 | (size_t)h[3] << 8 | h[4];
	if (f->want > GRPC_MESSAGE_MAX)
		return err_set(err, ERR_EXHAUSTED, "message of %zu bytes is longer than %d", f->want, GRPC_MESSAGE_MAX);
	(void)buf_room(&f->body, f->want < RESERVE_MAX ? f->want : RESERVE_MAX);
	return 0;
}

int grpc_frame_feed(struct grpc_frame *f, const unsigned char **p, size_t *n, struct buf *ret, struct err *err)
{
	size_t k;

	if (f->n_head < GRPC_FRAME_HEAD) {
		f->n_head += take_bytes_of(GRPC_FRAME_HEAD - f->n_head, p, n, f->head + f->n_head);
		if (f->n_head < GRPC_FRAME_HEAD)
			return 0;
		int r = check_head(f, err);
		if (r < 0)
			return r;
	}
	k = f->want - f->body.len < *n ? f->want - f->body.len : *n;
	buf_grew(&f->body, take_bytes_of(k, p, n, buf_room(&f->body, k)));
	if (f->body.len < f->want)
		return 0;

	buf_done(ret);
	*ret = f->body;
	*f = (struct grpc_frame){ 0 };
	return 1;
}

size_t grpc_frame_held(const struct grpc_frame *f) { return f->n_head + f->body.len; }

void grpc_frame_put(struct buf *out, const void *msg, size_t len)
{
	unsigned char head[GRPC_FRAME_HEAD] = {
		0, (unsigned char)(len >> 24), (unsigned char)(len >> 16), (unsigned char)(len >> 8), (unsigned char)len,
	};

	buf_add(out, head, sizeof head);
	buf_add(out, msg, len);
}
