/* The server engine against transcripts of clients, each fed in pieces of several sizes. */
#include "test.h"
#include "clock.h"
#include "h2-server.h"
#include "mem.h"
#include "transcript.h"

/* What the handler was told, and whether the engine asked to drop the connection. */
struct log {
	struct buf text;
	bool dropped;
	unsigned kicks;
};

static void *on_open(void *arg, struct grpc_stream *st, const char *method, const struct dict *md)
{
	struct log *log = arg;

	buf_addf(&log->text, "open %s", method);
	for (size_t i = 0; i < md->n; i++)
		buf_addf(&log->text, " %s=%s", md->v[i].key, md->v[i].value);
	buf_addf(&log->text, "%s;", grpc_stream_deadline(st) ? " deadline" : "");
	if (strcmp(method, "/t/Refuse"))
		return log;
	grpc_stream_end(st, 12, "no \"M\u00e9thode\" 100%");
	return NULL;
}

static void on_message(void *state, struct grpc_stream *st, const void *msg, size_t len)
{
	struct log *log = state;

	buf_addf(&log->text, "msg %.*s;", (int)len, (const char *)msg);
	if (len == 4 && !memcmp(msg, "drop", 4))
		grpc_stream_drop_connection(st);
	else if (len == 3 && !memcmp(msg, "end", 3))
		grpc_stream_end(st, 9, NULL);
	else
		grpc_stream_send(st, msg, len);
}

static void on_half_close(void *state, struct grpc_stream *st)
{
	struct log *log = state;

	buf_adds(&log->text, "half;");
	grpc_stream_end(st, 0, NULL);
	grpc_stream_end(st, 5, "twice"); /* nothing */
	grpc_stream_send(st, "x", 1);    /* nothing */
}

static void on_closed(void *state, struct grpc_stream *st)
{
	struct log *log = state;

	(void)st;
	buf_adds(&log->text, "closed;");
}

static const struct grpc_handler handler = { on_open, on_message, on_half_close, on_closed };

static void on_kick(void *arg) { ((struct log *)arg)->kicks++; }

static void on_drop(void *arg) { ((struct log *)arg)->dropped = true; }

#define HELLO "preface; settings;"
#define REQUEST ":method=POST :scheme=http :authority=unused content-type=application/grpc te=trailers"

static const struct wire_case {
	const char *script, *told;
	const char *sent;   /* must have left; NULL: no matter */
	const char *broken; /* in the error that ends the connection; NULL: it goes on */
} cases[] = {
	{ "", "", "settings ", NULL },
	{ HELLO, "", "settings 2=0 4=8388608 6=65536 3=8192;window 0 8323073;ack;", NULL },
	{ HELLO "ping", "", "pong;", NULL },
	{ HELLO "headers 1 :path=/t/M " REQUEST "; msg 1! hi", "open /t/M;msg hi;half;closed;",
	  "headers 1 :status=200 content-type=application/grpc;data 1 7;headers 1! grpc-status=0;", NULL },
	{ HELLO "headers 1 :path=/t/M " REQUEST " k=v grpc-timeout=5S user-agent=grpc-go/1 grpc-accept-encoding=gzip x=; msg 1 a; msg 1! ",
	  "open /t/M k=v x= deadline;msg a;msg ;half;closed;", "headers 1! grpc-status=0;", NULL },
	{ HELLO "headers 1! :path=/t/M " REQUEST, "open /t/M;half;closed;",
	  "headers 1! :status=200 content-type=application/grpc grpc-status=0;", NULL },
	{ HELLO "headers 1 :path=/t/Refuse " REQUEST "; msg 1! hi", "open /t/Refuse;",
	  "grpc-status=12 grpc-message=no \"M%C3%A9thode\" 100%25;", NULL },
	{ HELLO "headers 1 :path=/t/M " REQUEST "; pad 1! hi", "open /t/M;msg hi;half;closed;", NULL, NULL },
	/* the handler ends it early: what still comes is not told */
	{ HELLO "headers 1 :path=/t/M " REQUEST "; msg 1 end; msg 1 more", "open /t/M;msg end;closed;",
	  "grpc-status=9;rst 1 0;", NULL },
	{ HELLO "headers 1 :path=/t/M " REQUEST "; data 1 0000000003656e64000000000161", "open /t/M;msg end;closed;", NULL, NULL },
	{ HELLO "headers 1 :path=/t/M " REQUEST "; rst 1 8", "open /t/M;closed;", NULL, NULL },
	{ HELLO "headers 1 :path=/t/M " REQUEST "; msg 1 drop; msg 1 more; headers 3 :path=/t/N " REQUEST, "open /t/M;msg drop;",
	  NULL, "HTTP/2" },
	/* not gRPC */
	{ HELLO "headers 1! :method=GET :scheme=http :authority=x :path=/", "", "headers 1! :status=405;", NULL },
	{ HELLO "headers 1 :method=POST :scheme=http :authority=x :path=/ content-type=text/plain", "", ":status=415;rst 1 0;", NULL },
	{ HELLO "headers 1 :method=POST :scheme=http :authority=x :path=/", "", ":status=415;", NULL },
	{ HELLO "headers 1! :path=/t/M grpc-timeout=5S " REQUEST, "", "rst 1 1;", NULL }, /* before a pseudo field */
	{ HELLO "headers 1! :path=/t/M " REQUEST " grpc-timeout=123456789S", "", "grpc-status=13 grpc-message=malformed grpc-timeout;", NULL },
	{ HELLO "headers 1! :path=/t/M " REQUEST " grpc-timeout=99999999H", "open /t/M deadline;half;closed;", NULL, NULL },
	{ HELLO "headers 1! :path=/t/M connection=close " REQUEST, "", "rst 1 1;", NULL },
	/* messages that are none */
	{ HELLO "headers 1 :path=/t/M " REQUEST "; data 1 010000000161", "open /t/M;closed;", "grpc-status=12 grpc-message=compressed", NULL },
	{ HELLO "headers 1 :path=/t/M " REQUEST "; data 1 00ffffffff61", "open /t/M;closed;", "grpc-status=8 grpc-message=message of 4294967295 bytes", NULL },
	{ HELLO "headers 1 :path=/t/M " REQUEST "; data 1! 000000", "open /t/M;closed;", "grpc-status=13 grpc-message=the stream ended inside", NULL },
	/* trailers of a client end its stream */
	{ HELLO "headers 1 :path=/t/M " REQUEST "; msg 1 a; headers 1! x=y", "open /t/M;msg a;half;closed;", NULL, NULL },
	/* a broken connection */
	{ "raw 474554202f20485454502f312e310d0a0d0a0d0a0d0a0d0a0d0a0d0a0d0a0d0a", "", NULL, "HTTP/2" },
	{ "preface; ping", "", "goaway 0 1;", "HTTP/2 protocol error" },
	{ HELLO "headers 2! :path=/t/M " REQUEST, "", "goaway 0 1;", "HTTP/2 protocol error" },
	{ HELLO "headers 3! :path=/t/M " REQUEST "; headers 1! :path=/t/M " REQUEST, "open /t/M;half;closed;", NULL, NULL }, /* an old id is no new call */
	{ HELLO "msg 1 hi", "", "goaway 0 1;", "HTTP/2 protocol error" },
	{ HELLO "raw ffffff000000000001", "", "goaway 0 6;", "HTTP/2" },
	{ HELLO "goaway 0 0", "", NULL, "HTTP/2 session ended" },
}, whole_cases[] = { /* fed whole: so the order is sure, and Debian's nghttp2 takes a CONTINUATION that comes in pieces for several */
	{ HELLO "headers 1 :path=/a " REQUEST "; headers 3 :path=/b " REQUEST "; msg 3! 3; msg 1! 1",
	  "open /a;open /b;msg 3;half;msg 1;half;closed;closed;", NULL, NULL },
	{ HELLO "headers 1! :path=/t/M " REQUEST " a=*30000 b=*30000 c=*6000", "", ":status=431;", NULL },
};

static int feed(struct h2_server *s, const char *p, size_t n, struct buf *sent, struct err *err)
{
	int r = h2_server_input(s, p, n, err);

	for (size_t before = SIZE_MAX; r == 0 && before != sent->len;) {
		before = sent->len;
		r = h2_server_output(s, sent, err);
	}
	return r;
}

static void run_case(const struct wire_case *c, size_t step)
{
	struct log log = { 0 };
	struct h2_server *s = h2_server_new(&handler, &log, &(struct h2_carrier){ on_kick, on_drop, NULL, &log });
	_cleanup_buf_ struct buf bytes = { 0 }, sent = { 0 };
	_cleanup_free_ char *text = NULL;
	struct err err = ERR_INIT;
	int r = feed(s, "", 0, &sent, &err);

	wire_build(&bytes, c->script);
	for (size_t at = 0; at < bytes.len && r == 0; at += step)
		r = feed(s, bytes.data + at, step < bytes.len - at ? step : bytes.len - at, &sent, &err);

	text = wire_text(&sent);
	if (strcmp(buf_str(&log.text), c->told))
		fail_msg("%s (by %zu): told %s", c->script, step, buf_str(&log.text));
	if (c->sent && !strstr(text, c->sent))
		fail_msg("%s (by %zu): sent %s", c->script, step, text);
	if (!c->broken != (r == 0) || (r < 0 && (r != -ERR_UNAVAILABLE || !strstr(err.msg, c->broken))))
		fail_msg("%s (by %zu): %d %s", c->script, step, r, err.msg);
	h2_server_free(s);
	buf_done(&log.text);
}

static void transcripts(void **state)
{
	static const size_t steps[] = { 1, 7, 1 << 20 };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t k = 0; k < sizeof steps / sizeof *steps; k++)
			run_case(&cases[i], steps[k]);
	for (size_t i = 0; i < sizeof whole_cases / sizeof *whole_cases; i++)
		run_case(&whole_cases[i], SIZE_MAX);
}

/* Streams that are open when the connection goes are closed, once each. */
static void freeing_closes_what_is_open(void **state)
{
	struct log log = { 0 };
	struct h2_server *s = h2_server_new(&handler, &log, &(struct h2_carrier){ on_kick, on_drop, NULL, &log });
	_cleanup_buf_ struct buf bytes = { 0 }, sent = { 0 };

	(void)state;
	wire_build(&bytes, HELLO "headers 1 :path=/a " REQUEST "; headers 3 :path=/b " REQUEST "; msg 3 x");
	assert_int_equal(feed(s, bytes.data, bytes.len, &sent, NULL), 0);
	assert_true(log.kicks > 0);
	h2_server_free(s);
	assert_string_equal(log.text.data, "open /a;open /b;msg x;closed;closed;");
	buf_done(&log.text);
}

/* A client that opens more streams than it may has them refused, and nothing else happens. */
static void streams_are_bounded(void **state)
{
	struct log log = { 0 };
	struct h2_server *s = h2_server_new(&handler, &log, &(struct h2_carrier){ on_kick, on_drop, NULL, &log });
	_cleanup_buf_ struct buf bytes = { 0 }, sent = { 0 };
	_cleanup_free_ char *text = NULL;
	char command[200];

	(void)state;
	wire_build(&bytes, HELLO); /* no ack: after that it would be a broken connection */
	assert_int_equal(feed(s, bytes.data, bytes.len, &sent, NULL), 0);
	for (unsigned i = 0; i <= H2_SERVER_STREAMS; i++) {
		buf_reset(&bytes);
		(void)snprintf(command, sizeof command, "headers %u :path=/t/M " REQUEST, 2 * i + 1);
		wire_build(&bytes, command);
		assert_int_equal(feed(s, bytes.data, bytes.len, &sent, NULL), 0);
	}
	text = wire_text(&sent);
	(void)snprintf(command, sizeof command, "rst %u 7;", 2 * H2_SERVER_STREAMS + 1);
	assert_non_null(strstr(text, command));
	h2_server_free(s);
	assert_int_equal(log.text.len, H2_SERVER_STREAMS * strlen("open /t/M;closed;"));
	buf_done(&log.text);
}

/* Feeds @script to an engine, lets @seconds pass for it, and tells what it said since. */
static void after(const char *script, int seconds, int64_t *ret_next, struct buf *told, char **ret_sent)
{
	struct log log = { 0 };
	struct h2_server *s = h2_server_new(&handler, &log, &(struct h2_carrier){ on_kick, on_drop, NULL, &log });
	_cleanup_buf_ struct buf bytes = { 0 }, sent = { 0 };

	wire_build(&bytes, script);
	assert_int_equal(feed(s, bytes.data, bytes.len, &sent, NULL), 0);
	buf_reset(&sent);
	*ret_next = h2_server_expire(s, clock_mono() + seconds * NSEC_PER_SEC);
	assert_int_equal(feed(s, "", 0, &sent, NULL), 0);
	*ret_sent = wire_text(&sent);
	buf_adds(told, buf_str(&log.text));
	h2_server_free(s);
	buf_done(&log.text);
}

static void overdue_calls_are_ended(void **state)
{
	static const struct {
		const char *script;
		int seconds;
		bool more;
		const char *told, *sent;
	} rows[] = {
		{ HELLO "headers 1 :path=/a " REQUEST " grpc-timeout=5S", 4, true, "open /a deadline;", "" },
		{ HELLO "headers 1 :path=/a " REQUEST " grpc-timeout=5S", 6, false, "open /a deadline;closed;",
		  "headers 1! :status=200 content-type=application/grpc grpc-status=4 grpc-message=timed out;rst 1 0;" },
		{ HELLO "headers 1 :path=/a " REQUEST " grpc-timeout=5S; headers 3 :path=/b " REQUEST
			" grpc-timeout=1M; headers 5 :path=/c " REQUEST,
		  6, true, "open /a deadline;open /b deadline;open /c;closed;", "grpc-status=4" },
		/* what the client has no window for goes with the stream, ended or not */
		{ "preface; settings 4=0; headers 1 :path=/a " REQUEST " grpc-timeout=5S; msg 1 hi", 6, false,
		  "open /a deadline;msg hi;closed;", "rst 1 8;" },
		{ "preface; settings 4=0; headers 1 :path=/a " REQUEST " grpc-timeout=5S; msg 1! hi", 6, false,
		  "open /a deadline;msg hi;half;closed;", "rst 1 8;" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf told = { 0 };
		_cleanup_free_ char *sent = NULL;
		int64_t next;

		after(rows[i].script, rows[i].seconds, &next, &told, &sent);
		if (strncmp(buf_str(&told), rows[i].told, strlen(rows[i].told)) || !strstr(sent, rows[i].sent) ||
		    !next == rows[i].more)
			fail_msg("row %zu: told %s sent %s, next %lld", i, buf_str(&told), sent, (long long)next);
	}
}

/* A part of a message of 16 MiB, in frames of 16 KiB; its @first bytes announce it. */
static void put_unfinished(struct buf *b, unsigned id, bool first, size_t frames)
{
	static const char zeros[16384], announced[16384] = { 0, 1 };

	for (size_t i = 0; i < frames; i++) {
		const unsigned char head[9] = { 0, 0x40, 0, 0, 0, 0, 0, (unsigned char)(id >> 8), (unsigned char)id };

		buf_add(b, head, sizeof head);
		buf_add(b, first && i == 0 ? announced : zeros, sizeof zeros);
	}
}

/* However many messages a client begins and does not end, one connection holds so much. */
static void unfinished_messages_are_bounded(void **state)
{
	struct log log = { 0 };
	struct h2_server *s = h2_server_new(&handler, &log, &(struct h2_carrier){ on_kick, on_drop, NULL, &log });
	_cleanup_buf_ struct buf bytes = { 0 }, sent = { 0 };
	_cleanup_free_ char *text = NULL;
	const size_t frames = 512, streams = H2_SERVER_HELD_MAX / (frames << 14); /* 8 MiB each */
	char command[200];

	(void)state;
	wire_build(&bytes, HELLO);
	assert_int_equal(feed(s, bytes.data, bytes.len, &sent, NULL), 0);
	buf_reset(&bytes);
	wire_build(&bytes, "ack"); /* of our SETTINGS: now streams have their large windows */
	for (unsigned i = 0; i <= streams; i++) {
		(void)snprintf(command, sizeof command, "headers %u :path=/t/M " REQUEST, 2 * i + 1);
		wire_build(&bytes, command);
		assert_int_equal(feed(s, bytes.data, bytes.len, &sent, NULL), 0);
		buf_reset(&bytes);
		for (size_t n = 0; n < frames; n += 64) {
			put_unfinished(&bytes, 2 * i + 1, n == 0, 64);
			assert_int_equal(feed(s, bytes.data, bytes.len, &sent, NULL), 0);
			buf_reset(&bytes);
		}
	}
	text = wire_text(&sent);
	(void)snprintf(command, sizeof command, "headers %zu! :status=200 content-type=application/grpc grpc-status=8",
		       2 * streams + 1);
	assert_non_null(strstr(text, command));
	h2_server_free(s);
	assert_int_equal(log.text.len, (streams + 1) * strlen("open /t/M;closed;"));
	buf_done(&log.text);
}

static void on_kick_nothing(void *arg) { (void)arg; }

static bool on_hold(void *arg, size_t n)
{
	size_t *most = arg;

	*most = n > *most ? n : *most;
	return n <= 100000;
}

/* When all connections hold too much, whose message is long is refused; short ones that are not whole yet are waited for. */
static void the_carrier_says_when_to_hold_no_more(void **state)
{
	struct log log = { 0 };
	size_t most = 0;
	struct h2_server *s =
		h2_server_new(&handler, &log, &(struct h2_carrier){ on_kick_nothing, on_kick_nothing, on_hold, &most });
	_cleanup_buf_ struct buf bytes = { 0 }, sent = { 0 };
	_cleanup_free_ char *text = NULL;

	(void)state;
	wire_build(&bytes, HELLO);
	assert_int_equal(feed(s, bytes.data, bytes.len, &sent, NULL), 0);
	buf_reset(&bytes);
	wire_build(&bytes, "ack");
	for (uint32_t id = 1; id <= 5; id += 2) {
		char command[200];

		(void)snprintf(command, sizeof command, "headers %u :path=/t/M " REQUEST, id);
		wire_build(&bytes, command);
	}
	put_unfinished(&bytes, 1, true, 3);
	put_unfinished(&bytes, 3, true, 3);
	put_unfinished(&bytes, 5, true, 1);
	put_unfinished(&bytes, 3, false, 2);
	assert_int_equal(feed(s, bytes.data, bytes.len, &sent, NULL), 0);
	text = wire_text(&sent);
	assert_null(strstr(text, "headers 1!"));
	assert_non_null(strstr(text, "headers 3! :status=200 content-type=application/grpc grpc-status=8"));
	assert_null(strstr(text, "headers 5!"));
	assert_true(most > 100000 && most < 200000);
	h2_server_free(s);
	buf_done(&log.text);
}

static struct grpc_stream *slow_stream;

/* Each message is enough for a while. */
static void on_slow_message(void *state, struct grpc_stream *st, const void *msg, size_t len)
{
	struct log *log = state;

	buf_addf(&log->text, "msg %.*s;", (int)len, (const char *)msg);
	slow_stream = st;
	grpc_stream_pause(st, true);
	if (len == 4 && !memcmp(msg, "soon", 4))
		grpc_stream_pause(st, false); /* inside of it: the next follows behind */
}

static const struct grpc_handler slow_handler = { on_open, on_slow_message, on_half_close, on_closed };

static void a_paused_stream_is_held(void **state)
{
	struct log log = { 0 };
	struct h2_server *s = h2_server_new(&slow_handler, &log, &(struct h2_carrier){ on_kick, on_drop, NULL, &log });
	_cleanup_buf_ struct buf bytes = { 0 }, sent = { 0 };

	(void)state;
	wire_build(&bytes,
		   HELLO "headers 1 :path=/t/M " REQUEST "; data 1 000000000161000000000162; msg 1 soon; msg 1 c; msg 1! d");
	assert_int_equal(feed(s, bytes.data, bytes.len, &sent, NULL), 0);
	assert_string_equal(log.text.data, "open /t/M;msg a;");
	grpc_stream_pause(slow_stream, false);
	assert_string_equal(log.text.data, "open /t/M;msg a;msg b;");
	grpc_stream_pause(slow_stream, false);
	assert_string_equal(log.text.data, "open /t/M;msg a;msg b;msg soon;msg c;");
	grpc_stream_pause(slow_stream, false);
	assert_string_equal(log.text.data, "open /t/M;msg a;msg b;msg soon;msg c;msg d;");
	grpc_stream_pause(slow_stream, false); /* and now it hears of the end */
	assert_string_equal(log.text.data, "open /t/M;msg a;msg b;msg soon;msg c;msg d;half;");
	assert_int_equal(feed(s, "", 0, &sent, NULL), 0);
	assert_string_equal(log.text.data, "open /t/M;msg a;msg b;msg soon;msg c;msg d;half;closed;");
	h2_server_free(s);
	buf_done(&log.text);
}

/* A client gets credit for what was taken, and none for what is held. */
static void a_paused_stream_gets_no_credit(void **state)
{
	struct log log = { 0 };
	struct h2_server *s = h2_server_new(&slow_handler, &log, &(struct h2_carrier){ on_kick, on_drop, NULL, &log });
	_cleanup_buf_ struct buf bytes = { 0 }, sent = { 0 };
	_cleanup_free_ char *before = NULL, *then = NULL;

	(void)state;
	wire_build(&bytes, HELLO "headers 1 :path=/t/M " REQUEST "; msg 1 a");
	assert_int_equal(feed(s, bytes.data, bytes.len, &sent, NULL), 0);
	buf_reset(&bytes);
	wire_build(&bytes, "ack");
	put_unfinished(&bytes, 1, true, 400); /* most of a window */
	assert_int_equal(feed(s, bytes.data, bytes.len, &sent, NULL), 0);
	before = wire_text(&sent);
	assert_null(strstr(before, "window 1 "));
	grpc_stream_pause(slow_stream, false);
	assert_int_equal(feed(s, "", 0, &sent, NULL), 0);
	then = wire_text(&sent);
	assert_non_null(strstr(then, "window 1 "));
	h2_server_free(s);
	buf_done(&log.text);
}

static void on_taken(void *arg) { ++*(unsigned *)arg; }

static void unsent_bytes_tell_when_they_are_few(void **state)
{
	struct log log = { 0 };
	struct h2_server *s = h2_server_new(&slow_handler, &log, &(struct h2_carrier){ on_kick, on_drop, NULL, &log });
	_cleanup_buf_ struct buf bytes = { 0 }, sent = { 0 };
	static const char text[100] = { 0 };
	unsigned told = 0;

	(void)state;
	wire_build(&bytes, "preface; settings 4=10; headers 1 :path=/t/M " REQUEST "; msg 1 a");
	assert_int_equal(feed(s, bytes.data, bytes.len, &sent, NULL), 0);
	grpc_stream_when_unsent(slow_stream, 0, on_taken, &told);
	assert_int_equal(told, 1);
	grpc_stream_send(slow_stream, text, sizeof text);
	grpc_stream_when_unsent(slow_stream, 50, on_taken, &told);
	for (int i = 1; i <= 5; i++) { /* of 105, 10 go at a time; six times leave 45 */
		assert_int_equal(feed(s, "", 0, &sent, NULL), 0);
		assert_int_equal(told, 1);
		buf_reset(&bytes);
		wire_build(&bytes, "window 1 10");
		assert_int_equal(feed(s, bytes.data, bytes.len, &sent, NULL), 0);
	}
	assert_int_equal(told, 2);
	assert_int_equal(grpc_stream_unsent(slow_stream), 45);
	h2_server_free(s);
	buf_done(&log.text);
}

static void details_are_a_trailer(void **state)
{
	static const struct {
		size_t len;
		const char *sent;
	} rows[] = {
		{ 4, "grpc-status=9 grpc-status-details-bin=CAkSAA;" },
		{ 3, "grpc-status=9 grpc-status-details-bin=CAkS;" },
		{ GRPC_DETAILS_MAX + 1, "grpc-status=9;" },
	};
	static const char details[GRPC_DETAILS_MAX + 1] = { 8, 9, 0x12, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct log log = { 0 };
		struct h2_server *s = h2_server_new(&slow_handler, &log, &(struct h2_carrier){ on_kick, on_drop, NULL, &log });
		_cleanup_buf_ struct buf bytes = { 0 }, sent = { 0 };
		_cleanup_free_ char *said = NULL;

		wire_build(&bytes, HELLO "headers 1 :path=/t/M " REQUEST "; msg 1 a");
		assert_int_equal(feed(s, bytes.data, bytes.len, &sent, NULL), 0);
		grpc_stream_details(slow_stream, details, rows[i].len);
		grpc_stream_end(slow_stream, 9, NULL);
		assert_int_equal(feed(s, "", 0, &sent, NULL), 0);
		said = wire_text(&sent);
		assert_non_null(strstr(said, rows[i].sent));
		h2_server_free(s);
		buf_done(&log.text);
	}
}

#define T(f) cmocka_unit_test(f)
RUN_TESTS("h2-server", T(transcripts), T(freeing_closes_what_is_open), T(streams_are_bounded), T(overdue_calls_are_ended),
	  T(unfinished_messages_are_bounded), T(the_carrier_says_when_to_hold_no_more), T(a_paused_stream_is_held),
	  T(a_paused_stream_gets_no_credit), T(unsent_bytes_tell_when_they_are_few), T(details_are_a_trailer))
