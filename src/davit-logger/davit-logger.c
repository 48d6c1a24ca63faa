/* davit-logger: writes what a detached task prints to its log, and gives it to whoever is attached (attach.h). Started by a shim
 * for the I/O address binary:///.../davit-logger?path=FILE&size=BYTES&files=N&attach=SOCKET, which makes the arguments "path FILE
 * size BYTES files N attach SOCKET"; ?journal=SOCKET&CONTAINER_NAME=web&... for systemd's journal: what is in capitals is a field
 * of each entry; neither of them: there is no log. "results DIR" is a folder that gets the bytes besides, "lost FILE" what says why
 * it lacks some (results.h). "input FIFO" is where what they who are attached write goes. Descriptors: 3 the task's stdout, 4 its
 * stderr (pipes to read), 5 tells the shim that we are ready. On the task's deletion the shim closes the pipes, sends SIGTERM, and
 * waits 12 s before SIGKILL (reference containerd.md C.7).
 *
 * Or by davit itself, with "fifos 1": 3 and 4 are reading ends of FIFOs, since the shim gives no input to what logs by a program. 6
 * is a pipe that davit has the other end of until the task was started or is not there: a FIFO that nobody has opened by then has
 * no writer, nor ever will.
 *
 * A task must never fail or stop because of its log: whatever goes wrong with the file, the pipes are read to their end.
 * So SIGTERM does not end us either while there is something to read, within a bound. */
#include "attached.h"
#include "clock.h"
#include "journal.h"
#include "logfile.h"
#include "loop.h"
#include "results.h"
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { OUT_FD = 3, ERR_FD = 4, READY_FD = 5, STARTER_FD = 6 };
/* A prompt, which has no line end, is seen this much later. */
enum { IDLE_MS = 100 };
/* After SIGTERM, less than the shim's patience. */
enum { DRAIN_MS = 10000 };

struct settings {
	const char *path; /* NULL: there is no file */
	int64_t size, files;
	const char *journal; /* socket; NULL: a file */
	const char *attach, *input, *fifos, *results, *lost;
	struct dict fields;
};

struct source {
	struct logger *of;
	enum log_stream which;
	int fd; /* -1: at its end */
	struct watch watch;
};

struct logger {
	const struct settings *settings;
	struct loop *loop;
	struct logfile *log; /* NULL: none */
	struct attached *attached;
	struct results *results; /* NULL: none */
	struct source source[2];
	int input; /* -1: there is none */
	struct watch signals, starter;
	struct timer idle;
	struct ctx ctx;
};

/* The text that key @key has; NULL: it is none of those. */
static const char **logger_setting(struct settings *s, const char *key)
{
	const struct {
		const char *key, **value;
	} texts[] = { { "path", &s->path },   { "journal", &s->journal }, { "attach", &s->attach }, { "input", &s->input },
		      { "fifos", &s->fifos }, { "results", &s->results }, { "lost", &s->lost } };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (!strcmp(key, texts[i].key))
			return texts[i].value;
	return NULL;
}

static void parse_settings(char **argv, struct settings *s)
{
	for (; argv[0] && argv[1]; argv += 2) {
		const char **text = logger_setting(s, argv[0]);

		if (text)
			*text = argv[1];
		else if (!strcmp(argv[0], "size"))
			s->size = strtoll(argv[1], NULL, 10);
		else if (!strcmp(argv[0], "files"))
			s->files = strtoll(argv[1], NULL, 10);
		else if (argv[0][0] >= 'A' && argv[0][0] <= 'Z')
			dict_set(&s->fields, argv[0], argv[1]);
	}
}

static void say_ready(void)
{
	(void)!write(READY_FD, "1", 1);
	(void)close(READY_FD);
}

/* its streams */

static void source_end(struct source *s)
{
	watch_done(&s->watch);
	s->fd = -1;
}

static void source_pass(const struct source *s, const char *p, size_t n)
{
	struct logger *l = s->of;
	struct err err = ERR_INIT;

	attached_pass(l->attached, s->which, p, n);                   /* which may want to know how it was before */
	(void)results_keep(l->results, l->log, s->which, p, n, &err); /* without a log nobody reads us */
	if (!l->log)
		return;
	logfile_write(l->log, s->which, p, n);
	if (logfile_pending(l->log))
		timer_set(&l->idle, clock_mono() + IDLE_MS * NSEC_PER_MSEC);
}

static void source_on_output(void *arg, short revents)
{
	struct source *s = arg;
	char bytes[ATTACH_PIECE];
	ssize_t n = read(s->fd, bytes, sizeof bytes);

	(void)revents;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0)
		source_pass(s, bytes, (size_t)n);
	else
		source_end(s);
}

static void logger_on_idle(void *arg) { logfile_flush(((struct logger *)arg)->log); }

static void logger_on_signal(void *arg, short revents)
{
	struct logger *l = arg;

	(void)revents;
	l->ctx = ctx_within(NULL, DRAIN_MS);
	watch_done(&l->signals);
}

/* A writer that comes and goes: where there is no other, that is the end of the FIFO. */
static void logger_on_starter(void *arg, short revents)
{
	struct logger *l = arg;

	(void)revents;
	watch_done(&l->starter);
	for (int i = OUT_FD; i <= ERR_FD; i++) {
		char path[64]; /* whatever has become of the FIFO's name */
		int fd;

		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", i);
		fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0)
			(void)close(fd);
	}
}

/* who is attached */

static int64_t logger_settle(void *arg)
{
	const struct logger *l = arg;

	if (l->log)
		logfile_flush(l->log);
	return clock_wall();
}

static void logger_close_input(void *arg)
{
	struct logger *l = arg;

	attached_input_closes(l->attached);
	closep(&l->input);
	l->input = -1;
}

static void logger_on_stay(void *arg) { (void)arg; }

/* A task runs without being attached to where that cannot be. */
static void logger_listen(struct logger *l)
{
	const struct settings *s = l->settings;
	const struct attached_ops ops = {
		.settle = logger_settle, .close_input = logger_close_input, .stay = logger_on_stay, .arg = l, .input = &l->input
	};

	if (s->input)
		l->input = open(s->input, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (s->attach)
		(void)attached_new(l->loop, s->attach, &ops, &l->attached, NULL);
}

/* all of it */

static struct logfile *logger_log(const struct settings *s)
{
	struct logfile *log;

	if (s->journal)
		return logfile_new_journal(journal_new(s->journal, &s->fields));
	if (!s->path)
		return NULL;
	return logfile_open(s->path, s->size, s->files, &log, NULL) >= 0 ? log : logfile_new(s->path, s->size, s->files);
}

static void logger_open(struct logger *l, const struct settings *s, int signals)
{
	*l = (struct logger){ .settings = s, .loop = loop_new(), .log = logger_log(s), .input = -1 };
	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++) {
		l->source[i] = (struct source){ .of = l, .which = (enum log_stream)i, .fd = i == LOG_STDOUT ? OUT_FD : ERR_FD };
		watch_init(&l->source[i].watch, l->loop, l->source[i].fd, POLLIN, source_on_output, &l->source[i]);
	}
	timer_init(&l->idle, l->loop, logger_on_idle, l);
	if (signals >= 0)
		watch_init(&l->signals, l->loop, signals, POLLIN, logger_on_signal, l);
	if (s->fifos)
		watch_init(&l->starter, l->loop, STARTER_FD, POLLIN, logger_on_starter, l);
	if (s->results)
		l->results = results_new(s->results, s->lost);
	logger_listen(l);
}

static void logger_copy(struct logger *l)
{
	while (l->source[LOG_STDOUT].fd >= 0 || l->source[LOG_STDERR].fd >= 0)
		if (loop_turn(l->loop, &l->ctx, NULL) < 0)
			break;
}

static void logger_done(struct logger *l)
{
	attached_free(l->attached);
	logfile_free(l->log);
	results_free(l->results);
	closep(&l->input);
	source_end(&l->source[LOG_STDOUT]);
	source_end(&l->source[LOG_STDERR]);
	watch_done(&l->signals);
	watch_done(&l->starter);
	timer_done(&l->idle);
	loop_free(l->loop);
}

int main(int argc, char **argv)
{
	struct settings s = { .size = INT64_C(10) << 20, .files = 5 };
	struct logger l;
	sigset_t set;

	(void)argc;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGXFSZ, SIG_IGN);
	parse_settings(argv + 1, &s);
	if (!s.path && !s.journal && !s.attach) {
		(void)fputs(
			"davit-logger: path FILE [size BYTES] [files N], or journal SOCKET [FIELD VALUE]..., and [attach SOCKET "
			"[input FIFO]], and [results DIR [lost FILE]] (started by containerd's shims for detached jobs)\n",
			stderr);
		return 2;
	}
	logger_open(&l, &s, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
	say_ready();
	logger_copy(&l);
	logger_done(&l);
	dict_done(&s.fields);
	return 0;
}
