/* Connections that are no client's of gRPC, and clients that take nothing, or that give up everything: the plugin answers the
 * others. */
#include "driver-rig.h"
#include "clock.h"
#include "hostile.h"
#include "mem.h"
#include "raw-h2.h"
#include <stdlib.h>
#include <unistd.h>

#define FINGERPRINT "/hashicorp.nomad.plugins.drivers.proto.Driver/Fingerprint"
#define SCHEMA "/hashicorp.nomad.plugins.drivers.proto.Driver/TaskConfigSchema"
#define HEALTH "/grpc.health.v1.Health/Check"

enum { SOON_MS = 15000, GROWTH_KIB = RIG_GROWTH_KIB };

static int dial(const struct rig *rig)
{
	int fd = raw_dial(rig->host.said.address);

	assert_true(fd >= 0);
	return fd;
}

/* As Nomad's agent looks whether one is alive, before it attaches again. */
static void bears_probes(void **state)
{
	struct rig *rig = *state;
	struct rig_usage before = rig_usage(rig);

	for (int i = 0; i < 500; i++)
		(void)close(dial(rig));
	rig_until_closed(rig, before.fds + 4);
}

/* A client that says nothing, or only the beginning of the preface, is given up; the others have a connection meanwhile. */
static void gives_up_the_silent(void **state)
{
	struct rig *rig = *state;
	static const char *const words[] = { "", "P", "PRI * HTTP/2.0\r\n\r\nS", RAW_PREFACE };
	int fds[sizeof words / sizeof *words];

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		fds[i] = dial(rig);
		assert_int_equal(write(fds[i], words[i], strlen(words[i])), (ssize_t)strlen(words[i]));
	}
	rig_check(rig, rig->host.grpc, "beside silent ones");
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		_cleanup_buf_ struct buf said = { 0 };

		if (raw_until_closed(fds[i], &said, SOON_MS) < 0)
			fail_msg("\"%s\": not given up", words[i]);
		(void)close(fds[i]);
	}
}

static void refuses_what_is_no_http2(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
	} rows[] = {
		{ "HTTP/1.1", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27 },
		{ "TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11 },
		{ "zeroes", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 26 },
		{ "SETTINGS on a stream", RAW_PREFACE "\0\0\0\4\0\0\0\0\1", 33 },
		{ "a frame of 16 MiB", RAW_PREFACE "\xff\xff\xff\4\0\0\0\0\0", 33 },
		{ "DATA of no stream", RAW_PREFACE "\0\0\0\4\0\0\0\0\0\0\0\1\0\0\0\0\0\0x", 43 },
		{ "CONTINUATION of nothing", RAW_PREFACE "\0\0\0\4\0\0\0\0\0\0\0\1\x9\4\0\0\0\1x", 43 },
		{ "HPACK that is none", RAW_PREFACE "\0\0\0\4\0\0\0\0\0\0\0\2\1\4\0\0\0\1\xff\xff", 44 },
	};
	struct rig *rig = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf said = { 0 };
		int fd = dial(rig);
		const struct buf words = { .data = (char *)(uintptr_t)rows[i].bytes, .len = rows[i].len };

		(void)raw_send(fd, &words, SOON_MS);
		if (raw_until_closed(fd, &said, SOON_MS) < 0)
			fail_msg("%s: goes on", rows[i].name);
		(void)close(fd);
		rig_check(rig, rig->host.grpc, rows[i].name);
	}
}

/* Frames of gRPC that are cut, compressed, or more than one. */
static void bears_odd_messages(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
	} rows[] = {
		{ "half a head", "\0\0", 2 },           { "a message that does not come", "\0\0\0\0\x64xyz", 8 },
		{ "compressed", "\1\0\0\0\1x", 6 },     { "4 GiB", "\0\xff\xff\xff\xffx", 6 },
		{ "a flag of 255", "\xff\0\0\0\0", 5 }, { "two", "\0\0\0\0\0\0\0\0\0\0", 10 },
	};
	struct rig *rig = *state;

	for (unsigned m = 0; m < host_n_methods; m++) {
		_cleanup_buf_ struct buf words = { 0 };
		uint32_t stream = 1;
		int fd;

		if (!strcmp(host_methods[m].path, "/plugin.GRPCController/Shutdown"))
			continue;
		raw_hello(&words, 65535);
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++, stream += 2) {
			raw_request(&words, stream, host_methods[m].path, false);
			raw_frame(&words, RAW_DATA, RAW_END_STREAM, stream, rows[i].bytes, rows[i].len);
		}
		fd = dial(rig);
		assert_int_equal(raw_send(fd, &words, SOON_MS), 0);
		rig_check(rig, rig->host.grpc, host_methods[m].path);
		(void)close(fd);
	}
}

/* Streams that are opened and reset at once, for as long as the plugin bears it. */
static void bears_reset_storms(void **state)
{
	struct rig *rig = *state;
	struct rig_usage before = rig_usage(rig), after;

	for (int connection = 0; connection < 4; connection++) {
		uint32_t stream = 1;
		int fd = dial(rig), r = 0;

		for (int i = 0; i < 50 && r == 0; i++) {
			_cleanup_buf_ struct buf words = { 0 };

			if (!i)
				raw_hello(&words, 65535);
			for (int k = 0; k < 200; k++, stream += 2) {
				raw_request(&words, stream, k % 2 ? FINGERPRINT : SCHEMA, true);
				raw_frame(&words, RAW_RST, 0, stream, "\0\0\0\x8", 4);
			}
			r = raw_send(fd, &words, SOON_MS);
		}
		rig_check(rig, rig->host.grpc, "a storm of resets");
		(void)close(fd);
	}
	after = rig_usage(rig);
	if (after.rss_kib > before.rss_kib + GROWTH_KIB)
		fail_msg("it has grown from %ld to %ld KiB", before.rss_kib, after.rss_kib);
}

/* One whose window is shut asks and asks: what is ready for it is bounded by the streams that it may have. */
static void bears_slow_readers(void **state)
{
	struct rig *rig = *state;
	struct rig_usage before = rig_usage(rig), after;
	int fds[8];

	for (int c = 0; c < 8; c++) {
		_cleanup_buf_ struct buf words = { 0 };

		fds[c] = dial(rig);
		raw_hello(&words, 0);
		for (uint32_t i = 0; i < 400; i++) {
			raw_request(&words, 2 * i + 1, SCHEMA, false);
			raw_message(&words, 2 * i + 1, "", 0, true);
		}
		(void)raw_send(fds[c], &words, SOON_MS);
	}
	rig_check(rig, rig->host.grpc, "slow readers");
	after = rig_usage(rig);
	print_message("slow readers: %ld KiB more\n", after.rss_kib - before.rss_kib);
	if (after.rss_kib > before.rss_kib + 2 * GROWTH_KIB)
		fail_msg("it has grown from %ld to %ld KiB", before.rss_kib, after.rss_kib);
	for (int c = 0; c < 8; c++)
		(void)close(fds[c]);
}

/* PINGs and SETTINGS without end, whose answers nobody takes. */
static void bears_floods(void **state)
{
	static const unsigned types[] = { RAW_PING, RAW_SETTINGS };
	struct rig *rig = *state;
	struct rig_usage before = rig_usage(rig), after;

	for (size_t t = 0; t < 2; t++) {
		_cleanup_buf_ struct buf words = { 0 };
		int fd = dial(rig);

		raw_hello(&words, 65535);
		for (int i = 0; i < 100000; i++)
			raw_frame(&words, types[t], 0, 0, "12345678", types[t] == RAW_PING ? 8 : 0);
		(void)raw_send(fd, &words, SOON_MS);
		rig_check(rig, rig->host.grpc, "a flood");
		(void)close(fd);
	}
	after = rig_usage(rig);
	if (after.rss_kib > before.rss_kib + GROWTH_KIB)
		fail_msg("it has grown from %ld to %ld KiB", before.rss_kib, after.rss_kib);
}

/* All streams of all kinds at once, each held open, on connections of their own: structs, not threads. */
static void holds_many_streams(void **state)
{
	enum { CONNECTIONS = 4, STREAMS = 250 };
	struct rig *rig = *state;
	static struct grpc_call *calls[CONNECTIONS][STREAMS];
	struct grpc *grpc[CONNECTIONS] = { 0 };
	const struct ctx endless = { 0 };
	struct rig_usage before = rig_usage(rig), after;
	struct err err = ERR_INIT;
	_cleanup_buf_ struct buf in = { 0 };

	for (int c = 0; c < CONNECTIONS; c++) {
		assert_int_equal(host_connect(&rig->host, &grpc[c], &err), 0);
		for (int i = 0; i < STREAMS; i++)
			calls[c][i] = rig_begin(grpc[c], host_method_find("Fingerprint"), "", 0, &endless);
	}
	for (int c = 0; c < CONNECTIONS; c++) {
		const struct ctx ctx = ctx_within(NULL, SOON_MS);

		if (grpc_recv(calls[c][0], &ctx, &in, &err) != 1)
			fail_msg("%s", err.msg);
	}
	rig_check(rig, rig->host.grpc, "many streams");
	after = rig_usage(rig);
	print_message("%d streams: %ld KiB, %ld threads\n", CONNECTIONS * STREAMS, after.rss_kib - before.rss_kib, after.threads);
	assert_true(after.threads <= before.threads + 1);
	for (int c = 0; c < CONNECTIONS; c++) {
		for (int i = 0; i < STREAMS; i++)
			grpc_call_free(calls[c][i]);
		grpc_free(grpc[c]);
	}
	rig_until_closed(rig, before.fds + 4);
}

/* Every method, begun and given up at once, again and again. */
static void bears_who_gives_up(void **state)
{
	struct rig *rig = *state;

	for (unsigned m = 0; m < host_n_methods; m++) {
		_cleanup_buf_ struct buf plain = { 0 };
		struct rig_usage before = rig_usage(rig), after;
		_cleanup_(grpc_freep) struct grpc *grpc = NULL;
		struct err err = ERR_INIT;

		if (!strcmp(host_methods[m].path, "/plugin.GRPCController/Shutdown"))
			continue;
		hostile_plain(host_methods[m].request, NULL, &plain);
		assert_int_equal(host_connect(&rig->host, &grpc, &err), 0); /* each bears a thousand resets */
		for (int i = 0; i < 300; i++) {
			const struct ctx endless = { 0 };
			struct grpc_call *call = rig_begin(grpc, &host_methods[m], buf_str(&plain), plain.len, &endless);

			loop_poll(rig->loop);
			grpc_call_free(call);
		}
		rig_check(rig, rig->host.grpc, host_methods[m].path);
		after = rig_usage(rig);
		if (after.rss_kib > before.rss_kib + GROWTH_KIB)
			fail_msg("%s: it has grown from %ld to %ld KiB", host_methods[m].path, before.rss_kib, after.rss_kib);
	}
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

RUN_TESTS("connections", WITH_RIG(bears_probes), WITH_RIG(gives_up_the_silent), WITH_RIG(refuses_what_is_no_http2),
	  WITH_RIG(bears_odd_messages), WITH_RIG(bears_reset_storms), WITH_RIG(bears_slow_readers), WITH_RIG(bears_floods),
	  WITH_RIG(holds_many_streams), WITH_RIG(bears_who_gives_up))
