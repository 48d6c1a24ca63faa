/* Theory of operation: two or three FIFOs stand in a folder of their own; the shim opens the other ends. Each output is an
 * outlet (outlet.h), which copies by itself while the loop turns; input is read only while nothing is left to be written to
 * the FIFO. So input and both outputs wait for nothing of each other, and nothing waits for them: signals are heard and
 * handed on (orders.h) while somebody does not read, and output is copied while containerd is away. The end of the process is
 * known from the Wait call; the end of its output from EOF on the FIFOs, which the shim closes once all writers are gone, or
 * when nothing came for a while. */
#include "streams.h"
#include "clock.h"
#include "attached.h"
#include "attachment.h"
#include "fifos.h"
#include "keys.h"
#include "log.h"
#include "mem.h"
#include "orders.h"
#include "outlet.h"
#include "task-wait.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

enum { CHUNK = 16384, DRAIN_MS = 2000, FORCE_AFTER = 3, IDLE_MS = 100 /* a prompt, which has no line end, is logged later */ };

struct streams {
	struct streams_conf conf;
	struct loop *loop;
	struct fifos fifos;
	char *other_socket;     /* conf.attach */
	char *address, *attach; /* of streams that davit's shim reads, which goes on without us; NULL: of FIFOs */
	struct ctrd_io io;
	bool inherited; /* we are the heir: nobody listens to us */
	bool left;      /* the process goes on: its FIFOs stay */
	struct outlet out[2];
	struct attached *attached; /* others; NULL: there can be none */
	int attached_in;           /* where what they write goes, an opening of its own; -1: input has ended, or there is none */
	bool told[2];              /* that what comes is dropped */
	struct timer idle;
	bool idling; /* the timer is set */
	/* input */
	int to_stdin;
	struct shared_fd input;
	struct watch in_watch, fifo_watch;
	struct buf pending;
	bool in_ended; /* ours is at its end: the container's is closed once pending is written */
	struct keys keys;
	/* our process's terminal and signals */
	struct console_was was;
	int terminal; /* whose modes are the job's, -1: none */
	int sigfd;
	struct watch sig_watch;
	unsigned interrupts;
	/* what the functions of watches have noted */
	bool detached, hung_up, resize, redraw, close_stdin;
	uint64_t signals; /* to be handed on; a bit each */
	/* the process; set while streams_run() runs */
	struct core *core;
	const char *id, *exec_id;
	struct orders *orders;
	struct task_wait *wait;
	struct ctrd_exit exit;
	bool draining;      /* the process has ended */
	struct timer quiet; /* since its output said something */
	bool is_quiet;
	uint64_t taken; /* when the timer was set */
};

static void name_to_shim(struct streams *s)
{
	struct log_uri uri = *s->conf.uri;

	uri.out = s->fifos.path[1];
	uri.err = s->fifos.path[2];
	s->address = log_uri_make(&uri);
	s->attach = mem_strdup(uri.attach);
	s->io = (struct ctrd_io){ s->fifos.path[0], s->address, s->conf.tty ? NULL : s->address, s->conf.tty };
	s->conf.uri = NULL;
}

int streams_new(const struct streams_conf *conf, struct loop *loop, struct streams **ret, struct err *err)
{
	_cleanup_(streams_freep) struct streams *s = mem_new(struct streams);
	int fds[3] = { -1, -1, -1 }, r;

	*s = (struct streams){ .conf = *conf, .loop = loop, .to_stdin = -1, .sigfd = -1, .terminal = -1, .attached_in = -1 };
	shared_fd_init(&s->input, -1, O_RDONLY);
	outlet_init(&s->out[LOG_STDOUT], -1, -1, LOG_STDOUT, NULL);
	outlet_init(&s->out[LOG_STDERR], -1, -1, LOG_STDERR, NULL);
	r = keys_parse(conf->detach_keys ? conf->detach_keys : "ctrl-p,ctrl-q", &s->keys, err);
	if (r < 0)
		return r;
	if (conf->given)
		memcpy(fds, conf->given, sizeof fds);
	else
		r = fifos_make(&s->fifos, conf->dir, conf->stdin_open, conf->tty, fds, err);
	if (r < 0)
		return r;
	s->to_stdin = fds[0];
	s->io = (struct ctrd_io){ s->fifos.path[0], s->fifos.path[1], s->fifos.path[2], conf->tty };
	if (conf->uri)
		name_to_shim(s);
	outlet_init(&s->out[LOG_STDOUT], fds[1], STDOUT_FILENO, LOG_STDOUT, conf->log);
	outlet_init(&s->out[LOG_STDERR], fds[2], STDERR_FILENO, LOG_STDERR, conf->log);
	s->conf.given = NULL;
	s->conf.attach = NULL;
	s->other_socket = mem_strdup(conf->attach);
	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++) {
		s->out[i].ledger = conf->ledger;
		outlet_prefix(&s->out[i], conf->prefix, conf->turns[i]);
	}
	if (conf->stdin_open)
		shared_fd_init(&s->input, STDIN_FILENO, O_RDONLY);
	*ret = TAKE_PTR(s);
	return 0;
}

const struct ctrd_io *streams_io(const struct streams *s) { return &s->io; }

/* Which of ours has the modes and the size of the job's terminal. */
static int terminal_fd(bool stdin_open) { return stdin_open ? STDIN_FILENO : STDOUT_FILENO; }

bool streams_size(bool stdin_open, struct winsize *ret) { return ioctl(terminal_fd(stdin_open), TIOCGWINSZ, ret) == 0; }

void streams_resize(struct streams *s, struct core *c, const char *id, const struct ctx *ctx)
{
	struct winsize ws;

	if (s->conf.tty && streams_size(s->conf.stdin_open, &ws))
		(void)tasks_resize(c->ctrd, id, NULL, ws.ws_col, ws.ws_row, ctx, NULL);
}

static void terminal_restore(struct streams *s)
{
	if (s->terminal >= 0)
		s->conf.console->restore(s->terminal, &s->was);
	s->terminal = -1;
}

static void terminal_raw(struct streams *s)
{
	int fd = terminal_fd(s->conf.stdin_open);

	if (s->conf.tty && s->conf.console->raw(fd, s->conf.stdin_open, &s->was))
		s->terminal = fd;
}

static void streams_close_input(struct streams *s)
{
	watch_done(&s->in_watch);
	watch_done(&s->fifo_watch);
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
		streams_close_input(s);
		return;
	}
	buf_drop(&s->pending, (size_t)n);
	if (s->pending.len)
		return;
	watch_events(&s->fifo_watch, 0);
	if (s->in_ended) {
		streams_close_input(s);
		s->close_stdin = s->fifos.dir != NULL; /* that of a process of our own */
	} else {
		watch_events(&s->in_watch, POLLIN);
	}
}

static void streams_on_input(void *arg, short revents)
{
	struct streams *s = arg;
	char chunk[CHUNK];
	ssize_t n = shared_fd_read(&s->input, chunk, sizeof chunk);

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 && s->terminal == STDIN_FILENO) /* raw, it has no end but this */
		s->hung_up = true;
	else if (n <= 0)
		s->in_ended = true;
	else if (s->terminal == STDIN_FILENO)
		s->detached = keys_feed(&s->keys, chunk, (size_t)n, &s->pending);
	else
		buf_add(&s->pending, chunk, (size_t)n);
	if (s->pending.len || s->in_ended) {
		watch_events(&s->in_watch, 0);
		watch_events(&s->fifo_watch, POLLOUT);
	}
}

/* The third Ctrl-C within one run kills a job that does not listen. */
static void on_signal(void *arg, short revents)
{
	struct streams *s = arg;
	struct signalfd_siginfo si;
	int sig;

	(void)revents;
	if (read(s->sigfd, &si, sizeof si) != (ssize_t)sizeof si)
		return;
	sig = (int)si.ssi_signo;
	if (sig == SIGWINCH) {
		s->resize = true;
		return;
	}
	if (sig == SIGHUP && s->terminal >= 0) {
		s->hung_up = true;
		return;
	}
	if ((sig == SIGINT || sig == SIGTERM) && ++s->interrupts >= FORCE_AFTER)
		sig = SIGKILL;
	streams_signal(s, sig);
}

void streams_signal(struct streams *s, int sig) { s->signals |= UINT64_C(1) << sig; }

void streams_close_stdin(struct streams *s) { s->close_stdin = s->conf.stdin_open; }

static void signals_take(struct streams *s)
{
	s->sigfd = s->conf.console->signals_take(s->conf.sig_proxy ? CONSOLE_ALL : CONSOLE_WINCH, &s->was);
	if (s->sigfd >= 0)
		watch_init(&s->sig_watch, s->loop, s->sigfd, POLLIN, on_signal, s);
}

static void signals_give_back(struct streams *s)
{
	watch_done(&s->sig_watch);
	if (s->sigfd >= 0)
		s->conf.console->signals_give_back(TAKE_FD(s->sigfd), &s->was);
}

static void on_idle(void *arg)
{
	struct streams *s = arg;

	s->idling = false;
	logfile_flush(s->conf.log);
}

/* who gets it besides */

static void streams_passed(void *arg, enum log_stream which, const char *p, size_t n)
{
	const struct streams *s = arg;
	struct err err = ERR_INIT;

	attached_pass(s->attached, which, p, n);
	if (results_write(s->conf.results, which, p, n, &err) < 0)
		log_warn("%s", err.msg);
}

static void streams_pass_on(struct streams *s)
{
	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++) {
		s->out[i].passed = s->attached || s->conf.results ? streams_passed : NULL;
		s->out[i].passed_arg = s;
	}
}

/* others who attach */

static int64_t streams_settle(void *arg)
{
	const struct streams *s = arg;

	if (s->conf.log)
		logfile_flush(s->conf.log);
	return clock_wall();
}

static void streams_end_input(struct streams *s)
{
	attached_input_closes(s->attached);
	if (s->attached_in >= 0)
		(void)close(TAKE_FD(s->attached_in));
}

static void streams_on_close(void *arg)
{
	struct streams *s = arg;

	streams_end_input(s);
	s->close_stdin = true;
}

/* Input stays open in any case when the process's owner leaves. */
static void streams_on_stay(void *arg) { (void)arg; }

/* The task was started again meanwhile, and its logger listens: what it prints is not ours. */
static bool others_listen(const struct streams *s)
{
	_cleanup_close_ int fd = -1;

	return s->inherited && attach_dial(s->other_socket, &fd, NULL) >= 0;
}

/* Nobody attaches where that cannot be. */
static void streams_listen(struct streams *s)
{
	const struct attached_ops ops = { .settle = streams_settle,
					  .close_input = streams_on_close,
					  .stay = streams_on_stay,
					  .arg = s,
					  .input = &s->attached_in };

	if (!s->other_socket || s->attached || others_listen(s) ||
	    attached_new(s->loop, s->other_socket, &ops, &s->attached, NULL) < 0)
		return;
	if (s->fifos.path[0] && !s->close_stdin)
		s->attached_in = open(s->fifos.path[0], O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	streams_pass_on(s);
}

/* @over: the process has ended; else another listens next. */
static void streams_listen_end(struct streams *s, bool over)
{
	struct attached *a = TAKE_PTR(s->attached);

	streams_pass_on(s);
	attached_input_closes(a);
	if (s->attached_in >= 0)
		(void)close(TAKE_FD(s->attached_in));
	if (over)
		attached_free(a);
	else
		attached_leave(a);
}

static void attach_outputs(struct streams *s)
{
	streams_pass_on(s);
	outlet_attach(&s->out[LOG_STDOUT], s->loop);
	outlet_attach(&s->out[LOG_STDERR], s->loop);
	if (s->conf.log)
		timer_init(&s->idle, s->loop, on_idle, s);
	s->idling = false;
}

static void streams_attach(struct streams *s)
{
	attach_outputs(s);
	if (s->to_stdin >= 0) {
		watch_init(&s->fifo_watch, s->loop, s->to_stdin, 0, on_fifo_room, s);
		watch_init(&s->in_watch, s->loop, s->input.fd, POLLIN, streams_on_input, s);
	}
	if (s->inherited || !s->conf.console)
		return;
	terminal_raw(s);
	signals_take(s);
	s->resize = s->conf.tty;
	s->redraw = s->conf.redraw;
}

static void detach(struct streams *s)
{
	outlet_detach(&s->out[LOG_STDOUT]);
	outlet_detach(&s->out[LOG_STDERR]);
	streams_listen_end(s, !s->left);
	timer_done(&s->idle);
	timer_done(&s->quiet);
	task_wait_free(TAKE_PTR(s->wait));
	watch_done(&s->in_watch);
	watch_done(&s->fifo_watch);
	orders_free(TAKE_PTR(s->orders));
	signals_give_back(s);
	terminal_restore(s);
}

static bool take_once(bool *flag)
{
	bool was = *flag;

	*flag = false;
	return was;
}

/* What the functions of watches have noted. */
static void hand_on(struct streams *s)
{
	struct winsize ws;

	if (s->resize && s->redraw && ioctl(s->terminal, TIOCGWINSZ, &ws) == 0)
		orders_resize(s->orders, ws.ws_col + 1U, ws.ws_row + 1U); /* the same again would be no change */
	else if (take_once(&s->resize) && ioctl(s->terminal, TIOCGWINSZ, &ws) == 0)
		orders_resize(s->orders, ws.ws_col, ws.ws_row);
	s->redraw = false;
	if (take_once(&s->close_stdin)) {
		streams_end_input(s);
		orders_close_stdin(s->orders);
	}
	for (; s->signals; s->signals &= s->signals - 1)
		orders_signal(s->orders, __builtin_ctzll(s->signals));
	if (orders_go_on(s->orders) || s->inherited)
		return;
	core_notice(s->core, "containerd does not answer: the signal did not reach the process");
	s->detached = true; /* whoever asked us to end is obeyed; the process goes on */
}

static void tell_losses(struct streams *s)
{
	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++) {
		struct err err = ERR_INIT;
		const struct outlet *o = &s->out[i];

		if (!o->lost || o->unread || s->told[i])
			continue;
		s->told[i] = true;
		(void)err_sys(&err, o->lost, "standard %s", i == LOG_STDOUT ? "output" : "error");
		core_notice(s->core, "%s: what the job writes is dropped", err.msg);
	}
}

/* Before a turn of the loop: what a log has begun is written once nothing more comes. */
static void set_idle(struct streams *s)
{
	if (!s->idle.loop || s->idling || !logfile_pending(s->conf.log))
		return;
	s->idling = true;
	timer_set(&s->idle, clock_mono() + IDLE_MS * NSEC_PER_MSEC);
}

/* After a turn: 0; or how it has to end. */
static int what_turned(struct streams *s)
{
	tell_losses(s);
	if (s->hung_up)
		return STREAMS_HUNG_UP;
	return s->out[LOG_STDOUT].unread || s->out[LOG_STDERR].unread ? STREAMS_UNREAD : 0;
}

static bool is_to_come(const struct streams *s) { return outlet_open(&s->out[LOG_STDOUT]) || outlet_open(&s->out[LOG_STDERR]); }

static bool is_pending(const struct streams *s)
{
	return outlet_pending(&s->out[LOG_STDOUT]) || outlet_pending(&s->out[LOG_STDERR]);
}

static void on_quiet(void *arg) { ((struct streams *)arg)->is_quiet = true; }

static uint64_t taken(const struct streams *s) { return s->out[LOG_STDOUT].taken + s->out[LOG_STDERR].taken; }

static void await_quiet(struct streams *s)
{
	s->taken = taken(s);
	s->is_quiet = false;
	timer_set(&s->quiet, clock_mono() + DRAIN_MS * NSEC_PER_MSEC);
}

static void drain_begin(struct streams *s)
{
	fifos_touch(&s->fifos);
	s->signals = 0;
	s->draining = true;
	timer_init(&s->quiet, s->loop, on_quiet, s);
	await_quiet(s);
}

/* After the end of the process: until EOF, or until nothing has come for DRAIN_MS (a stray process holds the other end); what
 * came is written, however slowly ours is read, unless a signal says that it is no longer wanted. */
static bool is_drained(struct streams *s)
{
	if ((!is_to_come(s) && !is_pending(s)) || s->signals || what_turned(s))
		return true;
	if (!s->is_quiet)
		return false;
	if (taken(s) == s->taken && !is_pending(s))
		return true;
	await_quiet(s);
	return false;
}

void streams_begin(struct streams *s, struct core *core, const char *id, const char *exec_id, struct ctrd_call *wait)
{
	s->loop = core->loop;
	s->core = core;
	s->id = id;
	s->exec_id = exec_id;
	s->draining = false;
	s->orders = orders_new(core, id, exec_id);
	streams_listen(s);
	streams_attach(s);
	s->wait = task_wait_new(core, id, exec_id, wait);
}

bool streams_ended(const struct streams *s) { return s->draining || task_wait_over(s->wait); }

void streams_leave(struct streams *s)
{
	s->left = true;
	detach(s);
}

static int streams_over(struct streams *s, int r)
{
	if (r == STREAMS_DETACHED && s->attach && s->conf.stdin_open)
		attachment_stay(s->attach);
	s->left = r != STREAMS_EXITED && r != -ERR_NOT_FOUND;
	detach(s);
	return r;
}

int streams_go_on(struct streams *s, struct ctrd_exit *ret, struct err *err)
{
	int r;

	set_idle(s);
	if (!s->draining) {
		hand_on(s);
		if (s->detached)
			return streams_over(s, STREAMS_DETACHED);
		if (!task_wait_over(s->wait)) {
			r = what_turned(s);
			return r ? streams_over(s, r) : 0;
		}
		r = task_wait_result(s->wait, &s->exit, err);
		if (r < 0)
			return streams_over(s, r);
		drain_begin(s);
	}
	if (!is_drained(s))
		return 0;
	*ret = s->exit;
	return streams_over(s, STREAMS_EXITED);
}

int streams_run(struct streams *s, struct core *core, const char *id, const char *exec_id, struct ctrd_call *wait,
		const struct ctx *ctx, struct ctrd_exit *ret_exit, struct err *err)
{
	struct ctx own = s->conf.sig_proxy || !ctx ? ctx_uncancelled(ctx) : *ctx; /* signals go to the process instead */
	int r;

	streams_begin(s, core, id, exec_id, wait);
	while ((r = streams_go_on(s, ret_exit, err)) == 0) {
		r = loop_turn(s->loop, &own, err);
		if (r >= 0)
			continue;
		if (!s->draining)
			return streams_over(s, r);
		err_clear(err);
		*ret_exit = s->exit;
		return streams_over(s, STREAMS_EXITED);
	}
	return r;
}

int streams_exit_code(const struct streams *s, const struct ctrd_exit *exit)
{
	bool lost = s->out[LOG_STDOUT].lost || s->out[LOG_STDERR].lost;

	if (s->out[LOG_STDOUT].unread || s->out[LOG_STDERR].unread)
		return STREAMS_SIGPIPE;
	return lost && !exit->status ? STREAMS_LOST : (int)exit->status;
}

size_t streams_fifos(const struct streams *s, int ret[2])
{
	size_t n = 0;

	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++)
		if (outlet_open(&s->out[i]) && !s->address)
			ret[n++] = s->out[i].from;
	return n;
}

void streams_inherit(struct streams *s, struct logfile *log, struct results *results)
{
	s->inherited = true;
	s->left = s->detached = s->hung_up = false;
	s->conf.log = log;
	s->conf.results = results;
	s->conf.sig_proxy = false;
	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++)
		outlet_init(&s->out[i], s->address ? -1 : s->out[i].from, -1, (enum log_stream)i, log);
	s->to_stdin = s->sigfd = s->terminal = s->attached_in = -1;
	s->attached = NULL; /* the memory is our parent's loop's */
	s->input = (struct shared_fd){ .fd = -1, .own = -1 };
	s->in_watch = s->fifo_watch = s->sig_watch = (struct watch){ 0 };
	s->idle = s->quiet = (struct timer){ 0 };
	s->orders = NULL;
	s->wait = NULL;
	s->draining = false;
}

void streams_read_on(struct streams *const *v, size_t n, int64_t ms)
{
	struct loop *loop = loop_new();
	const struct ctx until = ctx_within(NULL, ms);
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		v[i]->loop = loop;
		attach_outputs(v[i]);
	}
	while (r >= 0) {
		for (size_t i = 0; i < n; i++)
			set_idle(v[i]);
		r = loop_turn(loop, &until, NULL);
	}
	for (size_t i = 0; i < n; i++)
		detach(v[i]);
	loop_free(loop);
}

void streams_free(struct streams *s)
{
	if (!s)
		return;
	detach(s);
	outlet_done(&s->out[LOG_STDOUT]);
	outlet_done(&s->out[LOG_STDERR]);
	streams_close_input(s);
	shared_fd_done(&s->input);
	if (!s->left || s->address) /* else the shim has them open */
		fifos_remove(&s->fifos);
	else
		fifos_forget(&s->fifos);
	free(s->address);
	free(s->attach);
	free(s->other_socket);
	buf_done(&s->pending);
	free(s);
}
