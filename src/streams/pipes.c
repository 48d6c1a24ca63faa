/* Theory of operation: an output is watched until its end; each piece is handed on as it comes, by a call that is the last thing
 * done, since it may end the pipes. A FIFO whose other end nobody has opened yet says nothing to a watch. Input that the FIFO does
 * not take stays in a buffer, whose size is its writer's to bound. */
#include "pipes.h"
#include "clock.h"
#include "mem.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 16384 };

static void pipe_close(struct pipe_out *o)
{
	watch_done(&o->watch);
	closep(&o->fd);
}

static bool pipes_open_still(const struct pipes *p) { return p->out[LOG_STDOUT].fd >= 0 || p->out[LOG_STDERR].fd >= 0; }

/* At a turn to come, since whoever is called from here may end it all. */
static void set_quiet(struct pipes *p)
{
	const int64_t now = clock_mono();

	if (!p->draining)
		return;
	if (!pipes_open_still(p))
		timer_set(&p->quiet, now);
	else if (p->paused)
		timer_set(&p->quiet, 0);
	else
		timer_set(&p->quiet, now + PIPES_QUIET_MS * NSEC_PER_MSEC);
}

static void on_quiet_pipes(void *arg)
{
	struct pipes *p = arg;

	p->told->drained(p->arg);
}

static void pipe_ended(struct pipe_out *o)
{
	struct pipes *p = o->of;

	pipe_close(o);
	set_quiet(p);
	p->told->closed(p->arg, (enum log_stream)(o - p->out));
}

static bool is_too_late(struct pipe_out *o, size_t n)
{
	o->late += n;
	return o->late > PIPES_LATE || clock_mono() > o->of->drain_until;
}

static void on_pipe(void *arg, short revents)
{
	struct pipe_out *o = arg;
	struct pipes *p = o->of;
	char chunk[CHUNK];
	ssize_t n = read(o->fd, chunk, sizeof chunk);

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || (p->draining && is_too_late(o, (size_t)n))) {
		pipe_ended(o);
		return;
	}
	set_quiet(p);
	p->told->output(p->arg, (enum log_stream)(o - p->out), chunk, (size_t)n);
}

static void pipes_end_input(struct pipes *p)
{
	watch_done(&p->in_watch);
	closep(&p->in);
	p->input = false;
	buf_done(&p->pending);
	p->written = 0;
}

/* What the FIFO takes; false: there is no input any more. */
static bool write_pending(struct pipes *p)
{
	while (pipes_unwritten(p)) {
		ssize_t n = write(p->in, p->pending.data + p->written, pipes_unwritten(p));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		p->written += (size_t)n;
	}
	buf_done(&p->pending);
	p->written = 0;
	return true;
}

static void on_pipe_room(void *arg, short revents)
{
	struct pipes *p = arg;

	(void)revents;
	if (!write_pending(p)) {
		pipes_end_input(p);
		p->told->room(p->arg);
		return;
	}
	if (pipes_unwritten(p))
		return;
	watch_events(&p->in_watch, 0);
	if (!p->in_closes) {
		p->told->room(p->arg);
		return;
	}
	pipes_end_input(p);
	p->told->input_ended(p->arg);
}

void pipes_init(struct pipes *p, struct loop *loop, bool input, bool tty, const struct pipes_told *told, void *arg)
{
	*p = (struct pipes){ .loop = loop, .told = told, .arg = arg, .in = -1, .input = input, .tty = tty };
	for (size_t i = 0; i < 2; i++)
		p->out[i] = (struct pipe_out){ .of = p, .fd = -1 };
	timer_init(&p->quiet, loop, on_quiet_pipes, p);
}

int pipes_open(struct pipes *p, const char *dir, struct err *err)
{
	int fds[3], r = fifos_make(&p->fifos, dir, p->input, p->tty, fds, err);

	if (r < 0)
		return r;
	p->in = fds[0];
	if (p->input)
		watch_init(&p->in_watch, p->loop, p->in, 0, on_pipe_room, p);
	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++) {
		p->out[i].fd = fds[i + 1];
		if (p->out[i].fd >= 0)
			watch_init(&p->out[i].watch, p->loop, p->out[i].fd, 0, on_pipe, &p->out[i]);
	}
	return 0;
}

void pipes_done(struct pipes *p)
{
	if (!p->loop)
		return;
	pipe_close(&p->out[LOG_STDOUT]);
	pipe_close(&p->out[LOG_STDERR]);
	pipes_end_input(p);
	timer_done(&p->quiet);
	fifos_remove(&p->fifos);
	*p = (struct pipes){ 0 };
}

static void watch_outputs(struct pipes *p)
{
	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++)
		if (watch_on(&p->out[i].watch))
			watch_events(&p->out[i].watch, p->begun && !p->paused ? POLLIN : 0);
}

void pipes_begin(struct pipes *p)
{
	p->begun = true;
	watch_outputs(p);
	if (p->input && (pipes_unwritten(p) || p->in_closes))
		watch_events(&p->in_watch, POLLOUT);
}

void pipes_pause(struct pipes *p, bool on)
{
	if (p->paused == on)
		return;
	p->paused = on;
	watch_outputs(p);
	p->drain_until = clock_mono() + PIPES_LATE_MS * NSEC_PER_MSEC;
	set_quiet(p);
}

void pipes_write(struct pipes *p, const void *data, size_t n)
{
	if (!p->input || p->in_closes || !n)
		return;
	buf_add(&p->pending, data, n);
	if (p->begun)
		watch_events(&p->in_watch, POLLOUT);
}

void pipes_close_input(struct pipes *p)
{
	if (!p->input || p->in_closes)
		return;
	p->in_closes = true;
	if (p->begun)
		watch_events(&p->in_watch, POLLOUT);
}

void pipes_drain(struct pipes *p)
{
	fifos_touch(&p->fifos);
	p->draining = true;
	p->drain_until = clock_mono() + PIPES_LATE_MS * NSEC_PER_MSEC;
	set_quiet(p);
}
