#include "task-logger.h"
#include "cgroup-join.h"
#include "core-words.h"
#include "fifos.h"
#include "file.h"
#include "journal.h"
#include "launch.h"
#include "log.h"
#include "mem.h"
#include "self.h"
#include "shim-streams.h"
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READY_MS = 5000 };

/* what it is told */

/* As Docker's driver calls them, so that what reads one journal reads the other. */
static void journal_fields(const struct run_task *t, struct dict *out)
{
	const struct job *job = t->run->job;
	_cleanup_free_ char *name = *t->task->name ? mem_printf("%s.%s", job->name, t->task->name) : mem_strdup(job->name);

	dict_set(out, "CONTAINER_ID", t->id);
	dict_set(out, "CONTAINER_ID_FULL", t->id);
	dict_set(out, "CONTAINER_NAME", name);
	dict_set(out, "CONTAINER_TAG", name);
	dict_set(out, "SYSLOG_IDENTIFIER", name);
	dict_set(out, "IMAGE_NAME", t->task->image);
	dict_set(out, "DAVIT_NAMESPACE", t->core->conf.ns);
}

struct logfile *task_logger_journal(const struct run_task *t)
{
	_cleanup_dict_ struct dict fields = { 0 };

	journal_fields(t, &fields);
	return logfile_new_journal(journal_new(NULL, &fields));
}

static void add_pair(struct strv *words, const char *key, const char *value)
{
	strv_push(words, key);
	strv_push(words, value);
}

/* The program, and pairs of a key and a value. */
static int task_logger_words(const struct run_task *t, struct strv *out, struct err *err)
{
	_cleanup_free_ char *program = NULL, *number = mem_printf("%zu", t->index),
			    *log = core_absolute(places_log(t->core, t->id)),
			    *attach = core_absolute(places_attach(t->core, t->run->id, number)), *results = task_results(t),
			    *lost = core_absolute(places_lost(t->core, t->id));
	_cleanup_dict_ struct dict fields = { 0 };
	int r = self_find("davit-logger", &program, err);

	if (r < 0)
		return r;
	strv_push(out, program);
	if (t->task->log == JOB_LOG_FILE) {
		add_pair(out, "path", log);
		strv_push(out, "size");
		strv_pushf(out, "%" PRId64, t->task->log_max_size);
		strv_push(out, "files");
		strv_pushf(out, "%" PRId64, t->task->log_max_files);
	} else if (t->task->log == JOB_LOG_JOURNALD) {
		add_pair(out, "journal", JOURNAL_SOCKET);
		journal_fields(t, &fields);
	}
	for (size_t i = 0; i < fields.n; i++)
		add_pair(out, fields.v[i].key, fields.v[i].value);
	add_pair(out, "attach", attach);
	if (results) {
		add_pair(out, "results", results);
		add_pair(out, "lost", lost);
	}
	if (t->in_uri)
		add_pair(out, "input", t->in_uri);
	return 0;
}

/* by the shim */

/* Percent-encoded (RFC 3986), for the path and for a value of the query alike: the shim decodes both. */
static void encode(struct buf *out, const char *text)
{
	for (; *text; text++)
		if (isalnum((unsigned char)*text) || strchr("/-._~", *text))
			buf_addc(out, *text);
		else
			buf_addf(out, "%%%02X", (unsigned char)*text);
}

static int by_shim(struct run_task *t, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };
	struct buf uri = { 0 };
	int r = task_logger_words(t, &words, err);

	if (r < 0)
		return r;
	buf_adds(&uri, "binary://");
	encode(&uri, words.v[0]);
	for (size_t i = 1; i + 1 < words.n; i += 2) {
		buf_addf(&uri, "%c%s=", i == 1 ? '?' : '&', words.v[i]);
		encode(&uri, words.v[i + 1]);
	}
	t->log_uri = buf_take(&uri);
	return 0;
}

/* A terminal's input, which its shim holds open. */
static int terminal_input(struct run_task *t, const char *dir, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/stdin", dir);
	int r = file_mkdirs_private(dir, err);

	if (r < 0)
		return r;
	if (mkfifo(path, 0600) < 0)
		return err_sys(err, errno, "FIFO %s", path);
	t->in_uri = TAKE_PTR(path);
	return 0;
}

/* by us */

static int await_ready(int fd, struct err *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char word;

	if (poll(&p, 1, READY_MS) > 0 && read(fd, &word, 1) == 1)
		return 0;
	return err_set(err, ERR_UNAVAILABLE, "davit-logger: it has not begun");
}

/* Whoever ends all that is in our cgroup (a unit, a session) would end it, too, and the task would hang on its full FIFO. */
static void logger_leave_home(const struct run_task *t, pid_t pid)
{
	const pid_t host = ctrd_peer(t->core->ctrd);
	struct err err = ERR_INIT;

	reaper_adopt(t->core->reaper, pid);
	if (host > 1 && cgroup_move("", pid, host, &err) < 0)
		log_debug("davit-logger of %s: %s", t->id, err.msg);
}

/* @fds: of its FIFOs. */
static int logger_launch(struct run_task *t, struct strv *words, const int fds[3], struct err *err)
{
	_cleanup_close_ int ready = -1, theirs = -1, starter = -1;
	int pair[2], r;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe of davit-logger");
	ready = pair[0];
	theirs = pair[1];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe of davit-logger");
	starter = pair[0];
	t->logger_starter = pair[1];
	const struct launch_fd its[] = { { -1, 0 },     { -1, 1 },     { -1, 2 },     { fds[1], 3 },
					 { fds[2], 4 }, { theirs, 5 }, { starter, 6 } };
	const struct launch l = { .path = words->v[0],
				  .argv = strv_argv(words),
				  .fds = its,
				  .n_fds = sizeof its / sizeof *its,
				  .session = true,
				  .close_from = 7,
				  .dir = "/" };

	r = launch(&l, &pid);
	if (r < 0)
		return err_sys(err, -r, "program %s", words->v[0]);
	logger_leave_home(t, pid);
	closep(&theirs);
	return await_ready(ready, err);
}

static int by_us(struct run_task *t, const char *dir, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };
	struct fifos f;
	int fds[3], r = fifos_make(&f, dir, true, false, fds, err);

	if (r < 0)
		return r;
	t->in_uri = mem_strdup(f.path[0]);
	t->log_uri = mem_strdup(f.path[1]);
	t->err_uri = mem_strdup(f.path[2]);
	r = task_logger_words(t, &words, err);
	if (r >= 0) {
		add_pair(&words, "fifos", "1");
		r = logger_launch(t, &words, fds, err);
	}
	for (int i = 0; i < 3; i++)
		closep(&fds[i]);
	if (r < 0)
		fifos_remove(&f);
	else
		fifos_forget(&f);
	return r;
}

/* Those of a start before, whose task is over. */
static void remove_old(const char *dir)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		_cleanup_free_ char *path = mem_printf("%s/%s", dir, names[i]);

		(void)unlink(path);
	}
}

int task_logger_open(struct run_task *t, const char *dir, struct err *err)
{
	_cleanup_free_ char *its = places_run(t->core, t->run->id);
	int r;

	if (t->task->log == JOB_LOG_NONE && !t->task->stdin_open && !t->task->tty && !t->run->job->results)
		return 0;
	r = file_mkdirs_private(its, err); /* where the socket is */
	if (r < 0)
		return r;
	if (t->task->stdin_open)
		remove_old(dir);
	if (t->task->stdin_open && !t->task->tty)
		return by_us(t, dir, err);
	if (t->task->stdin_open)
		r = terminal_input(t, dir, err);
	return r < 0 ? r : by_shim(t, err);
}

void task_logger_leave(struct run_task *t)
{
	if (t->logger_starter)
		closep(&t->logger_starter);
	t->logger_starter = 0;
}
