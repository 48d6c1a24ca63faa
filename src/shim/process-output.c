#include "process-output.h"
#include "attached.h"
#include "clock.h"
#include "file.h"
#include "launch.h"
#include "log-uri.h"
#include "log.h"
#include "mem.h"
#include "reaper.h"
#include "results.h"
#include "ring.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PIECE_MAX = ATTACH_PIECE,
	TURN_PIECES = 4, /* as much as a pipe holds */
	KEPT_MAX = 65536,
	IDLE_MS = 100, /* a prompt, which has no line end, is seen this much later */
	AGAIN_MS = 1000,
	AGAIN_MAX_MS = 60000,
	SERVED_MS = 30000, /* for an owner that has got all, to do what is to be done */
};

enum owner {
	OWNER_NONE,
	OWNER_THERE,
	OWNER_SERVED, /* it has got all */
	OWNER_GONE,
};

struct output_stream {
	struct output *of;
	enum log_stream which;
	int from, to; /* the process's pipe, the owner's FIFO; -1: closed, or there is none */
	struct watch in, out;
	struct ring kept; /* what the owner has not taken yet */
};

struct output {
	struct loop *loop;
	struct log_uri uri;
	char *id;
	struct output_stream stream[2];
	struct logfile *log;     /* NULL: none */
	struct results *results; /* NULL: none */
	struct attached *attached;
	int *input;
	enum owner owner;
	bool ended, stays; /* stays: the input, when the owner leaves */
	struct timer idle, again;
	struct reap after;
	int again_ms;
	uint64_t dropped; /* bytes that nobody read, where there is no log */
};

/* after its end */

static void launch_after(struct output *o);

static void output_on_after(void *arg, int status)
{
	struct output *o = arg;

	if (status == 0)
		return;
	o->again_ms = !o->again_ms ? AGAIN_MS : o->again_ms < AGAIN_MAX_MS ? o->again_ms * 2 : o->again_ms;
	timer_set(&o->again, clock_mono() + o->again_ms * NSEC_PER_MSEC);
}

static void output_on_again(void *arg) { launch_after(arg); }

static void launch_after(struct output *o)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct launch_fd fds[] = { { null, 0 }, { null, 1 }, { null, 2 } };
	const struct launch l = {
		.path = o->uri.after.v[0], .argv = strv_argv(&o->uri.after), .fds = fds, .n_fds = 3, .session = true
	};
	pid_t pid;
	int fd, r = launch(&l, &pid);

	fd = r < 0 ? r : reap_open(pid);
	if (fd >= 0)
		reap_init(&o->after, o->loop, fd, output_on_after, o);
	else
		log_warn("container %s: what is to be done after its end: %s: %s", o->id, o->uri.after.v[0], strerror(-fd));
}

static void begin_after(struct output *o)
{
	if (!o->ended || o->owner == OWNER_THERE || !o->uri.after.n || o->again.loop)
		return;
	timer_init(&o->again, o->loop, output_on_again, o);
	if (o->owner == OWNER_SERVED)
		timer_set(&o->again, clock_mono() + SERVED_MS * NSEC_PER_MSEC);
	else
		launch_after(o);
}

/* where it goes */

static void output_log(struct output *o, enum log_stream which, const char *p, size_t n)
{
	if (!n || !o->log)
		return;
	logfile_write(o->log, which, p, n);
	if (logfile_pending(o->log))
		timer_set(&o->idle, clock_mono() + IDLE_MS * NSEC_PER_MSEC);
}

/* No owner has read it. */
static void output_unread(struct output_stream *s, const char *p, size_t n)
{
	if (!s->of->log)
		s->of->dropped += n;
	else if (s->of->uri.unread)
		output_log(s->of, s->which, p, n);
}

static void output_close_input(struct output *o)
{
	output_input_closes(o);
	closep(o->input);
	*o->input = -1;
}

static void stream_close_owner(struct output_stream *s)
{
	watch_done(&s->out);
	closep(&s->to);
	s->to = -1;
	ring_done(&s->kept);
}

/* What stands in the FIFO is still there: we have it open. */
static void stream_take_back(struct output_stream *s)
{
	_cleanup_free_ char *path = mem_printf("/proc/self/fd/%d", s->to);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char piece[PIECE_MAX];
	const char *p;
	ssize_t n;
	size_t len;

	while (fd >= 0 && (n = read(fd, piece, sizeof piece)) > 0)
		output_unread(s, piece, (size_t)n);
	while ((p = ring_next(&s->kept, &len))) {
		output_unread(s, p, len);
		ring_drop(&s->kept, len);
	}
}

static void stream_watch(struct output_stream *s);

static void owner_gone(struct output *o)
{
	o->owner = OWNER_GONE;
	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++) {
		struct output_stream *s = &o->stream[i];

		if (s->to < 0)
			continue;
		stream_take_back(s);
		stream_close_owner(s);
		stream_watch(s);
	}
	if (!o->stays && *o->input >= 0)
		output_close_input(o);
	begin_after(o);
}

/* How many bytes its FIFO took. */
static size_t fifo_write(struct output_stream *s, const char *p, size_t n)
{
	ssize_t w;

	do
		w = write(s->to, p, n);
	while (w < 0 && errno == EINTR);
	if (w < 0 && errno != EAGAIN)
		owner_gone(s->of);
	return w < 0 ? 0 : (size_t)w;
}

/* How many bytes it takes, or will: all, or fewer when it has gone. */
static size_t owner_pass(struct output_stream *s, const char *p, size_t n)
{
	size_t done = s->to < 0 || s->kept.len ? 0 : fifo_write(s, p, n);

	if (s->to < 0 || done == n)
		return done;
	if (!s->kept.room)
		ring_init(&s->kept, KEPT_MAX);
	return done + ring_put(&s->kept, p + done, n - done); /* it was not read without room for it */
}

static void output_keep(struct output *o, enum log_stream which, const char *p, size_t n)
{
	struct err err = ERR_INIT;

	if (results_keep(o->results, o->uri.unread ? NULL : o->log, which, p, n, &err) < 0)
		log_warn("container %s: %s", o->id, err.msg);
}

static void output_pass(struct output_stream *s, const char *p, size_t n)
{
	struct output *o = s->of;
	const bool has_owner = s->to >= 0;
	size_t done;

	attached_pass(o->attached, s->which, p, n); /* which may want to know how it was before */
	output_keep(o, s->which, p, n);
	if (!o->uri.unread)
		output_log(o, s->which, p, n);
	done = has_owner ? owner_pass(s, p, n) : 0;
	if (o->owner != OWNER_NONE || o->uri.unread)
		output_unread(s, p + done, n - done);
}

/* the loop */

static bool stream_has_room(const struct output_stream *s) { return !s->kept.room || ring_space(&s->kept) >= PIECE_MAX; }

/* The owner sees the end once it has got all. */
static void stream_end_owner(struct output_stream *s)
{
	struct output *o = s->of;

	stream_close_owner(s);
	if (o->owner != OWNER_THERE || o->stream[LOG_STDOUT].to >= 0 || o->stream[LOG_STDERR].to >= 0)
		return;
	o->owner = OWNER_SERVED;
	begin_after(o);
}

/* An owner that leaves is seen in any case, as an error of its FIFO. */
static void stream_watch(struct output_stream *s)
{
	if (watch_on(&s->in))
		watch_events(&s->in, stream_has_room(s) ? POLLIN : 0);
	if (s->to >= 0 && s->from < 0 && !s->kept.len)
		stream_end_owner(s);
	if (watch_on(&s->out))
		watch_events(&s->out, s->kept.len ? POLLOUT : POLLPRI);
}

/* With the last of them who is attached sees the end, too. */
static void source_close(struct output_stream *s)
{
	struct output *o = s->of;

	watch_done(&s->in);
	closep(&s->from);
	s->from = -1;
	if (o->stream[LOG_STDOUT].from < 0 && o->stream[LOG_STDERR].from < 0)
		attached_free(TAKE_PTR(o->attached));
}

/* How many bytes were there: fewer than PIECE_MAX are all. */
static ssize_t stream_take(struct output_stream *s)
{
	char piece[PIECE_MAX];
	ssize_t n = s->from >= 0 && stream_has_room(s) ? read(s->from, piece, sizeof piece) : -1;

	if (n > 0)
		output_pass(s, piece, (size_t)n);
	else if (n == 0)
		source_close(s);
	stream_watch(s);
	return n;
}

static void stream_on_output(void *arg, short revents)
{
	(void)revents;
	for (int i = 0; i < TURN_PIECES && stream_take(arg) == PIECE_MAX; i++)
		;
}

static void stream_on_owner(void *arg, short revents)
{
	struct output_stream *s = arg;
	const char *p;
	size_t n, done = 1;

	if (revents & POLLERR) {
		owner_gone(s->of);
		return;
	}
	while (s->to >= 0 && done && (p = ring_next(&s->kept, &n))) {
		done = fifo_write(s, p, n);
		if (s->to >= 0)
			ring_drop(&s->kept, done);
	}
	stream_watch(s);
}

static void output_on_idle(void *arg)
{
	struct output *o = arg;

	logfile_flush(o->log);
}

/* who is attached */

static int64_t output_settle(void *arg)
{
	struct output *o = arg;

	if (o->log)
		logfile_flush(o->log);
	return clock_wall();
}

static void output_on_close(void *arg)
{
	struct output *o = arg;

	if (*o->input >= 0)
		output_close_input(o);
}

static void output_on_stay(void *arg) { ((struct output *)arg)->stays = true; }

/* A job runs without being attached to where that cannot be. */
static void output_listen(struct output *o)
{
	const struct attached_ops ops = {
		.settle = output_settle, .close_input = output_on_close, .stay = output_on_stay, .arg = o, .input = o->input
	};
	struct err err = ERR_INIT;

	if (o->uri.attach && attached_new(o->loop, o->uri.attach, &ops, &o->attached, &err) < 0)
		log_warn("container %s: nobody can attach to it: %s", o->id, err.msg);
}

/* its beginning and end */

/* Read-write: it never lacks a reader. */
static int stream_open_kept(struct output_stream *s, const char *fifo, struct err *err)
{
	struct stat st;

	s->to = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (s->to < 0)
		return err_sys(err, errno, "stream %s", fifo);
	if (fstat(s->to, &st) < 0 || !S_ISFIFO(st.st_mode))
		return err_set(err, ERR_INVALID, "stream %s: no FIFO", fifo);
	watch_init(&s->out, s->of->loop, s->to, POLLPRI, stream_on_owner, s);
	return 0;
}

static int stream_open(struct output_stream *s, int *ret_fd, struct err *err)
{
	const char *fifo = s->which == LOG_STDOUT ? s->of->uri.out : s->of->uri.err;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe of %s", s->of->id);
	s->from = fds[0];
	*ret_fd = fds[1];
	(void)fcntl(s->from, F_SETFL, O_NONBLOCK);
	watch_init(&s->in, s->of->loop, s->from, POLLIN, stream_on_output, s);
	if (!fifo)
		return 0;
	if (s->of->uri.kept)
		return stream_open_kept(s, fifo, err);
	s->to = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (s->to >= 0)
		watch_init(&s->out, s->of->loop, s->to, POLLPRI, stream_on_owner, s);
	if (s->of->owner != OWNER_GONE)
		s->of->owner = s->to < 0 ? OWNER_GONE : OWNER_THERE;
	return s->to < 0 && errno != ENXIO ? err_sys(err, errno, "stream %s", fifo) : 0;
}

static void output_open_log(struct output *o)
{
	const struct log_uri *u = &o->uri;

	if (!u->path)
		return;
	if (u->unread || logfile_open(u->path, u->size, u->files, &o->log, NULL) < 0)
		o->log = logfile_new(u->path, u->size, u->files);
	timer_init(&o->idle, o->loop, output_on_idle, o);
}

static struct output *output_zeroed(struct loop *loop, const char *id, int *input)
{
	struct output *o = mem_new(struct output);

	*o = (struct output){ .loop = loop, .id = mem_strdup(id), .input = input };
	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++)
		o->stream[i] = (struct output_stream){ .of = o, .which = (enum log_stream)i, .from = -1, .to = -1 };
	return o;
}

int output_new(struct loop *loop, const struct output_of *of, struct output **ret, int ret_fds[2], struct err *err)
{
	struct output *o = output_zeroed(loop, of->id, of->input);
	int fds[2] = { -1, -1 }, r = log_uri_parse(of->uri, &o->uri, err);

	for (int i = LOG_STDOUT; r >= 0 && i <= (of->both ? LOG_STDERR : LOG_STDOUT); i++)
		r = stream_open(&o->stream[i], &fds[i], err);
	if (r < 0) {
		closep(&fds[LOG_STDOUT]);
		closep(&fds[LOG_STDERR]);
		output_free(o);
		return r;
	}
	output_open_log(o);
	if (o->uri.results)
		o->results = results_new(o->uri.results, o->uri.lost);
	output_listen(o);
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	*ret = o;
	return 0;
}

bool output_take(struct output *o)
{
	bool out = stream_take(&o->stream[LOG_STDOUT]) > 0, err = stream_take(&o->stream[LOG_STDERR]) > 0;

	return out || err;
}

/* What stands in its pipe now, as far as an owner takes it, or its end; what others write on meanwhile is not waited for. */
static void stream_take_standing(struct output_stream *s)
{
	int left = 0;
	ssize_t n;

	if (s->from < 0 || ioctl(s->from, FIONREAD, &left) < 0)
		return;
	do
		n = stream_take(s);
	while (n > 0 && (left -= (int)n) >= 0);
}

static void output_take_standing(struct output *o)
{
	stream_take_standing(&o->stream[LOG_STDOUT]);
	stream_take_standing(&o->stream[LOG_STDERR]);
}

void output_ended(struct output *o)
{
	o->ended = true;
	output_take_standing(o);
	begin_after(o);
}

bool output_is_orphan(const struct output *o) { return o->owner == OWNER_GONE; }

void output_input_closes(struct output *o) { attached_input_closes(o->attached); }

/* What an owner that does not read has not got. */
static void stream_give_up(struct output_stream *s)
{
	const char *p;
	size_t n;

	for (; (p = ring_next(&s->kept, &n)); ring_drop(&s->kept, n))
		output_unread(s, p, n);
	stream_close_owner(s);
	source_close(s);
}

void output_free(struct output *o)
{
	if (!o)
		return;
	output_take_standing(o);
	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++)
		stream_give_up(&o->stream[i]);
	if (o->dropped)
		log_warn("container %s: %" PRIu64 " bytes that nobody read were dropped", o->id, o->dropped);
	timer_done(&o->idle);
	timer_done(&o->again);
	if (reap_on(&o->after))
		reap_done(&o->after);
	logfile_free(o->log);
	results_free(o->results);
	log_uri_done(&o->uri);
	free(o->id);
	free(o);
}
