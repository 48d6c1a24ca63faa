/* Whoever starts it keeps the lock until it answers, or kills it, so that none is left that does not listen. */
#include "own-start.h"
#include "file.h"
#include "launch.h"
#include "mem.h"
#include "own-process.h"
#include "places.h"
#include "reaper.h"
#include "version.h"
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

enum { START_MS = 30000, LOG_MAX = 4 << 20 };
/* Where containerd and what it starts are looked for beside PATH, and what the engine itself gets behind our own folder. */
#define STANDARD_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Version 2 is read by 1.6 to 2.x, and names that a version does not know are ignored by all of them. What is switched
 * off is what davit never uses: CRI, tracing, the restart monitor (it polls), snapshotters that only warn. */
static const char *const unused_plugins[] = {
	"io.containerd.grpc.v1.cri",
	"io.containerd.cri.v1.images",
	"io.containerd.cri.v1.runtime",
	"io.containerd.podsandbox.controller.v1.podsandbox",
	"io.containerd.nri.v1.nri",
	"io.containerd.internal.v1.opt",
	"io.containerd.internal.v1.tracing",
	"io.containerd.tracing.processor.v1.otlp",
	"io.containerd.internal.v1.restart",
	"io.containerd.monitor.container.v1.restart",
	"io.containerd.snapshotter.v1.aufs",
	"io.containerd.snapshotter.v1.btrfs",
	"io.containerd.snapshotter.v1.devmapper",
	"io.containerd.snapshotter.v1.zfs",
	"io.containerd.snapshotter.v1.blockfile",
};

/* Our own folders first, so that the shims and davit-logger of this installation are the ones that are used. */
static char *own_search_path(void)
{
	char exe[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	const char *path = getenv("PATH");

	exe[n > 0 ? n : 0] = '\0';
	if (strrchr(exe, '/'))
		*strrchr(exe, '/') = '\0';
	return mem_printf("PATH=%s:%s/../libexec/davit:%s%s%s", exe, exe, STANDARD_PATH, path ? ":" : "", path ? path : "");
}

static int find_containerd(char **ret, struct err *err)
{
	const char *path = getenv("PATH");
	char *program = path ? file_find(path, "containerd") : NULL;

	if (!program)
		program = file_find(STANDARD_PATH, "containerd");
	if (!program)
		return err_hint(err, err_set(err, ERR_NOT_FOUND, "there is no program containerd"),
				"install it: apt-get install containerd runc");
	*ret = program;
	return 0;
}

static int write_config(const struct core_conf *conf, const char *path, struct err *err)
{
	_cleanup_free_ char *root = places_own_data(conf, ""), *state = places_own_run(conf, ""), *address = own_address(conf);
	_cleanup_buf_ struct buf text = { 0 };

	buf_adds(&text, "# Written by davit at each start of its engine.\nversion = 2\nroot = ");
	json_quote(&text, root, strlen(root)); /* a TOML string is written as a JSON one */
	buf_adds(&text, "\nstate = ");
	json_quote(&text, state, strlen(state));
	buf_adds(&text, "\ndisabled_plugins = [\n");
	for (size_t i = 0; i < sizeof unused_plugins / sizeof *unused_plugins; i++)
		buf_addf(&text, "  \"%s\",\n", unused_plugins[i]);
	buf_adds(&text, "]\n[grpc]\n  address = ");
	json_quote(&text, address, strlen(address));
	buf_adds(&text, "\n");
	return file_write(path, text.data, text.len, 0600, err);
}

/* Open for appending; a long one is kept once. */
static int open_log(const char *path, struct err *err)
{
	struct stat st;
	int fd;

	if (stat(path, &st) == 0 && st.st_size > LOG_MAX) {
		_cleanup_free_ char *old = mem_printf("%s.1", path);

		(void)rename(path, old);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? err_sys(err, errno, "engine's log %s", path) : fd;
}

/* A session of its own: it goes on when we, our terminal or our process group end. */
static int own_spawn(const char *program, const char *config, int log, pid_t *ret, struct err *err)
{
	_cleanup_free_ char *path = own_search_path();
	char *argv[] = { (char[]){ "containerd" }, (char[]){ "--config" }, mem_strdup(config), NULL };
	char *envp[] = { path, NULL };
	const struct launch_fd fds[] = { { -1, 0 }, { log, 1 }, { log, 2 } };
	const struct launch l = {
		.path = program,
		.argv = argv,
		.envp = envp,
		.fds = fds,
		.n_fds = sizeof fds / sizeof *fds,
		.session = true,
		.close_from = 3, /* it stays: nothing of our caller's, a shell's flock, say */
		.dir = "/",
		.umask = 022, /* what it makes is nobody else's to write, whatever our caller's is */
	};
	int r = launch(&l, ret);

	free(argv[2]);
	return r < 0 ? err_sys(err, -r, "start %s", program) : 0;
}

/* The engine has ended by itself: its last line says why. */
static int describe_end(const char *log, struct err *err)
{
	_cleanup_close_ int fd = open(log, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char tail[2048] = "";
	const off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	const off_t from = end > (off_t)sizeof tail - 1 ? end - (off_t)sizeof tail + 1 : 0;
	ssize_t n = pread(fd, tail, sizeof tail - 1, from);
	char *line;

	while (n > 0 && tail[n - 1] == '\n')
		tail[--n] = '\0';
	line = strrchr(tail, '\n');
	return err_hint(err, err_set(err, ERR_UNAVAILABLE, "containerd ended at once: %.400s", line ? line + 1 : tail), "see %s",
			log);
}

/* Until the socket takes connections. Between bind(2) and listen(2) no event tells: hence the short time-out. */
static int wait_socket(const struct core_conf *conf, int pidfd, const char *log, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *folder = places_own_run(conf, "");
	_cleanup_close_ int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd pfd[] = {
		{ .fd = notify, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = ctx->cancel ? ctx->cancel->fd : -1, .events = POLLIN },
	};
	char events[4096];

	if (notify >= 0)
		(void)inotify_add_watch(notify, folder, IN_CREATE | IN_ATTRIB);
	while (!own_running(conf)) {
		int r = ctx_check(ctx, err);

		if (r < 0)
			return err_hint(err, r, "see %s", log);
		(void)poll(pfd, sizeof pfd / sizeof *pfd, 20);
		if (pfd[1].revents)
			return describe_end(log, err);
		while (notify >= 0 && read(notify, events, sizeof events) > 0)
			;
	}
	return 0;
}

static int wait_answer(const struct core_conf *conf, const struct ctx *ctx, struct err *err)
{
	_cleanup_(core_freep) struct core *l = NULL;
	_cleanup_(ctrd_version_done) struct ctrd_version v = { 0 };
	int r = own_link(conf, &l, err);

	return r < 0 ? r : version_get(l->ctrd, ctx, &v, err);
}

static int start_locked(const struct core_conf *conf, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *program = NULL, *config = places_own_data(conf, "config.toml"),
			    *log = places_own_data(conf, "containerd.log");
	_cleanup_close_ int log_fd = -1, pidfd = -1;
	pid_t pid;
	int r = find_containerd(&program, err);

	if (r >= 0)
		r = write_config(conf, config, err);
	if (r < 0)
		return r;
	log_fd = open_log(log, err);
	if (log_fd < 0)
		return log_fd;
	r = own_spawn(program, config, log_fd, &pid, err);
	if (r < 0)
		return r;
	pidfd = reap_open(pid);
	if (pidfd < 0)
		return err_sys(err, -pidfd, "watch containerd");
	r = wait_socket(conf, pidfd, log, ctx, err);
	if (r >= 0)
		r = wait_answer(conf, ctx, err);
	if (r < 0) {
		(void)kill(pid, SIGKILL);
		(void)reap_take(pidfd, true);
	}
	return r;
}

int own_start(const struct core_conf *conf, const struct ctx *ctx, struct err *err)
{
	const struct ctx within = ctx_within(ctx, START_MS);
	_cleanup_close_ int lock = -1;
	int r;

	if (own_running(conf))
		return 0;
	lock = own_lock(conf, &within, err);
	if (lock < 0)
		return err_wrap(err, lock, "start the engine");
	if (own_running(conf))
		return 0;
	r = start_locked(conf, &within, err);
	return r < 0 ? err_wrap(err, r, "start the engine") : 0;
}
