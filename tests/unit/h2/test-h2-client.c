/* The client engine against transcripts of servers, each fed in pieces of several sizes. */
#include "test.h"
#include "clock.h"
#include "h2-client.h"
#include "grpc.h"
#include "mem.h"
#include "transcript.h"

#define OK_HEAD "headers 1 :status=200 content-type=application/grpc+proto;"

/* One unary call, which becomes stream 1. */
static const struct wire_case {
	const char *script;
	int code;         /* of the call; 0: OK */
	const char *text; /* in its error; or its messages, one after the other */
	const char *sent; /* must have left in answer; NULL: no matter */
} cases[] = {
	{ "settings;" OK_HEAD "msg 1 hi; headers 1! grpc-status=0", 0, "hi", "ack;" },
	{ "settings;" OK_HEAD "msg 1 hi; msg 1 ; msg 1 ho; headers 1! grpc-status=0 grpc-message=ignored", 0, "hiho", NULL },
	{ "settings;" OK_HEAD "data 1 0000; data 1 0000; data 1 0361; data 1 6263; headers 1! grpc-status=0", 0, "abc", NULL },
	{ "settings;" OK_HEAD "pad 1 hi; headers 1! grpc-status=0", 0, "hi", NULL },
	{ "settings; headers 1 :status=103 link=x;" OK_HEAD "msg 1 hi; headers 1! grpc-status=0", 0, "hi", NULL },
	{ "settings; ping;" OK_HEAD "msg 1 hi; headers 1! grpc-status=0", 0, "hi", "pong;" },
	{ "settings;" OK_HEAD "msg 1 hi; headers 1! grpc-status=0; rst 1 0", 0, "hi", NULL },
	/* statuses */
	{ "settings; headers 1! :status=200 content-type=application/grpc grpc-status=5 grpc-message=no%20such%3a%zz%c3%bc%",
	  ERR_NOT_FOUND, "no such:%zz\xc3\xbc%", NULL },
	{ "settings;" OK_HEAD "msg 1 hi; headers 1! grpc-status=9 grpc-message=a%0Ab%00c", ERR_PRECONDITION, "a?b?c", NULL },
	{ "settings;" OK_HEAD "headers 1! grpc-status=7", ERR_PERMISSION, "/t/M: permission denied", NULL },
	{ "settings;" OK_HEAD "headers 1! grpc-status=99 grpc-message=odd", ERR_UNKNOWN, "odd", NULL },
	{ "settings;" OK_HEAD "headers 1! grpc-status=4294967296", ERR_INTERNAL, "without a grpc-status", NULL },
	{ "settings;" OK_HEAD "headers 1! grpc-status=-1", ERR_INTERNAL, "without a grpc-status", NULL },
	{ "settings;" OK_HEAD "headers 1! x=y", ERR_INTERNAL, "without a grpc-status", NULL },
	{ "settings; headers 1 :status=200 content-type=application/grpc grpc-status=0; msg 1! hi", ERR_INTERNAL,
	  "without a grpc-status", NULL },
	/* not gRPC */
	{ "settings; headers 1! :status=404", ERR_UNIMPLEMENTED, "/t/M: HTTP status 404", NULL },
	{ "settings; headers 1 :status=503 content-type=text/html; data 1! 3c703e", ERR_UNAVAILABLE, "HTTP status 503", "rst 1 8;" },
	{ "settings; headers 1! :status=415 grpc-status=3 grpc-message=type", ERR_INVALID, "type", NULL },
	{ "settings; headers 1 :status=200 content-type=text/html; data 1! 3c703e", ERR_UNKNOWN, "not application/grpc", "rst 1 8;" },
	/* messages that are none */
	{ "settings;" OK_HEAD "data 1 010000000178; headers 1! grpc-status=0", ERR_UNIMPLEMENTED, "compressed", "rst 1 8;" },
	{ "settings;" OK_HEAD "data 1 0001000001; headers 1! grpc-status=0", ERR_EXHAUSTED, "16777217 bytes is longer", "rst 1 8;" },
	{ "settings;" OK_HEAD "data 1 00ffffffff", ERR_EXHAUSTED, "longer than", "rst 1 8;" },
	{ "settings;" OK_HEAD "data 1 0001000000; headers 1! grpc-status=0", ERR_INTERNAL, "inside a message", NULL },
	{ "settings;" OK_HEAD "data 1 00; headers 1! grpc-status=0", ERR_INTERNAL, "inside a message", NULL },
	{ "settings;" OK_HEAD "data 1 00; headers 1! grpc-status=13 grpc-message=cut", ERR_INTERNAL, "cut", NULL },
	/* resets */
	{ "settings; rst 1 8", ERR_CANCELLED, "reset: CANCEL", NULL },
	{ "settings;" OK_HEAD "rst 1 7", ERR_UNAVAILABLE, "reset: REFUSED_STREAM", NULL },
	{ "settings; rst 1 11", ERR_EXHAUSTED, "reset: ENHANCE_YOUR_CALM", NULL },
	{ "settings; rst 1 2", ERR_INTERNAL, "reset: INTERNAL_ERROR", NULL },
	{ "settings; rst 1 0", ERR_INTERNAL, "reset: NO_ERROR", NULL },
	/* GOAWAY */
	{ "settings; goaway 0 0 restarting", ERR_UNAVAILABLE, "being closed by the peer: restarting", NULL },
	{ "settings; goaway 1 0;" OK_HEAD "msg 1 hi; headers 1! grpc-status=0", 0, "hi", NULL },
	{ "settings; goaway 2147483647 0; goaway 0 11", ERR_UNAVAILABLE, "being closed by the peer", NULL },
	/* header lists */
	{ "settings;" OK_HEAD "headers 1! grpc-status=2 grpc-message=*12000", ERR_UNKNOWN, "xxx...", NULL },
	{ "settings; headers 1 X=upper", ERR_INTERNAL, "PROTOCOL_ERROR", "rst 1 1;" },
	{ "settings; data 1 0000000000", ERR_UNAVAILABLE, "PROTOCOL_ERROR", "goaway 0 1;" },
	/* a broken connection: what the engine says of it must reach the call */
	{ "headers 1 :status=200", ERR_UNAVAILABLE, "HTTP/2 protocol error", "goaway 0 1;" },
	{ "raw 485454502f312e31203430302042616420526571756573740d0a0d0a", ERR_UNAVAILABLE, "HTTP/2", NULL },
	{ "settings; ack; raw 00000705040000000100000002828684", ERR_UNAVAILABLE, "HTTP/2", "goaway 0 1;" }, /* PUSH_PROMISE */
	{ "settings; raw 00000705040000000100000002828684;" OK_HEAD "msg 1 hi; headers 1! grpc-status=0", 0, "hi", NULL },
	{ "settings; window 0 2147483647", ERR_UNAVAILABLE, "HTTP/2", "goaway 0 3;" },
	{ "settings; raw ffffff000000000001", ERR_UNAVAILABLE, "HTTP/2", "goaway 0 6;" },
	{ "settings 4=4294967295", ERR_UNAVAILABLE, "HTTP/2", "goaway 0 3;" },
}, whole_cases[] = { /* whole: Debian's nghttp2 takes a CONTINUATION that comes in pieces for several */
	{ "settings; headers 1 :status=200 content-type=application/grpc x=*30000 y=*30000 z=*6000", ERR_EXHAUSTED, "header list longer", NULL },
	{ "settings; headers 1 :status=200 x=*66000", ERR_UNAVAILABLE, "COMPRESSION_ERROR", "goaway 0 9;" },
};

/* Bytes in, bytes out; what ends the connection ends its calls, as grpc.c does it. */
static void feed(struct h2_client *c, const char *p, size_t n, struct buf *sent)
{
	struct err err = ERR_INIT;
	size_t before;
	int r = h2_client_input(c, p, n, &err);

	if (r == 0) {
		do {
			before = sent->len;
			r = h2_client_output(c, sent, &err);
		} while (r == 0 && sent->len > before);
	}
	if (r < 0)
		h2_client_close(c, &err);
}

static void run_case(const struct wire_case *k, size_t step)
{
	struct h2_client *c = h2_client_new();
	struct h2_call *call = h2_call_new(c, "/t/M", NULL, 0);
	_cleanup_buf_ struct buf bytes = { 0 }, sent = { 0 }, all = { 0 }, msg = { 0 };
	struct err err = ERR_INIT;
	int r;

	h2_call_send(call, "request", 7);
	h2_call_half_close(call);
	assert_int_equal(h2_client_output(c, &sent, NULL), 0);
	wire_build(&bytes, k->script);
	for (size_t at = 0; at < bytes.len; at += step)
		feed(c, bytes.data + at, step < bytes.len - at ? step : bytes.len - at, &sent);

	if (!h2_call_ended(call))
		fail_msg("%s: the call goes on", k->script);
	while ((r = h2_call_take(call, &msg, &err)) == 1)
		buf_add(&all, msg.data, msg.len);
	if (r != -k->code || !strstr(r ? err.msg : buf_str(&all), k->text))
		fail_msg("%s (by %zu): %d %s", k->script, step, r, err.msg);
	if (k->sent) {
		_cleanup_free_ char *text = wire_text(&sent);

		if (!strstr(text, k->sent))
			fail_msg("%s (by %zu): sent %s", k->script, step, text);
	}
	h2_call_free(call);
	h2_client_free(c);
}

static void transcripts(void **state)
{
	static const size_t steps[] = { 1, 7, 1 << 20 };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
			run_case(&cases[i], steps[s]);
	for (size_t i = 0; i < sizeof whole_cases / sizeof *whole_cases; i++)
		run_case(&whole_cases[i], SIZE_MAX);
}

/* The peer's clock may be ahead of ours: its CANCEL of a call with a deadline says that this has passed. */
static void cancelled_at_its_deadline(void **state)
{
	static const struct {
		uint32_t code;
		enum errc want;
	} table[] = { { 8, ERR_DEADLINE }, { 7, ERR_UNAVAILABLE } }; /* CANCEL, REFUSED_STREAM */

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct h2_client *c = h2_client_new();
		struct h2_call *call = h2_call_new(c, "/t/M", NULL, NSEC_PER_SEC);
		_cleanup_free_ char *script = mem_printf("settings; rst 1 %u", table[i].code);
		_cleanup_buf_ struct buf bytes = { 0 }, sent = { 0 }, msg = { 0 };

		h2_call_half_close(call);
		assert_int_equal(h2_client_output(c, &sent, NULL), 0);
		wire_build(&bytes, script);
		feed(c, bytes.data, bytes.len, &sent);
		assert_int_equal(h2_call_take(call, &msg, NULL), -(int)table[i].want);
		h2_call_free(call);
		h2_client_free(c);
	}
}

static void output(struct h2_client *c, struct buf *b)
{
	for (size_t before = SIZE_MAX; b->len != before;) {
		before = b->len;
		assert_int_equal(h2_client_output(c, b, NULL), 0);
	}
}

/* What the engine sends, as text. */
static char *sent_by(struct h2_client *c)
{
	_cleanup_buf_ struct buf b = { 0 };

	output(c, &b);
	return wire_text(&b);
}

static void script(struct h2_client *c, const char *text)
{
	_cleanup_buf_ struct buf b = { 0 };

	wire_build(&b, text);
	assert_int_equal(h2_client_input(c, b.data, b.len, NULL), 0);
}

static void sends(struct h2_client *c, const char *expected)
{
	_cleanup_free_ char *text = sent_by(c);

	assert_string_equal(text, expected);
}

static void opens_with_its_windows_and_the_call(void **state)
{
	_cleanup_dict_ struct dict md = { 0 };
	struct h2_client *c = h2_client_new();
	struct h2_call *call;

	(void)state;
	dict_set(&md, "containerd-namespace", "davit");
	call = h2_call_new(c, "/t/M", &md, 1500000000);
	h2_call_send(call, "1234567890", 10);
	sends(c, "preface;settings 2=0 4=8388608 6=65536 3=0;window 0 8323073;"
		 "headers 1 :method=POST :scheme=http :path=/t/M :authority=localhost te=trailers content-type=application/grpc "
		 "user-agent=davit/" DAVIT_VERSION " grpc-timeout=1500000u containerd-namespace=davit;data 1 15;");
	h2_call_half_close(call);
	sends(c, "data 1! 0;");
	sends(c, "");
	h2_call_free(call);
	sends(c, "rst 1 8;");
	call = h2_call_new(c, "/t/M", NULL, 0);
	h2_call_free(call);
	sends(c, ""); /* never left: nothing to cancel */
	h2_client_free(c);
}

static void the_peers_window_holds_back(void **state)
{
	_cleanup_free_ char *big = mem_zalloc(100000), *text = NULL;
	struct h2_client *c = h2_client_new();
	struct h2_call *call;

	(void)state;
	script(c, "settings 4=10");
	free(sent_by(c));
	call = h2_call_new(c, "/t/M", NULL, 0);
	h2_call_send(call, big, 100000);
	h2_call_half_close(call);
	text = sent_by(c);
	assert_non_null(strstr(text, ";data 1 10;"));
	assert_int_equal(h2_call_unsent(call), 100005 - 10);
	script(c, "window 1 90");
	sends(c, "data 1 90;");
	script(c, "window 1 1000000");
	free(sent_by(c)); /* the connection's 65535 */
	assert_int_equal(h2_call_unsent(call), 100005 - 65535);
	script(c, "window 0 1000000");
	free(sent_by(c));
	assert_int_equal(h2_call_unsent(call), 0);
	h2_call_free(call);
	h2_client_free(c);
}

/* Five messages of 2 MiB: the connection's credit comes back at once, the stream's with each that is taken. */
static void credit_comes_back_when_messages_are_taken(void **state)
{
	struct h2_client *c = h2_client_new();
	struct h2_call *call = h2_call_new(c, "/t/M", NULL, 0);
	_cleanup_buf_ struct buf msg = { 0 }, b = { 0 };
	_cleanup_free_ char *text = NULL;
	char head[64];

	(void)state;
	free(sent_by(c));
	script(c, "settings; ack;" OK_HEAD);
	free(sent_by(c));
	for (int m = 0; m < 4; m++) {
		wire_build(&b, m == 0 ? "data 1 0000200000" : "data 1 00001fffe0"); /* all fit into 8 MiB */
		for (size_t left = m == 0 ? 0x200000 : 0x1fffe0; left;) {
			size_t n = left < 16384 ? left : 16384;
			char *p;

			(void)snprintf(head, sizeof head, "raw %06zx000000000001", n);
			wire_build(&b, head);
			p = buf_room(&b, n);
			memset(p, 'm', n);
			buf_grew(&b, n);
			left -= n;
		}
	}
	assert_int_equal(h2_client_input(c, b.data, b.len, NULL), 0);
	text = sent_by(c);
	assert_non_null(strstr(text, "window 0 ")); /* others on the connection are not held up */
	assert_null(strstr(text, "window 1 "));
	for (int m = 0; m < 4; m++) {
		assert_true(h2_call_ready(call));
		assert_int_equal(h2_call_take(call, &msg, NULL), 1);
	}
	assert_false(h2_call_ready(call));
	free(text);
	text = sent_by(c);
	assert_non_null(strstr(text, "window 1 "));
	h2_call_free(call);
	h2_client_free(c);
}

static void a_goaway_spares_nothing_that_waits(void **state)
{
	struct h2_client *c = h2_client_new();
	struct h2_call *calls[3];
	struct err err = ERR_INIT;
	_cleanup_buf_ struct buf msg = { 0 };

	(void)state;
	script(c, "settings 3=1"); /* one stream at a time: the others wait inside nghttp2 */
	free(sent_by(c));
	for (int i = 0; i < 3; i++)
		calls[i] = h2_call_new(c, "/t/M", NULL, 0);
	free(sent_by(c));
	script(c, "goaway 1 0");
	assert_false(h2_client_open(c));
	assert_false(h2_call_ended(calls[0]));
	assert_int_equal(h2_call_take(calls[1], &msg, &err), -ERR_UNAVAILABLE);
	assert_int_equal(h2_call_take(calls[2], &msg, NULL), -ERR_UNAVAILABLE);
	script(c, OK_HEAD "headers 1! grpc-status=0");
	assert_int_equal(h2_call_take(calls[0], &msg, NULL), 0);
	for (int i = 0; i < 3; i++)
		h2_call_free(calls[i]);
	h2_client_free(c);
}

/* As a Go server says that it will end: the last stream is any, and what has not left yet never will. */
static void a_goaway_of_no_stream_ends_what_has_not_left(void **state)
{
	enum { N = 300 };
	struct h2_client *c = h2_client_new();
	struct h2_call *calls[N];
	_cleanup_buf_ struct buf msg = { 0 };

	(void)state;
	script(c, "settings 3=1");
	free(sent_by(c));
	for (int i = 0; i < N; i++)
		calls[i] = h2_call_new(c, "/t/M", NULL, 0);
	free(sent_by(c));
	h2_call_free(calls[7]);
	script(c, "goaway 2147483647 0");
	free(sent_by(c));
	assert_false(h2_call_ended(calls[0]));
	for (int i = 1; i < N; i++) /* now, not when the first has ended, which may wait for a day */
		assert_true(i == 7 || h2_call_ended(calls[i]));
	script(c, OK_HEAD "headers 1! grpc-status=0");
	for (int i = 0; i < N; i++) {
		if (i == 7)
			continue;
		assert_int_equal(h2_call_take(calls[i], &msg, NULL), i ? -ERR_UNAVAILABLE : 0);
		h2_call_free(calls[i]);
	}
	h2_client_free(c);
}

static void waiting_calls_start_as_streams_end(void **state)
{
	struct h2_client *c = h2_client_new();
	struct h2_call *calls[3];
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_free_ char *before = NULL, *text = NULL;

	(void)state;
	script(c, "settings 3=1");
	output(c, &b);
	for (int i = 0; i < 3; i++) {
		calls[i] = h2_call_new(c, "/t/M", NULL, 0);
		h2_call_half_close(calls[i]);
	}
	output(c, &b);
	before = wire_text(&b);
	assert_null(strstr(before, "headers 5 "));
	h2_call_free(calls[1]); /* while it waits */
	script(c, OK_HEAD "headers 1! grpc-status=0");
	output(c, &b);
	text = wire_text(&b);
	assert_null(strstr(text, "headers 3 "));
	assert_non_null(strstr(text, "headers 5 "));
	h2_call_free(calls[0]);
	h2_call_free(calls[2]);
	h2_client_free(c);
}

#define T(f) cmocka_unit_test(f)
RUN_TESTS("h2-client", T(transcripts), T(cancelled_at_its_deadline), T(opens_with_its_windows_and_the_call),
	  T(the_peers_window_holds_back), T(credit_comes_back_when_messages_are_taken), T(a_goaway_spares_nothing_that_waits),
	  T(a_goaway_of_no_stream_ends_what_has_not_left), T(waiting_calls_start_as_streams_end))
