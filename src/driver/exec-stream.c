/* Theory of operation: a call and a session, each of which may end first. What the process writes goes out at once, until the
 * client is OUT_MOST bytes behind: then the process waits. What the client sends goes to the process at once, until IN_MOST bytes
 * wait for it: then the client's window is left to fill.
 *
 * Nomad's client gives up what it has not read yet when it cannot send: where a call ends while input is still underway, output and
 * exit code are lost to it. So a call whose input has not ended stays open for a moment behind the exit code. */
#include "clock.h"
#include "desk.h"
#include "exec-call.h"
#include "hint.h"
#include "mem.h"
#include "nomaddriver.pb-c.h"

enum {
	IN_MOST = 64 << 10,
	PIECE_MOST = 1 << 20, /* of input in one message, which is kept until the process has read it; Nomad's are of 32 KiB */
	OUT_MOST = 256 << 10,
	OUT_LOW = 64 << 10,
	LINGER_MS = 200,
	SIZE_MOST = 0xffff /* rows and columns of the kernel's terminals */
};

struct exec_stream {
	struct plugin_call *call;
	struct exec_session *session;
	bool tty, reader_slow, writer_paused;
	bool closed[2];
	bool input_ended, exited;
	struct timer linger;
};

typedef Driver__ExecTaskStreamingResponse reply;
typedef Driver__ExecTaskStreamingIOOperation operation;

static void stream_say(const struct exec_stream *e, enum log_stream which, operation *io)
{
	reply m = DRIVER__EXEC_TASK_STREAMING_RESPONSE__INIT;

	if (which == LOG_STDOUT)
		m.stdout = io;
	else
		m.stderr = io;
	plugin_send(e->call, &m.base);
}

static void on_stream_taken(void *arg)
{
	struct exec_stream *e = arg;

	e->reader_slow = false;
	exec_session_pause(e->session, false);
}

static void stream_output(void *arg, enum log_stream which, const char *p, size_t n)
{
	struct exec_stream *e = arg;
	operation io = DRIVER__EXEC_TASK_STREAMING_IOOPERATION__INIT;

	io.data = (ProtobufCBinaryData){ n, (uint8_t *)(uintptr_t)p };
	stream_say(e, which, &io);
	if (e->reader_slow || plugin_unsent(e->call) <= OUT_MOST)
		return;
	e->reader_slow = true;
	exec_session_pause(e->session, true);
	plugin_when_taken(e->call, OUT_LOW, on_stream_taken, e);
}

static void stream_closed(void *arg, enum log_stream which)
{
	struct exec_stream *e = arg;
	operation io = DRIVER__EXEC_TASK_STREAMING_IOOPERATION__INIT;

	if (e->closed[which])
		return;
	e->closed[which] = true;
	io.close = true;
	stream_say(e, which, &io);
}

static void stream_room(void *arg)
{
	struct exec_stream *e = arg;

	if (!e->writer_paused)
		return;
	e->writer_paused = false;
	plugin_pause(e->call, false);
}

static void exec_stream_free(struct exec_stream *e)
{
	timer_done(&e->linger);
	free(e);
}

static void exec_stream_end(void *arg)
{
	struct exec_stream *e = arg;

	plugin_end(e->call);
	exec_stream_free(e);
}

/* The last that it says. */
static void stream_exit(struct exec_stream *e, int code)
{
	reply m = DRIVER__EXEC_TASK_STREAMING_RESPONSE__INIT;
	Driver__ExitResult result = DRIVER__EXIT_RESULT__INIT;

	stream_closed(e, LOG_STDOUT);
	stream_closed(e, LOG_STDERR);
	result.exit_code = code;
	m.exited = true;
	m.result = &result;
	plugin_send(e->call, &m.base);
	e->exited = true;
	if (e->input_ended) {
		exec_stream_end(e);
		return;
	}
	timer_set(&e->linger, clock_mono() + LINGER_MS * NSEC_PER_MSEC);
	stream_room(e); /* what it lets in may be the end */
}

/* A command that is not there, or is none: as a shell has it, so that `nomad alloc exec` ends with 126 or 127. */
static void stream_no_command(struct exec_stream *e, const struct err *err)
{
	char worded[PLUGIN_HINT_TEXT];
	const char *hint = hint_for_nomad(err->hint, worded);
	_cleanup_free_ char *text = mem_printf("%s%s%s%s", err->msg, hint ? ": " : "", hint ? hint : "", e->tty ? "\r\n" : "\n");

	stream_output(e, e->tty ? LOG_STDOUT : LOG_STDERR, text, strlen(text));
	stream_exit(e, err->exit_code);
}

static void stream_ended(void *arg, int r, const struct ctrd_exit *exit, const struct err *err)
{
	struct exec_stream *e = arg;

	e->session = NULL;
	plugin_when_taken(e->call, 0, NULL, NULL);
	if (r >= 0)
		stream_exit(e, (int)exit->status);
	else if (err->exit_code)
		stream_no_command(e, err);
	else {
		plugin_fail(e->call, err);
		exec_stream_free(e);
	}
}

static const struct exec_session_told stream_told = { stream_output, stream_closed, stream_room, stream_ended };

static void on_stream_gone(void *arg)
{
	struct exec_stream *e = arg;

	if (e->session)
		exec_session_abandon(e->session);
	exec_stream_free(e);
}

static int stream_setup(struct exec_stream *e, const Driver__ExecTaskStreamingSetup *setup, struct err *err)
{
	if (!setup)
		return err_set(err, ERR_INVALID, "ExecTaskStreaming: the first message has no setup");
	e->tty = setup->tty;
	return exec_begin(e->call,
			  &(struct exec_wish){ .task_id = setup->task_id,
					       .command = setup->command,
					       .n = setup->n_command,
					       .tty = setup->tty,
					       .input = true },
			  &stream_told, e, &e->session, err);
}

/* No input follows. The stream is gone with that where it has said all. */
static void stream_input_ends(struct exec_stream *e)
{
	e->input_ended = true;
	if (e->exited)
		exec_stream_end(e);
	else
		exec_session_close_input(e->session);
}

static void stream_hear(struct exec_stream *e, const Driver__ExecTaskStreamingRequest *req)
{
	const Driver__ExecTaskStreamingTerminalSize *size = req->tty_size;
	const operation *io = req->stdin;

	if (e->exited) {
		if (io && io->close)
			stream_input_ends(e);
		return;
	}
	if (size && size->width > 0 && size->height > 0 && size->width <= SIZE_MOST && size->height <= SIZE_MOST)
		exec_session_resize(e->session, (unsigned)size->width, (unsigned)size->height);
	if (!io)
		return; /* with nothing else it is a heartbeat */
	exec_session_write(e->session, io->data.data, io->data.len);
	if (io->close)
		stream_input_ends(e);
	if (e->writer_paused || exec_session_unwritten(e->session) <= IN_MOST)
		return;
	e->writer_paused = true;
	plugin_pause(e->call, true);
}

static int stream_check(const Driver__ExecTaskStreamingRequest *req, struct err *err)
{
	if (!req->stdin || req->stdin->data.len <= PIECE_MOST)
		return 0;
	return err_hint(err,
			err_set(err, ERR_EXHAUSTED, "ExecTaskStreaming: %zu bytes of input in one message, more than %d",
				req->stdin->data.len, PIECE_MOST),
			"send it in smaller pieces");
}

void exec_streaming_begin(struct plugin_call *call, const ProtobufCMessage *msg)
{
	const Driver__ExecTaskStreamingRequest *req = (const void *)msg;
	struct exec_stream *e = mem_new(struct exec_stream);
	struct err err = ERR_INIT;

	e->call = call;
	timer_init(&e->linger, plugin_loop(call), exec_stream_end, e);
	if (stream_check(req, &err) < 0 || stream_setup(e, req->setup, &err) < 0) {
		plugin_fail(call, &err);
		exec_stream_free(e);
		return;
	}
	plugin_park(call, on_stream_gone, e);
	stream_hear(e, req);
}

void exec_streaming_message(struct plugin_call *call, const ProtobufCMessage *msg)
{
	const Driver__ExecTaskStreamingRequest *req = (const void *)msg;
	struct exec_stream *e = plugin_parked(call);
	struct err err = ERR_INIT;

	int r = req->setup ? err_set(&err, ERR_INVALID, "ExecTaskStreaming: a second setup") : stream_check(req, &err);

	if (r >= 0) {
		stream_hear(e, req);
		return;
	}
	if (e->session)
		exec_session_abandon(e->session);
	plugin_fail(call, &err);
	exec_stream_free(e);
}

/* No input can follow. A terminal's stays open, as Nomad's own drivers have it: its end would not be the shell's. */
void exec_streaming_half_close(struct plugin_call *call)
{
	struct exec_stream *e = plugin_parked(call);

	if (e->tty && !e->exited)
		e->input_ended = true;
	else
		stream_input_ends(e);
}
