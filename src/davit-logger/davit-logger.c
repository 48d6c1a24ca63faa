/* davit-logger: writes what a detached task prints to its log. Started by a shim for the I/O address
 * binary:///.../davit-logger?path=FILE&size=BYTES&files=N, which makes the arguments "path FILE size BYTES files N";
 * ?journal=SOCKET&CONTAINER_NAME=web&... for systemd's journal: what is in capitals is a field of each entry.
 * Descriptors: 3 the task's stdout, 4 its stderr (pipes to read), 5 tells the shim that we are ready. On the task's
 * deletion the shim closes the pipes, sends SIGTERM, and waits 12 s before SIGKILL (reference containerd.md C.7).
 *
 * A task must never fail or stop because of its log: whatever goes wrong with the file, the pipes are read to their end.
 * So SIGTERM does not end us either while there is something to read, within a bound. */
#include "clock.h"
#include "journal.h"
#include "logfile.h"
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

enum { OUT_FD = 3, ERR_FD = 4, READY_FD = 5 };
/* A prompt, which has no line end, is seen this much later. */
enum { IDLE_MS = 100 };
/* After SIGTERM, less than the shim's patience. */
enum { DRAIN_MS = 10000 };

struct settings {
	const char *path;
	int64_t size, files;
	const char *journal; /* socket; NULL: a file */
	struct dict fields;
};

static void parse_settings(char **argv, struct settings *s)
{
	for (; argv[0] && argv[1]; argv += 2) {
		if (!strcmp(argv[0], "path"))
			s->path = argv[1];
		else if (!strcmp(argv[0], "size"))
			s->size = strtoll(argv[1], NULL, 10);
		else if (!strcmp(argv[0], "files"))
			s->files = strtoll(argv[1], NULL, 10);
		else if (!strcmp(argv[0], "journal"))
			s->journal = argv[1];
		else if (argv[0][0] >= 'A' && argv[0][0] <= 'Z')
			dict_set(&s->fields, argv[0], argv[1]);
	}
}

static void say_ready(void)
{
	(void)!write(READY_FD, "1", 1);
	(void)close(READY_FD);
}

/* False at the end of the stream. */
static bool logger_take(struct logfile *log, enum log_stream s, int fd)
{
	char bytes[16384];
	ssize_t n = read(fd, bytes, sizeof bytes);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0)
		return false;
	logfile_write(log, s, bytes, (size_t)n);
	return true;
}

static int logger_wait_ms(const struct logfile *log, const struct ctx *ctx)
{
	int ms = ctx_poll_ms(ctx);

	return logfile_pending(log) && (ms < 0 || ms > IDLE_MS) ? IDLE_MS : ms;
}

static void logger_copy(struct logfile *log, int signals)
{
	struct pollfd pfd[] = {
		[LOG_STDOUT] = { .fd = OUT_FD, .events = POLLIN },
		[LOG_STDERR] = { .fd = ERR_FD, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	struct ctx ctx = { 0 };

	while ((pfd[LOG_STDOUT].fd >= 0 || pfd[LOG_STDERR].fd >= 0) && ctx_check(&ctx, NULL) == 0) {
		int n = poll(pfd, sizeof pfd / sizeof *pfd, logger_wait_ms(log, &ctx));

		if (n == 0)
			logfile_flush(log);
		if (n <= 0)
			continue;
		for (int s = LOG_STDOUT; s <= LOG_STDERR; s++)
			if (pfd[s].revents && !logger_take(log, (enum log_stream)s, pfd[s].fd))
				pfd[s].fd = -1;
		if (pfd[2].revents) {
			ctx = ctx_within(NULL, DRAIN_MS);
			pfd[2].fd = -1;
		}
	}
}

static struct logfile *logger_open(const struct settings *s)
{
	struct logfile *log;

	if (s->journal)
		return logfile_new_journal(journal_new(s->journal, &s->fields));
	return logfile_open(s->path, s->size, s->files, &log, NULL) >= 0 ? log : logfile_new(s->path, s->size, s->files);
}

int main(int argc, char **argv)
{
	struct settings s = { .size = INT64_C(10) << 20, .files = 5 };
	struct logfile *log;
	sigset_t set;

	(void)argc;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGXFSZ, SIG_IGN);
	parse_settings(argv + 1, &s);
	if (!s.path && !s.journal) {
		(void)fputs("davit-logger: path FILE [size BYTES] [files N], or journal SOCKET [FIELD VALUE]... (started by "
			    "containerd's shims for detached jobs)\n",
			    stderr);
		return 2;
	}
	log = logger_open(&s);
	say_ready();
	logger_copy(log, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
	logfile_free(log);
	dict_done(&s.fields);
	return 0;
}
