/* A client's bytes against the gRPC server engine: the first byte says how they are cut. */
#include "h2-server.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *on_open(void *arg, struct grpc_stream *st, const char *method, const struct dict *md)
{
	(void)md;
	if (strlen(method) % 2)
		return arg;
	grpc_stream_end(st, 12, method);
	return NULL;
}

static void on_message(void *state, struct grpc_stream *st, const void *msg, size_t len)
{
	(void)state;
	grpc_stream_send(st, msg, len);
	if (len > 6)
		grpc_stream_end(st, 9, "long");
	else if (len == 6)
		grpc_stream_drop_connection(st);
}

static void on_half_close(void *state, struct grpc_stream *st)
{
	(void)state;
	grpc_stream_end(st, 0, NULL);
}

static void nothing(void *arg) { (void)arg; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct grpc_handler handler = { on_open, on_message, on_half_close, NULL };
	struct h2_server *s = h2_server_new(&handler, &size, &(struct h2_carrier){ nothing, nothing, NULL, NULL });
	size_t step = size && data[0] ? data[0] : SIZE_MAX;
	_cleanup_buf_ struct buf out = { 0 };
	int r = 0;

	for (size_t at = 1; at < size && r == 0; at += step < size ? step : size) {
		r = h2_server_input(s, data + at, step < size - at ? step : size - at, NULL);
		if (r == 0)
			r = h2_server_output(s, &out, NULL);
		if (data[0] % 2) /* every deadline has passed */
			(void)h2_server_expire(s, INT64_MAX);
	}
	if (r == 0) {
		(void)h2_server_expire(s, INT64_MAX);
		(void)h2_server_output(s, &out, NULL);
	}
	h2_server_free(s);
	return 0;
}
