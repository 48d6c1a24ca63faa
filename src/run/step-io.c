/* The step "io": FIFOs and a log of our own in the foreground, else the logger's address for the shim. */
#include "job-steps.h"
#include "file.h"
#include "mem.h"
#include "self.h"
#include <ctype.h>
#include <string.h>

/* io */

/* Percent-encoded (RFC 3986), for the path and for a value of the query alike: the shim decodes both and starts the logger. */
static char *encode(const char *path)
{
	struct buf b = { 0 };

	for (; *path; path++)
		if (isalnum((unsigned char)*path) || strchr("/-._~", *path))
			buf_addc(&b, *path);
		else
			buf_addf(&b, "%%%02X", (unsigned char)*path);
	return buf_take(&b);
}

static int log_uri(struct run *run, struct err *err)
{
	_cleanup_free_ char *logger = NULL, *path = places_log(run->core, run->id), *program = NULL, *file = encode(path);
	int r;

	if (run->task->log == JOB_LOG_NONE) {
		if (run->task->tty)
			run->log_uri = mem_strdup("/dev/null"); /* the shim must copy a terminal somewhere */
		return 0;
	}
	r = self_find("davit-logger", &logger, err);
	if (r < 0)
		return r;
	program = encode(logger);
	run->log_uri = mem_printf("binary://%s?path=%s&size=%lld&files=%lld", program, file, (long long)run->task->log_max_size,
				  (long long)run->task->log_max_files);
	return 0;
}

int io_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_free_ char *dir = places_run(run->core, run->id), *fifos = mem_printf("%s/io", dir),
			    *path = places_log(run->core, run->id);
	struct streams_conf conf = { .dir = fifos,
				     .tty = run->task->tty,
				     .stdin_open = run->task->stdin_open,
				     .detach_keys = run->opts->detach_keys,
				     .sig_proxy = run->opts->sig_proxy };
	int r = 0;

	(void)ctx;
	if (run->opts->mode != RUN_FOREGROUND)
		return log_uri(run, err);
	if (!run->job->remove && run->task->log == JOB_LOG_FILE)
		r = logfile_open(path, run->task->log_max_size, run->task->log_max_files, &run->log, err);
	if (run->log)
		logfile_share(run->log);
	conf.log = run->log;
	return r < 0 ? r : streams_new(&conf, run->core->loop, &run->streams, err);
}

void io_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;

	(void)ctx;
	streams_free(TAKE_PTR(run->streams));
	logfile_free(TAKE_PTR(run->log));
}
