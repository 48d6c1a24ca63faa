/* Bytes as ttrpc frames, their data as requests and responses; what can be read is written and read again. However the bytes are
 * cut, the frames are the same. */
#include "mem.h"
#include "ttrpc-frame.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(struct ttrpc_text a, struct ttrpc_text b) { return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n)); }

static void try_request(const struct ttrpc_frame *f)
{
	struct ttrpc_request a, b;
	_cleanup_buf_ struct buf again = { 0 };
	int r;

	if (ttrpc_request_get(f->data, f->len, &a, NULL) < 0)
		return;
	(void)ttrpc_request_md(&a, "containerd-namespace-ttrpc");
	ttrpc_request_put(&again, &a, NULL);
	r = ttrpc_request_get(again.data, again.len, &b, NULL);
	if (a.service.n && a.method.n) { /* empty ones are not written */
		assert(r == 0 && same(a.service, b.service) && same(a.method, b.method));
		assert(a.len == b.len && a.timeout_ns == b.timeout_ns);
	}
}

static void try_response(const struct ttrpc_frame *f)
{
	struct ttrpc_response a, b;
	_cleanup_buf_ struct buf again = { 0 };
	int r;

	if (ttrpc_response_get(f->data, f->len, &a, NULL) < 0)
		return;
	ttrpc_response_put(&again, &a);
	r = ttrpc_response_get(again.data, again.len, &b, NULL);
	assert(r == 0 && a.code == b.code && a.len == b.len && (!a.code || same(a.message, b.message)));
}

static unsigned read_frames(struct ttrpc_reader *reader, const unsigned char **p, size_t *n, bool look)
{
	struct ttrpc_frame f;
	unsigned frames = 0;

	for (; ttrpc_reader_next(reader, p, n, &f); frames++) {
		if (!look)
			continue;
		try_request(&f);
		try_response(&f);
	}
	return frames;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ttrpc_reader whole = { 0 }, cut = { 0 };
	const unsigned char *p = data, *q = data;
	size_t n = size, half = size / 2;
	unsigned frames = read_frames(&whole, &p, &n, true), others = read_frames(&cut, &q, &half, false);

	half = size - (size_t)(q - data); /* what was left, with what follows it */
	assert(others + read_frames(&cut, &q, &half, false) == frames && p == q && whole.skip == cut.skip);
	return 0;
}
