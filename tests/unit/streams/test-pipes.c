#include "test.h"
#include "clock.h"
#include "ctx.h"
#include "file.h"
#include "mem.h"
#include "pipes.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT_MS = 20000, MUCH = 1 << 20 };

/* A process's streams as their owner sees them, and the shim's ends. */
struct rig {
	struct loop *loop;
	char dir[32], *folder;
	struct pipes pipes;
	struct buf out[2];
	unsigned closed, rooms, input_ends, drained;
	int in, fd[2];
};

static void rig_output(void *arg, enum log_stream which, const char *p, size_t n)
{
	buf_add(&((struct rig *)arg)->out[which], p, n);
}
static void rig_closed(void *arg, enum log_stream which) { ((struct rig *)arg)->closed |= 1U << which; }
static void rig_room(void *arg) { ((struct rig *)arg)->rooms++; }
static void rig_input_ended(void *arg) { ((struct rig *)arg)->input_ends++; }
static void rig_drained(void *arg) { ((struct rig *)arg)->drained++; }

static const struct pipes_told rig_told = { rig_output, rig_closed, rig_room, rig_input_ended, rig_drained };

static void turn(const struct rig *r)
{
	const struct ctx limit = ctx_within(NULL, LIMIT_MS);

	assert_int_equal(loop_turn(r->loop, &limit, NULL), 0);
}

static void turn_for(const struct rig *r, int64_t ms)
{
	const struct ctx limit = ctx_within(NULL, ms);

	while (loop_turn(r->loop, &limit, NULL) >= 0)
		;
}

static int open_end(const struct rig *r, unsigned fd, int flags)
{
	int end = open(pipes_path(&r->pipes, fd), flags | O_NONBLOCK | O_CLOEXEC);

	assert_true(end >= 0);
	return end;
}

static void begin(struct rig *r)
{
	r->in = open_end(r, 0, O_RDONLY);
	r->fd[LOG_STDOUT] = open_end(r, 1, O_WRONLY);
	r->fd[LOG_STDERR] = open_end(r, 2, O_WRONLY);
	pipes_begin(&r->pipes);
}

static void say(const struct rig *r, enum log_stream which, const char *text)
{
	assert_int_equal(write(r->fd[which], text, strlen(text)), strlen(text));
}

static void hush(struct rig *r, enum log_stream which)
{
	closep(&r->fd[which]);
	r->fd[which] = -1;
}

static void outputs_and_their_ends(void **state)
{
	struct rig *r = *state;

	begin(r);
	say(r, LOG_STDOUT, "out");
	say(r, LOG_STDERR, "err");
	while (r->out[0].len + r->out[1].len < 6)
		turn(r);
	assert_string_equal(buf_str(&r->out[LOG_STDOUT]), "out");
	assert_string_equal(buf_str(&r->out[LOG_STDERR]), "err");
	hush(r, LOG_STDERR);
	while (!r->closed)
		turn(r);
	assert_int_equal(r->closed, 1U << LOG_STDERR);
	say(r, LOG_STDOUT, "!");
	hush(r, LOG_STDOUT);
	pipes_drain(&r->pipes);
	while (!r->drained)
		turn(r);
	assert_string_equal(buf_str(&r->out[LOG_STDOUT]), "out!");
	assert_int_equal(r->closed, 3);
}

/* One that never opened them has ended, too. */
static void nobody_came(void **state)
{
	struct rig *r = *state;

	pipes_begin(&r->pipes);
	pipes_drain(&r->pipes);
	while (!r->drained)
		turn(r);
	assert_int_equal(r->closed, 3);
}

static void nothing_before_the_beginning(void **state)
{
	struct rig *r = *state;
	char got[8] = "";

	r->in = open_end(r, 0, O_RDONLY);
	r->fd[LOG_STDOUT] = open_end(r, 1, O_WRONLY);
	say(r, LOG_STDOUT, "early");
	hush(r, LOG_STDOUT);
	pipes_write(&r->pipes, "in", 2);
	pipes_close_input(&r->pipes);
	turn_for(r, 50);
	assert_int_equal(r->out[LOG_STDOUT].len + r->closed, 0);
	assert_int_equal(read(r->in, got, sizeof got), -1);
	pipes_begin(&r->pipes);
	while (!r->closed || !r->input_ends)
		turn(r);
	assert_string_equal(buf_str(&r->out[LOG_STDOUT]), "early");
	assert_int_equal(read(r->in, got, sizeof got), 2);
	assert_int_equal(read(r->in, got, sizeof got), 0); /* its end */
}

static void a_pause_stops_output_and_the_end(void **state)
{
	struct rig *r = *state;

	begin(r);
	pipes_pause(&r->pipes, true);
	say(r, LOG_STDOUT, "late");
	hush(r, LOG_STDERR);
	pipes_drain(&r->pipes);
	turn_for(r, PIPES_QUIET_MS + 200);
	assert_int_equal(r->out[LOG_STDOUT].len + r->drained, 0);
	pipes_pause(&r->pipes, false);
	while (!r->drained) /* another holds its output open, and says nothing */
		turn(r);
	assert_string_equal(buf_str(&r->out[LOG_STDOUT]), "late");
}

/* More than a FIFO takes: nothing is lost, its writer hears once all has gone. */
static void much_input(void **state)
{
	struct rig *r = *state;
	char *much = mem_zalloc(MUCH), got[4096];
	size_t n = 0;

	begin(r);
	memset(much, 'x', MUCH);
	pipes_write(&r->pipes, much, MUCH);
	free(much);
	while (n < MUCH) {
		ssize_t k = read(r->in, got, sizeof got);

		if (k > 0)
			n += (size_t)k;
		else
			turn(r);
	}
	while (!r->rooms)
		turn(r);
	assert_int_equal(pipes_unwritten(&r->pipes), 0);
	assert_int_equal(r->rooms, 1);
}

/* What others say behind the end has an end, too. */
static void talk_behind_the_end(void **state)
{
	static const char text[1024] = { 0 };
	struct rig *r = *state;
	ssize_t n = 0;

	begin(r);
	hush(r, LOG_STDERR);
	pipes_drain(&r->pipes);
	while (!r->drained) {
		do
			n = write(r->fd[LOG_STDOUT], text, sizeof text);
		while (n > 0);
		turn(r);
	}
	assert_true(r->out[LOG_STDOUT].len <= PIPES_LATE);
}

static int setup(void **state)
{
	struct rig *r = mem_new(struct rig);

	*r = (struct rig){ .loop = loop_new(), .in = -1, .fd = { -1, -1 } };
	memcpy(r->dir, "/tmp/pipes-XXXXXX", 18);
	assert_non_null(mkdtemp(r->dir));
	(void)signal(SIGPIPE, SIG_IGN); /* the shim's end may speak to nobody */
	r->folder = mem_printf("%s/exec", r->dir);
	pipes_init(&r->pipes, r->loop, true, false, &rig_told, r);
	assert_int_equal(pipes_open(&r->pipes, r->folder, NULL), 0);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	closep(&r->in);
	closep(&r->fd[0]);
	closep(&r->fd[1]);
	pipes_done(&r->pipes);
	assert_false(file_exists(r->folder));
	(void)rmdir(r->dir);
	loop_free(r->loop);
	buf_done(&r->out[0]);
	buf_done(&r->out[1]);
	free(r->folder);
	free(r);
	*state = NULL;
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("pipes", T(outputs_and_their_ends), T(nobody_came), T(nothing_before_the_beginning), T(a_pause_stops_output_and_the_end),
	  T(much_input), T(talk_behind_the_end))
