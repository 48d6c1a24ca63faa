/* Bytes as ttrpc frames, their data as requests and responses; what can be read is written and read again. */
#include "mem.h"
#include "ttrpc-frame.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_request(const struct ttrpc_frame *f)
{
	struct ttrpc_request a = { 0 }, b = { 0 };
	_cleanup_buf_ struct buf again = { 0 };
	int r;

	if (ttrpc_request_get(f->data.data, f->data.len, &a, NULL) < 0)
		return;
	ttrpc_request_put(&again, &a);
	r = ttrpc_request_get(again.data, again.len, &b, NULL);
	if (*a.service && *a.method) { /* empty ones are not written */
		assert(r == 0 && !strcmp(a.service, b.service) && !strcmp(a.method, b.method));
		assert(a.len == b.len && a.timeout_ns == b.timeout_ns && a.md.n >= b.md.n);
	}
	ttrpc_request_done(&a);
	ttrpc_request_done(&b);
}

static void try_response(const struct ttrpc_frame *f)
{
	struct ttrpc_response a = { 0 }, b = { 0 };
	_cleanup_buf_ struct buf again = { 0 };
	int r;

	if (ttrpc_response_get(f->data.data, f->data.len, &a, NULL) < 0)
		return;
	ttrpc_response_put(&again, &a);
	r = ttrpc_response_get(again.data, again.len, &b, NULL);
	assert(r == 0 && a.code == b.code && a.len == b.len);
	ttrpc_response_done(&a);
	ttrpc_response_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(ttrpc_frame_done) struct ttrpc_frame f = { 0 };
	_cleanup_(ttrpc_reader_done) struct ttrpc_reader reader = { 0 };
	const unsigned char *p = data;

	while (size && ttrpc_reader_feed(&reader, &p, &size, &f)) {
		try_request(&f);
		try_response(&f);
	}
	return 0;
}
