/* A server's bytes against the gRPC client engine: the first byte says how they are cut. */
#include "h2-client.h"
#include "grpc.h"
#include "mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(struct h2_call *call)
{
	_cleanup_buf_ struct buf msg = { 0 };

	while (h2_call_ready(call) && h2_call_take(call, &msg, NULL) == 1)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h2_client *c = h2_client_new();
	struct h2_call *unary = h2_call_new(c, "/f/Unary", NULL, 1), *stream = h2_call_new(c, "/f/Stream", NULL, 0);
	size_t step = size && data[0] ? data[0] : SIZE_MAX;
	_cleanup_buf_ struct buf out = { 0 };
	struct err err = ERR_INIT;
	int r = 0;

	h2_call_send(unary, "request", 7);
	h2_call_half_close(unary);
	(void)h2_client_output(c, &out, NULL);
	for (size_t at = 1; at < size && r == 0; at += step < size ? step : size) {
		r = h2_client_input(c, data + at, step < size - at ? step : size - at, &err);
		read_all(unary);
		h2_call_send(stream, "message", 7);
		if (r == 0)
			r = h2_client_output(c, &out, &err);
	}
	if (r < 0)
		h2_client_close(c, &err);
	h2_call_free(stream); /* with what it had not read */
	if (r == 0)
		(void)h2_client_output(c, &out, NULL);
	h2_call_free(unary);
	h2_client_free(c);
	return 0;
}
