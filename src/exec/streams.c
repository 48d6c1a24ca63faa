/* Theory of operation: two or three FIFOs stand in a folder of their own; the shim opens the other ends. Output is read
 * when there is some and written out whole (a slow reader of ours slows the container down, as it should). Input is read
 * only while nothing is left to be written to the FIFO. The end of the process is known from the Wait call; the end of its
 * output from EOF on the FIFOs, which the shim closes once all writers are gone, or when nothing came for a while. */
#include "streams.h"
#include "clock.h"
#include "file.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
#include "task-wait.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>

enum { CHUNK = 16384, DRAIN_MS = 2000, CALL_MS = 1500 /* somebody has pressed Ctrl-C */, FORCE_AFTER = 3 };

struct output {
	struct streams *io;
	int from, to;
	enum log_stream stream;
	struct watch *watch;
};

struct streams {
	struct streams_conf conf;
	struct loop *loop;
	char *dir, *path[3];
	struct ctrd_io io;
	struct output out[2];
	/* input */
	int to_stdin;
	struct watch *in_watch, *fifo_watch;
	struct buf pending;
	bool in_ended;         /* ours is at its end: the container's is closed once pending is written */
	struct keys keys;
	bool detached;
	/* terminal */
	int terminal;          /* whose modes are ours, -1: none */
	struct termios saved;
	/* signals */
	int sigfd;
	struct watch *sig_watch;
	sigset_t old_mask;
	unsigned interrupts;
	/* the process; set while streams_run() runs */
	struct core *core;
	const char *id, *exec_id;
	bool resize, close_stdin;
	int kill_signal;       /* to be handed on; 0: none */
};

static int make_fifo(struct streams *s, unsigned i, const char *name, int flags, int *ret_fd, struct err *err)
{
	s->path[i] = mem_printf("%s/%s", s->dir, name);
	if (mkfifo(s->path[i], 0600) < 0)
		return err_sys(err, errno, "FIFO %s", s->path[i]);
	*ret_fd = open(s->path[i], flags | O_NONBLOCK | O_CLOEXEC);
	return *ret_fd < 0 ? err_sys(err, errno, "FIFO %s", s->path[i]) : 0;
}

static int make_fifos(struct streams *s, struct err *err)
{
	int r = 0;

	if (s->conf.stdin_open)
		r = make_fifo(s, 0, "stdin", O_RDWR, &s->to_stdin, err);
	if (r >= 0)
		r = make_fifo(s, 1, "stdout", O_RDONLY, &s->out[0].from, err);
	if (r >= 0 && !s->conf.tty)
		r = make_fifo(s, 2, "stderr", O_RDONLY, &s->out[1].from, err);
	s->io = (struct ctrd_io){ s->path[0], s->path[1], s->path[2], s->conf.tty };
	return r;
}

int streams_new(const struct streams_conf *conf, struct loop *loop, struct streams **ret, struct err *err)
{
	_cleanup_(streams_freep) struct streams *s = mem_new(struct streams);
	int r;

	*s = (struct streams){ .conf = *conf, .loop = loop, .to_stdin = -1, .sigfd = -1, .terminal = -1,
		.out = { { s, -1, STDOUT_FILENO, LOG_STDOUT, NULL }, { s, -1, STDERR_FILENO, LOG_STDERR, NULL } } };
	r = keys_parse(conf->detach_keys ? conf->detach_keys : "ctrl-p,ctrl-q", &s->keys, err);
	if (r < 0)
		return r;
	r = file_mkdirs_private(conf->dir, err);
	if (r < 0)
		return r;
	s->dir = mem_strdup(conf->dir);
	r = make_fifos(s, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

const struct ctrd_io *streams_io(const struct streams *s)
{
	return &s->io;
}

/* Which of ours has the modes and the size of the job's terminal. */
static int terminal_fd(bool stdin_open)
{
	return stdin_open ? STDIN_FILENO : STDOUT_FILENO;
}

bool streams_size(bool stdin_open, struct winsize *ret)
{
	return ioctl(terminal_fd(stdin_open), TIOCGWINSZ, ret) == 0;
}

void streams_resize(struct streams *s, struct core *c, const char *id, const struct ctx *ctx)
{
	struct winsize ws;

	if (s->conf.tty && streams_size(s->conf.stdin_open, &ws))
		(void)tasks_resize(c->ctrd, id, NULL, ws.ws_col, ws.ws_row, ctx, NULL);
}

static void terminal_restore(struct streams *s)
{
	if (s->terminal >= 0)
		(void)tcsetattr(s->terminal, TCSADRAIN, &s->saved);
	s->terminal = -1;
}

/* Without input only what is printed goes through as it is: the job's terminal has ended its lines already. */
static void terminal_raw(struct streams *s)
{
	int fd = terminal_fd(s->conf.stdin_open);
	struct termios t;

	if (!s->conf.tty || tcgetattr(fd, &s->saved) < 0)
		return;
	t = s->saved;
	if (s->conf.stdin_open)
		cfmakeraw(&t);
	else
		t.c_oflag &= ~(tcflag_t)OPOST;
	if (tcsetattr(fd, TCSADRAIN, &t) == 0)
		s->terminal = fd;
}

static void output_close(struct output *o)
{
	watch_free(TAKE_PTR(o->watch));
	if (o->from >= 0)
		(void)close(TAKE_FD(o->from));
}

static void output_lost(struct output *o, int why)
{
	struct err err = ERR_INIT;

	o->to = -1;
	if (why == EPIPE)
		return;
	(void)err_sys(&err, why, "standard %s", o->stream == LOG_STDOUT ? "output" : "error");
	core_notice(o->io->core, "%s: what the job writes is dropped", err.msg);
}

/* Our reader may be gone (EPIPE): the container's output is then read and dropped, as `docker run | head` does. */
static void write_out(struct output *o, const char *p, size_t n)
{
	while (n && o->to >= 0) {
		ssize_t w = write(o->to, p, n);
		struct pollfd pfd = { .fd = o->to, .events = POLLOUT };

		if (w < 0 && errno == EAGAIN) {
			(void)poll(&pfd, 1, -1);
			continue;
		}
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0) {
			output_lost(o, errno);
			return;
		}
		p += w;
		n -= (size_t)w;
	}
}

/* A FIFO that nobody has opened for writing yet reads as EOF: only POLLHUP after data, or after the end of the process,
 * is the end. poll(2) reports neither before the first writer has come. */
static void on_output(void *arg, short revents)
{
	struct output *o = arg;
	char chunk[CHUNK];
	ssize_t n = read(o->from, chunk, sizeof chunk);

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		output_close(o);
		return;
	}
	write_out(o, chunk, (size_t)n);
	if (o->io->conf.log)
		logfile_write(o->io->conf.log, o->stream, chunk, (size_t)n);
}

static void input_close(struct streams *s)
{
	watch_free(TAKE_PTR(s->in_watch));
	watch_free(TAKE_PTR(s->fifo_watch));
	if (s->to_stdin >= 0)
		(void)close(TAKE_FD(s->to_stdin));
}

static void on_fifo_room(void *arg, short revents)
{
	struct streams *s = arg;
	ssize_t n = write(s->to_stdin, buf_str(&s->pending), s->pending.len);

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) { /* the process closed its input */
		input_close(s);
		return;
	}
	buf_drop(&s->pending, (size_t)n);
	if (s->pending.len)
		return;
	watch_events(s->fifo_watch, 0);
	if (s->in_ended) {
		input_close(s);
		s->close_stdin = true;
	} else {
		watch_events(s->in_watch, POLLIN);
	}
}

static void on_input(void *arg, short revents)
{
	struct streams *s = arg;
	char chunk[CHUNK];
	ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		s->in_ended = true;
	else if (s->terminal == STDIN_FILENO)
		s->detached = keys_feed(&s->keys, chunk, (size_t)n, &s->pending);
	else
		buf_add(&s->pending, chunk, (size_t)n);
	if (s->pending.len || s->in_ended) {
		watch_events(s->in_watch, 0);
		watch_events(s->fifo_watch, POLLOUT);
	}
}

/* The third Ctrl-C within one run kills a job that does not listen. */
static void on_signal(void *arg, short revents)
{
	struct streams *s = arg;
	struct signalfd_siginfo si;

	(void)revents;
	if (read(s->sigfd, &si, sizeof si) != (ssize_t)sizeof si)
		return;
	if (si.ssi_signo == SIGWINCH) {
		s->resize = true;
		return;
	}
	s->kill_signal = (int)si.ssi_signo;
	if ((si.ssi_signo == SIGINT || si.ssi_signo == SIGTERM) && ++s->interrupts >= FORCE_AFTER)
		s->kill_signal = SIGKILL;
}

static void signals_take(struct streams *s)
{
	static const int handed_on[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT };
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGWINCH);
	for (size_t i = 0; s->conf.sig_proxy && i < sizeof handed_on / sizeof *handed_on; i++)
		(void)sigaddset(&set, handed_on[i]);
	(void)sigprocmask(SIG_BLOCK, &set, &s->old_mask);
	s->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->sigfd >= 0)
		s->sig_watch = loop_watch(s->loop, s->sigfd, POLLIN, on_signal, s);
}

static void signals_give_back(struct streams *s)
{
	watch_free(TAKE_PTR(s->sig_watch));
	if (s->sigfd < 0)
		return;
	(void)close(TAKE_FD(s->sigfd));
	(void)sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
}

static void attach(struct streams *s)
{
	for (size_t i = 0; i < 2; i++)
		if (s->out[i].from >= 0)
			s->out[i].watch = loop_watch(s->loop, s->out[i].from, POLLIN, on_output, &s->out[i]);
	if (s->to_stdin >= 0) {
		s->fifo_watch = loop_watch(s->loop, s->to_stdin, 0, on_fifo_room, s);
		s->in_watch = loop_watch(s->loop, STDIN_FILENO, POLLIN, on_input, s);
	}
	terminal_raw(s);
	signals_take(s);
	s->resize = s->conf.tty;
}

static void detach(struct streams *s)
{
	for (size_t i = 0; i < 2; i++)
		watch_free(TAKE_PTR(s->out[i].watch));
	watch_free(TAKE_PTR(s->in_watch));
	watch_free(TAKE_PTR(s->fifo_watch));
	signals_give_back(s);
	terminal_restore(s);
}

static bool take_flag(bool *flag)
{
	bool was = *flag;

	*flag = false;
	return was;
}

static bool is_ending(int sig)
{
	return sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGKILL;
}

/* What a watch function noted and only a call can do. Each may fail when the process is just ending. */
static void hand_on(struct streams *s, const struct ctx *ctx)
{
	struct ctrd *c = s->core->ctrd;
	struct ctx call = ctx_within(ctx, CALL_MS);
	struct winsize ws;
	int sig, r = 0;

	/* each is taken before the call: while that waits, the next may be noted */
	if (take_flag(&s->resize) && ioctl(s->terminal, TIOCGWINSZ, &ws) == 0)
		(void)tasks_resize(c, s->id, s->exec_id, ws.ws_col, ws.ws_row, &call, NULL);
	if (take_flag(&s->close_stdin))
		(void)tasks_close_stdin(c, s->id, s->exec_id, &call, NULL);
	sig = s->kill_signal;
	s->kill_signal = 0;
	if (sig)
		r = tasks_kill(c, s->id, s->exec_id, sig, false, &call, NULL);
	if ((r == -ERR_UNAVAILABLE || r == -ERR_DEADLINE) && is_ending(sig)) {
		core_notice(s->core, "containerd does not answer: the signal did not reach the process");
		s->detached = true; /* whoever asked us to end is obeyed; the process goes on */
	}
}

static bool output_open(const struct streams *s)
{
	return s->out[0].from >= 0 || s->out[1].from >= 0;
}

/* A FIFO that no writer ever opened has no end either: a writer that comes and goes makes one. */
static void touch_outputs(struct streams *s)
{
	for (size_t i = 1; i < 3; i++) {
		int fd = s->path[i] ? open(s->path[i], O_WRONLY | O_NONBLOCK | O_CLOEXEC) : -1;

		if (fd >= 0)
			(void)close(fd);
	}
}

/* After the end of the process: until EOF, or until nothing has come for DRAIN_MS (a stray process holds the other end). */
static void drain(struct streams *s)
{
	touch_outputs(s);
	while (output_open(s)) {
		struct ctx quiet = ctx_within(NULL, DRAIN_MS);

		if (loop_turn(s->loop, &quiet, NULL) < 0)
			break;
	}
}

/* Copies until the process has ended: 1; or the keys detach: 0. */
static int copy_until_end(struct streams *s, struct ctrd_call *call, const struct ctx *ctx, struct ctrd_exit *ret, struct err *err)
{
	_cleanup_(task_wait_freep) struct task_wait *wait = task_wait_new(s->core, s->id, s->exec_id, call);

	for (;;) {
		int r;

		hand_on(s, ctx);
		if (s->detached)
			return 0;
		if (task_wait_over(wait)) {
			r = task_wait_result(wait, ret, err);
			return r < 0 ? r : 1;
		}
		r = loop_turn(s->loop, ctx, err);
		if (r < 0)
			return r;
	}
}

int streams_run(struct streams *s, struct core *core, const char *id, const char *exec_id, struct ctrd_call *wait,
	      const struct ctx *ctx, struct ctrd_exit *ret_exit, struct err *err)
{
	struct ctx own = s->conf.sig_proxy || !ctx ? ctx_uncancelled(ctx) : *ctx; /* signals go to the process instead */
	int r;

	s->core = core;
	s->id = id;
	s->exec_id = exec_id;
	attach(s);
	r = copy_until_end(s, wait, &own, ret_exit, err);
	if (r == 1)
		drain(s);
	detach(s);
	return r;
}

void streams_take_output(struct streams *s, int *ret_out, int *ret_err)
{
	*ret_out = TAKE_FD(s->out[0].from);
	*ret_err = TAKE_FD(s->out[1].from);
}

void streams_free(struct streams *s)
{
	if (!s)
		return;
	detach(s);
	output_close(&s->out[0]);
	output_close(&s->out[1]);
	input_close(s);
	for (size_t i = 0; i < 3; i++) {
		if (s->path[i] && !s->detached)
			(void)unlink(s->path[i]);
		free(s->path[i]);
	}
	if (s->dir && !s->detached)
		(void)rmdir(s->dir);
	free(s->dir);
	buf_done(&s->pending);
	free(s);
}
