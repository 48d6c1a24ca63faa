/* containerd-driver: started by a Nomad agent, three times as it boots, and by nobody else. Signals are set here and nowhere else:
 * the terminal's reach the whole process group of the agent and are the agent's to hear; a reader of our log may have gone. */
#include "base-service.h"
#include "desk.h"
#include "driver-service.h"
#include "exec-heir.h"
#include "handshake.h"
#include "hint.h"
#include "log.h"
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#define COOKIE_NAME "NOMAD_PLUGIN_MAGIC_COOKIE"
#define COOKIE "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255"

enum {
	APP_PROTOCOL = 2,      /* of Nomad's plugins */
	WORKERS = 8,           /* what a task's start waits for is mostly containerd and the disk */
	SLOW_WORKERS = 4,      /* of them for what is executed in tasks, which these can keep waiting */
	WORKER_IDLE_MS = 5000, /* then its thread and connection go */
	DRAIN_MS = 1600,       /* the agent kills us 2 s after it said Shutdown */
	TRIM_BYTES = 64 << 10, /* free memory beyond this goes back to the system */
};

static const char usage[] =
	"Usage: containerd-driver [--version | --help]\n"
	"\n"
	"The task driver of Nomad that runs jobs by containerd. A Nomad agent starts it: put it into the agent's plugin_dir\n"
	"under this name, and this into the agent's configuration:\n"
	"\n"
	"  plugin \"containerd-driver\" {\n"
	"    config {\n"
	"    }\n"
	"  }\n"
	"\n"
	"docs/nomad.md lists its options and those of tasks.\n";

static int answer_person(const char *arg)
{
	if (arg && !strcmp(arg, "--version"))
		return printf("containerd-driver %s\n", DAVIT_VERSION) < 0;
	if (arg && (!strcmp(arg, "--help") || !strcmp(arg, "-h")))
		return fputs(usage, stdout) < 0;
	(void)fputs("containerd-driver: this is a plugin of Nomad's, which an agent starts; see containerd-driver --help\n",
		    stderr);
	return EXIT_FAILURE;
}

/* What is opened is never 0, 1 or 2, where children look for other things. */
static bool standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

/* The descriptor that SIGTERM is read from. */
static int signals_begin(void)
{
	static const int ignored[] = { SIGINT, SIGHUP, SIGPIPE, SIGXFSZ };
	sigset_t term;

	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &term, NULL);
	return signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* One heap for all threads, that gives back what is free: they allocate little, and wait much. */
static void memory_begin(void)
{
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
	(void)mallopt(M_MMAP_THRESHOLD, 2 * TRIM_BYTES);
	(void)malloc_trim(0); /* a sanitizer's heap is not glibc's, which its first call makes, and no two threads may be that */
}

/* What a burst of starts has left goes back to the system, holes too. */
static void worker_end(void *state)
{
	desk_worker_end(state);
	(void)malloc_trim(0);
}

static void on_term(void *arg, short revents)
{
	(void)revents;
	plugin_stop(arg);
}

static int tell_host(const char *path, struct err *err)
{
	int r = handshake_group(path, err);

	return r < 0 ? r : handshake_tell(STDOUT_FILENO, APP_PROTOCOL, path, err);
}

/* Until the host or a signal says stop. */
static int serve_host(struct loop *loop, struct plugin *p, int fd, struct err *err)
{
	struct watch term;
	int r = 0;

	watch_init(&term, loop, fd, POLLIN, on_term, p);
	while (r >= 0 && !plugin_stopping(p))
		r = loop_turn(loop, NULL, err);
	watch_done(&term);
	return r;
}

static int serve(struct err *err)
{
	static const struct plugin_method *const tables[] = { base_service, driver_service, NULL };
	_cleanup_(loop_freep) struct loop *loop = loop_new();
	_cleanup_(desk_freep) struct desk *desk = desk_new(loop);
	_cleanup_(plugin_freep) struct plugin *plugin = NULL;
	_cleanup_free_ char *path = NULL;
	struct plugin_conf conf = { .tables = tables,
				    .app = desk,
				    .threads = WORKERS,
				    .slow_max = SLOW_WORKERS,
				    .idle_ms = WORKER_IDLE_MS,
				    .begin = desk_worker_begin,
				    .end = worker_end,
				    .hint = hint_for_nomad,
				    .busy = desk_busy };
	_cleanup_close_ int signals = signals_begin(); /* before anybody can know of us */
	int r = signals < 0 ? err_sys(err, errno, "signalfd") : handshake_path(&path, err);
	bool drained;

	if (r < 0)
		return r;
	conf.path = path;
	r = plugin_new(loop, &conf, &plugin, err);
	if (r < 0)
		return r;
	desk_serve(desk, plugin);
	r = tell_host(path, err);
	if (r >= 0)
		r = serve_host(loop, plugin, signals, err);
	desk_stop(desk);
	drained = plugin_drain(plugin, DRAIN_MS);
	desk_bequeath(desk);
	if (!drained)
		_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS); /* a procedure that waits for a kernel or an engine: it leaves what a
							       killed one does */
	return r;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	(void)argc;
	if (argv[0] && argv[1] && !strcmp(argv[1], EXEC_HEIR))
		return exec_heir_run(argv + 2);
	if (argv[0] && argv[1])
		return answer_person(argv[1]);
	if (!standard_files() || !handshake_cookie(COOKIE_NAME, COOKIE))
		return answer_person(NULL);
	memory_begin();
	log_init(LOG_INFO, LOG_HCLOG);
	log_module(DRIVER_NAME);
	if (serve(&err) >= 0)
		return EXIT_SUCCESS;
	log_error("%s", err.msg);
	return EXIT_FAILURE;
}
