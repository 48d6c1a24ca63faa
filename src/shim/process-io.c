#include "process-io.h"
#include "clock.h"
#include "file.h"
#include "launch.h"
#include "log-uri.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARGS_MAX = 64 };

static void drop_fd(int *fd)
{
	closep(fd);
	*fd = -1;
}

static int open_null(void) { return open("/dev/null", O_RDWR | O_CLOEXEC); }

static int blocking(int fd)
{
	if (fd >= 0)
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

/* Read-write, so that neither opening it nor a reader that leaves ever makes anybody wait but the writer of a full pipe. */
static int open_sink(const char *path, struct err *err)
{
	int fd;

	if (!*path)
		fd = open_null();
	else if (!strncmp(path, "file://", 7))
		fd = open(path + 7, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	else
		fd = blocking(open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC));
	return fd < 0 ? err_sys(err, errno, "stream %s", path) : fd;
}

/* A pipe that nobody writes to but who attaches. */
static int open_kept(int *ret_holder, struct err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe of stdin");
	(void)fcntl(fds[1], F_SETFL, O_NONBLOCK);
	*ret_holder = fds[1];
	return fds[0];
}

static int open_source(const char *path, int *ret_holder, struct err *err)
{
	int fd;

	if (log_uri_is(path))
		return open_kept(ret_holder, err);
	fd = *path ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : open_null();

	if (fd < 0)
		return err_sys(err, errno, "stream %s", path);
	if (*path)
		*ret_holder = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return blocking(fd);
}

/* binary:// */

static int digit_of_percent(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | ('A' <= c && c <= 'F' ? 0x20 : 0)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* A '%' that two digits do not follow stands for itself. */
static void percent_decode(char *s)
{
	char *to = s;

	for (; *s; s++, to++) {
		const int high = *s == '%' ? digit_of_percent(s[1]) : -1, low = high >= 0 ? digit_of_percent(s[2]) : -1;

		*to = low >= 0 ? (char)(high << 4 | low) : *s;
		s += low >= 0 ? 2 : 0;
	}
	*to = '\0';
}

/* PROGRAM, K, V, K, V ... of what follows "binary://". */
static void logger_words(char *uri, struct strv *out)
{
	char *query = strchr(uri, '?');

	if (query)
		*query++ = '\0';
	percent_decode(uri);
	strv_push(out, uri);
	for (char *pair; query && out->n < ARGS_MAX && (pair = strsep(&query, "&"));) {
		char *value = strchr(pair, '=');

		if (value)
			*value++ = '\0';
		percent_decode(pair);
		strv_push(out, pair);
		if (!value)
			continue;
		percent_decode(value);
		strv_push(out, value);
	}
}

static void on_logger_end(void *arg, int status)
{
	struct process_io *s = arg;

	(void)status;
	timer_done(&s->patience);
	if (s->finished)
		s->finished(s->arg);
}

static int logger_start(struct loop *loop, const struct strv *words, const struct process_io_names *names, const int theirs[3],
			struct process_io *s, struct err *err)
{
	_cleanup_free_ char *id = mem_printf("CONTAINER_ID=%s", names->id), *ns = mem_printf("CONTAINER_NAMESPACE=%s", names->ns);
	char *env[] = { id, ns, NULL };
	const struct launch_fd fds[] = { { -1, 0 }, { 1, 1 }, { 2, 2 }, { theirs[0], 3 }, { theirs[1], 4 }, { theirs[2], 5 } };
	const struct launch l = { .path = words->v[0], .argv = strv_argv(words), .envp = env, .fds = fds, .n_fds = 6 };
	pid_t pid;
	int fd, r = launch(&l, &pid);

	if (r < 0)
		return err_sys(err, -r, "logger %s", words->v[0]);
	fd = reap_open(pid);
	if (fd < 0)
		return err_sys(err, -fd, "logger %s", words->v[0]);
	reap_init(&s->logger, loop, fd, on_logger_end, s);
	return 0;
}

static void drop_word(struct process_io *s)
{
	const int fd = s->word.fd;

	if (!watch_on(&s->word))
		return;
	watch_done(&s->word);
	(void)close(fd);
	timer_done(&s->patience);
}

/* A byte, or the end of the pipe. */
static void logger_on_word(void *arg, short revents)
{
	struct process_io *s = arg;

	(void)revents;
	drop_word(s);
	s->answered(s->arg, true);
}

static void logger_on_silence(void *arg)
{
	struct process_io *s = arg;

	drop_word(s);
	(void)reap_kill(&s->logger, SIGKILL);
	s->answered(s->arg, false);
}

void process_io_await(struct process_io *s, void (*answered)(void *arg, bool ready), void *arg)
{
	s->answered = answered;
	s->arg = arg;
	timer_init(&s->patience, s->word.loop, logger_on_silence, s);
	timer_set(&s->patience, clock_mono() + LOGGER_READY_S * NSEC_PER_SEC);
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		closep(&fds[i]);
}

static int logger_connect(struct loop *loop, const struct process_io_names *names, struct process_io *s, struct err *err)
{
	_cleanup_free_ char *uri = mem_strdup(names->out + strlen("binary://"));
	_cleanup_strv_ struct strv words = { 0 };
	int out[2] = { -1, -1 }, errs[2] = { -1, -1 }, ready[2] = { -1, -1 }, r;

	logger_words(uri, &words);
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(errs, O_CLOEXEC) < 0 || pipe2(ready, O_CLOEXEC) < 0)
		r = err_sys(err, errno, "pipes of a logger");
	else
		r = logger_start(loop, &words, names, (int[]){ out[0], errs[0], ready[1] }, s, err);
	drop_fd(&ready[1]);
	if (r >= 0) {
		watch_init(&s->word, loop, TAKE_FD(ready[0]), POLLIN, logger_on_word, s);
		s->io.out = TAKE_FD(out[1]);
		s->io.err = TAKE_FD(errs[1]);
	}
	close_all((int[]){ out[0], errs[0], ready[0] }, 3);
	close_all(out + 1, 1);
	close_all(errs + 1, 1);
	return r;
}

static int output_connect(struct loop *loop, const struct process_io_names *names, struct process_io *s, struct err *err)
{
	const struct output_of of = {
		.id = names->id, .uri = names->out, .both = log_uri_is(names->err), .input = &s->stdin_holder
	};
	int fds[2], r = output_new(loop, &of, &s->output, fds, err);

	if (r < 0)
		return r;
	s->io.out = fds[0];
	s->io.err = fds[1] >= 0 || *names->err ? fds[1] : fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	return 0;
}

/* The pipes that are open by now are ours to give; FIFOs and files are the client's. */
static void own_pipes(const struct process_io_names *names, const struct process_io *s)
{
	const bool piped = !strncmp(names->out, "binary://", 9) || log_uri_is(names->out);

	if (!piped)
		return;
	(void)!fchown(s->io.out, names->uid, names->gid);
	(void)!fchown(s->io.err, names->uid, names->gid);
}

int process_io_open(struct loop *loop, const struct process_io_names *names, struct process_io *s, struct err *err)
{
	int r = 0;

	process_io_init(s);
	if (!strncmp(names->out, "binary://", 9))
		r = logger_connect(loop, names, s, err);
	else if (log_uri_is(names->out))
		r = output_connect(loop, names, s, err);
	else
		r = s->io.out = open_sink(names->out, err);
	if (r >= 0)
		own_pipes(names, s);
	if (r >= 0 && s->io.err < 0)
		r = s->io.err = open_sink(*names->err ? names->err : names->out, err);
	if (r >= 0)
		r = s->io.in = open_source(names->in, &s->stdin_holder, err);
	if (r < 0)
		process_io_done(s);
	return r < 0 ? r : 0;
}

void process_io_given(struct process_io *s) { drop_fd(&s->io.in); }

void process_io_close_in(struct process_io *s)
{
	if (s->output)
		output_input_closes(s->output);
	drop_fd(&s->stdin_holder);
}

bool process_io_take(struct process_io *s) { return s->output && output_take(s->output); }
bool process_io_is_orphan(const struct process_io *s) { return s->output && output_is_orphan(s->output); }

void process_io_ended(struct process_io *s)
{
	drop_fd(&s->io.out);
	drop_fd(&s->io.err);
	if (s->output)
		output_ended(s->output);
}

static void process_io_close(struct process_io *s)
{
	drop_fd(&s->io.out);
	drop_fd(&s->io.err);
	drop_fd(&s->io.in);
	process_io_close_in(s);
	output_free(TAKE_PTR(s->output));
}

static void logger_on_patience(void *arg) { (void)reap_kill(&((struct process_io *)arg)->logger, SIGKILL); }

void process_io_finish(struct process_io *s, void (*finished)(void *arg), void *arg)
{
	process_io_close(s);
	s->finished = finished;
	s->arg = arg;
	if (!reap_on(&s->logger)) {
		finished(arg);
		return;
	}
	timer_done(&s->patience);
	timer_init(&s->patience, s->logger.watch.loop, logger_on_patience, s);
	timer_set(&s->patience, clock_mono() + LOGGER_LAST_S * NSEC_PER_SEC);
}

void process_io_done(struct process_io *s)
{
	drop_word(s);
	timer_done(&s->patience);
	process_io_close(s);
	if (reap_on(&s->logger))
		reap_done(&s->logger);
}
