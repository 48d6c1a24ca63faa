/* Its process is known by who listens at its socket (SO_PEERCRED), checked by its command line: there is no pid
 * file that could be stale. Start and stop hold a lock; whoever starts keeps it until it answers, or kills it, so
 * that none is left that does not listen. */
#include "own.h"
#include "beneath.h"
#include "clock.h"
#include "file.h"
#include "launch.h"
#include "mem.h"
#include "namespaces.h"
#include "places.h"
#include "reaper.h"
#include "task.h"
#include "version.h"
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

enum { START_MS = 30000, STOP_MS = 15000, LOG_MAX = 4 << 20, STATE_DEPTH_MAX = 16 };
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

void own_status_done(struct own_status *s)
{
	free(s->address);
	free(s->version);
	free(s->program);
	free(s->config);
	*s = (struct own_status){ 0 };
}

char *own_address(const struct core_conf *conf) { return places_own_run(conf, "containerd.sock"); }

/* A connection, or -errno. */
static int own_connect(const struct core_conf *conf)
{
	_cleanup_free_ char *address = own_address(conf);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (fd < 0)
		return -errno;
	if (strlen(address) >= sizeof sa.sun_path)
		return -ENAMETOOLONG;
	(void)memcpy(sa.sun_path, address, strlen(address) + 1);
	/* EAGAIN: somebody listens, but is slow to accept. */
	return connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0 && errno != EAGAIN ? -errno : TAKE_FD(fd);
}

bool own_running(const struct core_conf *conf)
{
	_cleanup_close_ int fd = own_connect(conf);

	return fd >= 0;
}

static bool runs_with(pid_t pid, const char *config)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/cmdline", (int)pid);
	_cleanup_buf_ struct buf line = { 0 };

	if (file_read(path, 65536, &line, NULL) < 0)
		return false;
	for (size_t i = 0; i < line.len; i += strlen(line.data + i) + 1)
		if (!strcmp(line.data + i, config))
			return true;
	return false;
}

/* The pid of the engine; *ret_fd is its pidfd. -ERR_NOT_FOUND: nobody listens. */
static int own_process(const struct core_conf *conf, pid_t *ret, int *ret_fd, struct err *err)
{
	_cleanup_free_ char *config = places_own_data(conf, "config.toml"), *address = own_address(conf);
	_cleanup_close_ int fd = own_connect(conf), pidfd = -1;
	struct ucred who = { 0 };
	socklen_t n = sizeof who;

	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return err_set(err, ERR_NOT_FOUND, "it is not running");
	if (fd < 0)
		return err_sys(err, -fd, "engine at %s", address);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
		return err_sys(err, errno, "engine at %s", address);
	pidfd = who.pid > 0 ? (int)syscall(SYS_pidfd_open, who.pid, 0) : -1;
	if (pidfd < 0 || !runs_with(who.pid, config)) /* in this order: the pid cannot pass to another any more */
		return err_set(err, ERR_PRECONDITION, "engine at %s: process %d there was not started by davit", address,
			       (int)who.pid);
	*ret = who.pid;
	*ret_fd = TAKE_FD(pidfd);
	return 0;
}

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

static int make_folders(const struct core_conf *conf, struct err *err)
{
	_cleanup_free_ char *root = places_own_data(conf, ""), *state = places_own_run(conf, "");
	int r;

	core_own_folders(conf);
	r = file_mkdirs_private(root, err);
	return r < 0 ? r : file_mkdirs(state, 0711, err); /* a user namespace's root passes through to its bundle */
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

/* Who asks it is in no namespace of the caller's. */
static int own_link(const struct core_conf *conf, struct core **ret, struct err *err)
{
	_cleanup_free_ char *address = own_address(conf);
	struct core_conf at = *conf;

	at.address = address;
	at.ns = CORE_NAMESPACE;
	return core_open(&at, ret, err);
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

static int own_lock(const struct core_conf *conf, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *lock = places_own_data(conf, "lock");
	int r = make_folders(conf, err);

	return r < 0 ? r : file_lock(lock, true, ctx, err);
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

/* Deleted too: its shim would stay behind with nobody to end it. */
static int own_kill_task(struct ctrd *c, const char *id, const struct ctx *ctx, struct err *err)
{
	struct ctrd_exit ex;
	int r = tasks_kill(c, id, NULL, SIGKILL, true, ctx, err);

	if (r >= 0)
		r = tasks_wait(c, id, NULL, ctx, &ex, err);
	if (r >= 0 || r == -ERR_NOT_FOUND) /* has ended already, or was never started */
		r = (err_clear(err), tasks_delete(c, id, NULL, ctx, &ex, err));
	if (r != -ERR_NOT_FOUND)
		return r;
	err_clear(err);
	return 0;
}

/* Tasks that have not ended, in every namespace. With @end they are killed as they are met; *ret_first (may be NULL)
 * names the first, and is the caller's. */
static int each_live_task(struct core *c, bool end, const struct ctx *ctx, size_t *ret_n, char **ret_first, struct err *err)
{
	_cleanup_(ctrd_namespaces_done) struct ctrd_namespaces all = { 0 };
	_cleanup_free_ char *first = NULL;
	size_t n = 0;
	int r = namespaces_list(c->ctrd, ctx, &all, err);

	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		_cleanup_(task_states_done) struct task_states tasks = { 0 };
		_cleanup_(core_leave) struct core there = core_in(c, all.v[i].name);

		r = task_list(&there, ctx, &tasks, err);
		for (size_t k = 0; r >= 0 && k < tasks.n; k++) {
			if (task_is_over(&tasks.v[k].status))
				continue;
			if (!n++)
				first = mem_printf("%s in namespace %s", tasks.v[k].id, all.v[i].name);
			if (end)
				r = own_kill_task(there.ctrd, tasks.v[k].id, ctx, err);
		}
	}
	if (r < 0)
		return r;
	*ret_n = n;
	if (ret_first)
		*ret_first = TAKE_PTR(first);
	return 0;
}

/* 0 when nothing runs any more. */
static int clear_tasks(const struct core_conf *conf, bool force, const struct ctx *ctx, struct err *err)
{
	_cleanup_(core_freep) struct core *l = NULL;
	_cleanup_free_ char *first = NULL;
	size_t n = 0;
	int r = own_link(conf, &l, err);

	if (r >= 0)
		r = each_live_task(l, force, ctx, &n, &first, err);
	if (r < 0 || !n || force)
		return r;
	r = err_set(err, ERR_PRECONDITION, "%zu %s, the first is %s", n, n == 1 ? "job runs" : "jobs run", first);
	return err_hint(err, r, "stop what runs, or: davit engine stop --force");
}

static int engine_wait_end(int pidfd, const struct ctx *ctx, struct err *err)
{
	struct pollfd pfd[] = {
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = ctx->cancel ? ctx->cancel->fd : -1, .events = POLLIN },
	};

	while (poll(pfd, 1, 0) == 0) {
		int r = ctx_check(ctx, err);

		if (r < 0)
			return r;
		(void)poll(pfd, 2, ctx_poll_ms(ctx));
	}
	return 0;
}

/* What runs on has its root mounted below: nothing of a mount is entered, whatever its job does in it. */
static void drop_empty(int at, const char *name, unsigned depth)
{
	_cleanup_close_ int fd = depth < STATE_DEPTH_MAX ? beneath_open(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) : -1;
	_cleanup_(closedirp) DIR *d = fd < 0 ? NULL : beneath_list(fd);

	for (struct dirent *e; d && (e = readdir(d));)
		if (!beneath_is_dots(e->d_name))
			drop_empty(fd, e->d_name, depth + 1);
	if (d)
		(void)unlinkat(at, name, AT_REMOVEDIR);
}

/* containerd leaves its folders standing. Those that are empty go; a bundle, of a shim that lives on, stays. */
static void drop_state(const struct core_conf *conf)
{
	const char *top = conf->run_dir ? conf->run_dir : CORE_RUN_DIR;
	_cleanup_close_ int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		drop_empty(fd, PLACES_OWN, 0);
}

/* SIGTERM, and SIGKILL when that has no effect: containerd's files are made to be killed at any moment. */
static int own_end(const struct core_conf *conf, pid_t pid, int pidfd, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *address = own_address(conf), *ttrpc = mem_printf("%s.ttrpc", address);
	int r;

	if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) < 0)
		return err_sys(err, errno, "end process %d", (int)pid);
	r = engine_wait_end(pidfd, ctx, err);
	if (r == -ERR_DEADLINE) {
		const struct ctx soon = ctx_within(NULL, 2000);

		err_clear(err);
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
		r = engine_wait_end(pidfd, &soon, err);
	}
	if (r < 0)
		return r;
	(void)reap_take(pidfd, false); /* when it was we who started it */
	(void)unlink(address);
	(void)unlink(ttrpc);
	drop_state(conf);
	return 0;
}

int own_stop(const struct core_conf *conf, bool force, const struct ctx *ctx, struct err *err)
{
	const struct ctx within = ctx_within(ctx, STOP_MS);
	_cleanup_close_ int lock = -1, pidfd = -1;
	pid_t pid;
	int r;

	if (!own_running(conf))
		return 0;
	lock = own_lock(conf, &within, err);
	if (lock < 0)
		return err_wrap(err, lock, "stop the engine");
	r = own_process(conf, &pid, &pidfd, err);
	if (r == -ERR_NOT_FOUND) {
		err_clear(err);
		return 0;
	}
	if (r >= 0) {
		r = clear_tasks(conf, force, &within, err);
		if (r >= 0 || (force && r != -ERR_CANCELLED)) { /* forced: one that does not answer is ended too */
			err_clear(err);
			r = own_end(conf, pid, pidfd, &within, err);
		}
	}
	return r < 0 ? err_wrap(err, r, "stop the engine") : 0;
}

static int own_ask(const struct core_conf *conf, const struct ctx *ctx, struct own_status *s, struct err *err)
{
	_cleanup_(core_freep) struct core *l = NULL;
	_cleanup_(ctrd_version_done) struct ctrd_version v = { 0 };
	int r = own_link(conf, &l, err);

	if (r >= 0)
		r = version_get(l->ctrd, ctx, &v, err);
	if (r < 0)
		return r;
	s->version = TAKE_PTR(v.version);
	return each_live_task(l, false, ctx, &s->jobs, NULL, err);
}

int own_get_status(const struct core_conf *conf, const struct ctx *ctx, struct own_status *ret, struct err *err)
{
	_cleanup_(own_status_done) struct own_status s = { .address = own_address(conf),
							   .config = places_own_data(conf, "config.toml") };
	_cleanup_close_ int pidfd = -1;
	_cleanup_free_ char *exe = NULL;
	char program[PATH_MAX];
	ssize_t n;
	int r = own_process(conf, &s.pid, &pidfd, err);

	if (r == -ERR_NOT_FOUND) {
		err_clear(err);
		r = 0;
	} else if (r >= 0) {
		s.running = true;
		exe = mem_printf("/proc/%d/exe", (int)s.pid);
		n = readlink(exe, program, sizeof program);
		s.program = n > 0 ? mem_strndup(program, (size_t)n) : NULL;
		r = own_ask(conf, ctx, &s, err);
	}
	if (r < 0)
		return err_wrap(err, r, "engine status");
	*ret = s;
	s = (struct own_status){ 0 };
	return 0;
}

/* At @address, or there is none. */
static int open_at(const struct core_conf *conf, const char *address, struct core **ret, struct err *err)
{
	struct core_conf at = *conf;

	at.address = address;
	return core_open(&at, ret, err);
}

static bool nobody_listens(int r) { return r == -ERR_NOT_FOUND || r == -ERR_UNAVAILABLE; }

static int open_given(const struct core_conf *conf, struct core **ret, struct err *err)
{
	int r = core_open(conf, ret, err);

	if (!nobody_listens(r))
		return r;
	return err_hint(err, r, "start containerd there, or leave the address away to use davit's own engine");
}

int own_open_existing(const struct core_conf *conf, struct core **ret, struct err *err)
{
	_cleanup_free_ char *own = own_address(conf);
	int r;

	if (conf->address)
		return open_given(conf, ret, err);
	r = core_open(conf, ret, err);
	if (!nobody_listens(r))
		return r;
	if (!own_running(conf))
		return err_hint(err, r, "start one: davit engine start");
	err_clear(err);
	return open_at(conf, own, ret, err);
}

int own_open(const struct core_conf *conf, const struct ctx *ctx, struct core **ret, struct err *err)
{
	_cleanup_free_ char *own = own_address(conf);
	int r = core_check_namespace(conf, err);

	if (r < 0)
		return r;
	core_own_folders(conf);
	if (conf->address)
		return open_given(conf, ret, err);
	r = core_open(conf, ret, err);
	if (!nobody_listens(r))
		return r;
	err_clear(err);
	if (own_running(conf))
		return open_at(conf, own, ret, err);
	r = own_start(conf, ctx, err);
	if (r < 0)
		return err_wrap(err, r, "no containerd at " CTRD_ADDRESS);
	r = open_at(conf, own, ret, err);
	if (r >= 0)
		core_notice(*ret, "no containerd at " CTRD_ADDRESS ": started one of davit's own (davit engine status)");
	return r;
}
