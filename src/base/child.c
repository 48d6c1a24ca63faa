#include "child.h"
#include "clock.h"
#include "launch.h"
#include "log.h"
#include "mem.h"
#include "reaper.h"
#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { DRAIN_READS = 64 };

struct stream {
	struct child *of;
	int fd;
	struct watch watch;
	struct buf got;
	size_t max, total;
};

struct child {
	struct loop *loop;
	pid_t pid;
	struct reap reap;
	int status;
	bool ended, group, flooded;
	size_t flood_max;
	int64_t began;
	void (*on_ended)(void *arg);
	void *arg;
	struct stream out, err;
	int in_fd;
	struct watch in_watch;
	struct buf input;
};

static void stream_close(struct stream *s)
{
	watch_done(&s->watch);
	if (s->fd >= 0)
		(void)close(TAKE_FD(s->fd));
}

static void input_close(struct child *c)
{
	watch_done(&c->in_watch);
	if (c->in_fd >= 0)
		(void)close(TAKE_FD(c->in_fd));
}

/* Its exit is then seen as any other. */
static void end_flood(struct child *c)
{
	if (!c->flooded)
		child_kill(c, SIGKILL);
	c->flooded = true;
}

static void child_on_output(void *arg, short revents)
{
	struct stream *s = arg;
	char chunk[16384];
	ssize_t n = read(s->fd, chunk, sizeof chunk);
	size_t keep;

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		stream_close(s);
		return;
	}
	keep = s->max - s->got.len;
	buf_add(&s->got, chunk, (size_t)n < keep ? (size_t)n : keep);
	s->total += (size_t)n;
	if (s->of->flood_max && s->total > s->of->flood_max)
		end_flood(s->of);
}

static void child_on_input(void *arg, short revents)
{
	struct child *c = arg;
	ssize_t n = write(c->in_fd, buf_str(&c->input), c->input.len);

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		buf_drop(&c->input, (size_t)n);
	if (n < 0 || !c->input.len) /* a child that does not read its input is no error of ours */
		input_close(c);
}

/* A grandchild may keep the pipes open after the child has ended, and go on writing: what the child itself wrote is there
 * already and at most a pipe full. */
static void drain(struct stream *s)
{
	struct pollfd pfd = { .events = POLLIN };

	for (int n = 0; s->fd >= 0 && n < DRAIN_READS; n++) {
		pfd.fd = s->fd;
		if (poll(&pfd, 1, 0) <= 0)
			break;
		child_on_output(s, POLLIN);
	}
	stream_close(s);
}

static void child_on_end(void *arg, int status)
{
	struct child *c = arg;

	c->status = status;
	c->ended = true;
	log_debug("process %d: %s after %.1f ms", (int)c->pid, child_describe(status, (char[64]){ 0 }),
		  (double)(clock_mono() - c->began) / NSEC_PER_MSEC);
	drain(&c->out);
	drain(&c->err);
	input_close(c);
	if (c->on_ended)
		c->on_ended(c->arg); /* may have freed the child */
}

struct pipes {
	int in[2], out[2], err[2];
};

static void pipe_done(int p[2])
{
	for (int i = 0; i < 2; i++)
		if (p[i] >= 0)
			(void)close(TAKE_FD(p[i]));
}

static void pipes_done(struct pipes *p)
{
	pipe_done(p->in);
	pipe_done(p->out);
	pipe_done(p->err);
}

static int pipes_make(const struct child_spec *spec, struct pipes *p)
{
	if (spec->input && pipe2(p->in, O_CLOEXEC) < 0)
		return -errno;
	if (!spec->inherit_out && pipe2(p->out, O_CLOEXEC) < 0)
		return -errno;
	if (!spec->inherit_err && pipe2(p->err, O_CLOEXEC) < 0)
		return -errno;
	return 0;
}

static int child_launch(const struct child_spec *spec, const struct pipes *p, pid_t *ret_pid)
{
	struct launch_fd fds[LAUNCH_FDS];
	struct launch l = { .path = spec->path, .argv = spec->argv, .envp = spec->envp, .fds = fds, .group = spec->group };

	if (!spec->inherit_in)
		fds[l.n_fds++] = (struct launch_fd){ spec->input ? p->in[0] : -1, 0 };
	if (!spec->inherit_out)
		fds[l.n_fds++] = (struct launch_fd){ p->out[1], 1 };
	if (!spec->inherit_err)
		fds[l.n_fds++] = (struct launch_fd){ p->err[1], 2 };
	if (spec->hold_fd > 2)
		fds[l.n_fds++] = (struct launch_fd){ spec->hold_fd, 3 };
	if (spec->also_fd > 2)
		fds[l.n_fds++] = (struct launch_fd){ spec->also_fd, 4 };
	return launch(&l, ret_pid);
}

static void nonblock(int fd) { (void)fcntl(fd, F_SETFL, O_NONBLOCK); }

static void attach(struct loop *l, struct child *c, int pidfd, const struct child_spec *spec, struct pipes *p)
{
	if (p->out[0] >= 0) {
		c->out = (struct stream){ .of = c, .fd = TAKE_FD(p->out[0]), .max = spec->out_max };
		nonblock(c->out.fd);
		watch_init(&c->out.watch, l, c->out.fd, POLLIN, child_on_output, &c->out);
	}
	if (p->err[0] >= 0) {
		c->err = (struct stream){ .of = c, .fd = TAKE_FD(p->err[0]), .max = spec->err_max };
		nonblock(c->err.fd);
		watch_init(&c->err.watch, l, c->err.fd, POLLIN, child_on_output, &c->err);
	}
	if (p->in[1] >= 0 && spec->input_len) {
		buf_add(&c->input, spec->input, spec->input_len);
		c->in_fd = TAKE_FD(p->in[1]);
		nonblock(c->in_fd);
		watch_init(&c->in_watch, l, c->in_fd, POLLOUT, child_on_input, c);
	}
	reap_init(&c->reap, l, pidfd, child_on_end, c);
}

int child_start(struct loop *l, const struct child_spec *spec, struct child **ret, struct err *err)
{
	_cleanup_(pipes_done) struct pipes p = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	struct child *c;
	pid_t pid = 0;
	int r = pipes_make(spec, &p), fd;

	if (r == 0)
		r = child_launch(spec, &p, &pid);
	if (r < 0)
		return err_sys(err, -r, "start %s", spec->path);
	fd = reap_open(pid);
	if (fd < 0)
		return err_sys(err, -fd, "watch %s", spec->path);
	c = mem_new(struct child);
	*c = (struct child){ .loop = l,
			     .pid = pid,
			     .group = spec->group,
			     .flood_max = spec->flood_max,
			     .began = clock_mono(),
			     .on_ended = spec->ended,
			     .arg = spec->arg,
			     .in_fd = -1,
			     .out.fd = -1,
			     .err.fd = -1 };
	log_debug("process %d: %s", (int)pid, spec->path);
	attach(l, c, fd, spec, &p);
	*ret = c;
	return 0;
}

bool child_ended(const struct child *c) { return c->ended; }

int child_wait(struct child *c, const struct ctx *ctx, struct err *err)
{
	while (!c->ended) {
		int r = loop_turn(c->loop, ctx, err);

		if (r < 0)
			return r;
	}
	return c->status;
}

int child_status(const struct child *c)
{
	assert(c->ended);
	return c->status;
}

bool child_flooded(const struct child *c) { return c->flooded; }
struct buf *child_out(struct child *c) { return &c->out.got; }
struct buf *child_err(struct child *c) { return &c->err.got; }
pid_t child_pid(const struct child *c) { return c->pid; }

void child_kill(struct child *c, int sig)
{
	if (c->ended)
		return;
	if (c->group) /* not reaped: its number, and so its group's, is nobody else's */
		(void)kill(-c->pid, sig);
	else
		reap_kill(&c->reap, sig);
}

void child_free(struct child *c)
{
	if (!c)
		return;
	child_kill(c, SIGKILL);
	reap_end(&c->reap);
	stream_close(&c->out);
	stream_close(&c->err);
	input_close(c);
	buf_done(&c->out.got);
	buf_done(&c->err.got);
	buf_done(&c->input);
	free(c);
}

const char *child_describe(int status, char out[64])
{
	if (WIFSIGNALED(status))
		(void)snprintf(out, 64, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)snprintf(out, 64, "exit status %d", WEXITSTATUS(status));
	return out;
}
