/* An engine with runc's command line, for tests of the shim: it runs what the bundle says as an ordinary process, in no namespace
 * and no cgroup, and errs as it is told. It links nothing, so that 10,000 of it are started in no time.
 *
 * Working folder: the bundle. Every call is a line of its words in "engine.calls" there. The file "do.VERB", if it is there, says
 * how that verb goes wrong, its first word one of:
 *   fail TEXT    an error of that text in the log, 1
 *   say TEXT     TEXT as it is in the log, 1
 *   exit N       nothing in the log, N
 *   die N        killed by signal N
 *   hang         never ends
 *   slow MS      ends, but does it MS later
 *   late MS      does it, and ends MS later
 *   nopid        no pid file
 *   pid TEXT     TEXT in the pid file
 *   gone         create, exec: the process has ended before this does
 *   orphans N    create, exec: leaves N other processes behind, which end
 *   half         dies by SIGKILL when the process is there, and the pid file is not
 * Process: what "args" of the spec says is run by its PATH; "exit" N ends with N without running anything. The one that is created
 * waits for `start`. It has a PID namespace of its own where config.json says so, with "type":"pid". */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGS_MAX = 32, TEXT_MAX = 4096 };

struct words {
	const char *root, *log, *pid_file, *console, *process, *resources, *image;
	const char *verb, *id, *signal;
	bool force, all;
};

static struct words parse(int argc, char **argv)
{
	struct words w = { 0 };
	const struct {
		const char *name, **to;
	} rows[] = { { "--root", &w.root },         { "--log", &w.log },
		     { "--log-format", NULL },      { "--bundle", NULL },
		     { "--pid-file", &w.pid_file }, { "--console-socket", &w.console },
		     { "--process", &w.process },   { "--resources", &w.resources },
		     { "--image-path", &w.image },  { "--work-path", NULL },
		     { "--format", NULL },          { "--manage-cgroups-mode", NULL },
		     { "--empty-ns", NULL } };
	const size_t n = sizeof rows / sizeof *rows;

	for (int i = 1; i < argc; i++) {
		size_t k = 0;

		while (k < n && strcmp(rows[k].name, argv[i]) != 0)
			k++;
		if (k < n && ++i < argc && rows[k].to)
			*rows[k].to = argv[i];
		else if (k < n)
			continue;
		else if (argv[i][0] == '-') {
			w.force |= !strcmp(argv[i], "--force");
			w.all |= !strcmp(argv[i], "--all");
		} else if (!w.verb)
			w.verb = argv[i];
		else if (!w.id)
			w.id = argv[i];
		else
			w.signal = argv[i];
	}
	return w;
}

/* Of a short file; "" when it is not there. */
static char *read_text(const char *path, char *out, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, max - 1);

	out[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		(void)close(fd);
	return out;
}

static void append_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(98);
	(void)close(fd);
}

static void note_call(int argc, char **argv)
{
	char line[TEXT_MAX] = "";
	size_t n = 0;

	if (access("config.json", F_OK) < 0) /* there is no bundle any more */
		return;
	for (int i = 1; i < argc && n < sizeof line - 2; i++)
		n += (size_t)snprintf(line + n, sizeof line - n - 1, "%s%s", i > 1 ? " " : "", argv[i]);
	n = n < sizeof line - 2 ? n : sizeof line - 2;
	line[n] = '\n';
	line[n + 1] = '\0';
	append_text("engine.calls", line);
}

static void log_error(const struct words *w, const char *text)
{
	char line[TEXT_MAX];

	(void)snprintf(line, sizeof line, "{\"level\":\"error\",\"msg\":\"%s\",\"time\":\"2026-01-01T00:00:00Z\"}\n", text);
	if (w->log)
		append_text(w->log, line);
}

static int refuse(const struct words *w, const char *text)
{
	log_error(w, text);
	return 1;
}

static void wait_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

/* what it is told */

struct order {
	char text[TEXT_MAX];
	const char *rest; /* behind the first word */
};

static struct order order_of(const char *verb)
{
	struct order o = { .rest = "" };
	char path[64];
	char *end;

	(void)snprintf(path, sizeof path, "do.%s", verb ? verb : "");
	(void)read_text(path, o.text, sizeof o.text);
	end = strchr(o.text, ' ');
	if (end) {
		*end = '\0';
		o.rest = end + 1;
	}
	return o;
}

static bool is_order(const struct order *o, const char *word) { return !strcmp(o->text, word); }
static long order_number(const struct order *o) { return strtol(o->rest, NULL, 10); }

/* What it does instead of its work; -1: its work. */
static int obey_before(const struct words *w, const struct order *o)
{
	if (is_order(o, "fail"))
		return refuse(w, o->rest);
	if (is_order(o, "say"))
		append_text(w->log, o->rest);
	if (is_order(o, "say"))
		return 1;
	if (is_order(o, "exit"))
		return (int)order_number(o);
	if (is_order(o, "die"))
		(void)raise((int)order_number(o));
	while (is_order(o, "hang"))
		(void)pause();
	if (is_order(o, "slow"))
		wait_ms(order_number(o));
	return -1;
}

/* what it keeps: ROOT/ID/pids, the init's first */

static void state_path(const struct words *w, const char *name, char out[TEXT_MAX])
{
	(void)snprintf(out, TEXT_MAX, "%s/%s/%s", w->root, w->id ? w->id : "", name);
}

static pid_t pids_next(char **at)
{
	char *end;
	long pid = strtol(*at, &end, 10);

	*at = end;
	return (pid_t)pid;
}

static pid_t init_of(const struct words *w)
{
	char path[TEXT_MAX], text[TEXT_MAX], *at = text;

	state_path(w, "pids", path);
	(void)read_text(path, text, sizeof text);
	return pids_next(&at);
}

static void signal_all(const struct words *w, int sig)
{
	char path[TEXT_MAX], text[64 << 10], *at = text;
	pid_t pid;

	state_path(w, "pids", path);
	(void)read_text(path, text, sizeof text);
	while ((pid = pids_next(&at)) > 0)
		(void)kill(pid, sig);
}

static void make_parents(const char *path)
{
	char at[TEXT_MAX];

	for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		(void)snprintf(at, sizeof at, "%.*s", (int)(p - path), path);
		(void)mkdir(at, 0700);
	}
}

static void keep_pid(const struct words *w, pid_t pid)
{
	char path[TEXT_MAX], line[16];

	state_path(w, "pids", path);
	make_parents(path);
	(void)snprintf(line, sizeof line, "%d\n", (int)pid);
	append_text(path, line);
}

/* the process */

/* The strings of "args":[...], without escapes. */
static void read_args(const struct words *w, char *args[ARGS_MAX])
{
	static char text[64 << 10];
	char *at = strstr(read_text(w->process ? w->process : "config.json", text, sizeof text), "\"args\"");
	size_t n = 0;

	at = at ? strchr(at, '[') : NULL;
	while (at && n < ARGS_MAX - 1 && (at = strpbrk(at + 1, "\"]")) && *at == '"') {
		args[n++] = at + 1;
		at = strchr(at + 1, '"');
		if (at)
			*at = '\0';
	}
	args[n] = NULL;
}

static void send_master(const char *path, int master)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { (char[]){ "/dev/ptmx" }, 9 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	(void)snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &master, sizeof master);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) < 0 || sendmsg(fd, &m, 0) < 0)
		_exit(97);
	(void)close(fd);
}

/* The slave, whose master is on its way to the shim. */
static int open_terminal(const char *socket_path)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		_exit(96);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	send_master(socket_path, master);
	(void)close(master);
	return slave;
}

static void take_terminal(int slave)
{
	for (int i = 0; i < 3 && slave >= 0; i++)
		(void)dup2(slave, i);
	if (slave >= 0)
		(void)ioctl(0, TIOCSCTTY, 0);
}

static _Noreturn void be_process(char **args, int slave, bool started)
{
	sigset_t start;
	int sig;

	(void)setsid();
	take_terminal(slave);
	(void)sigemptyset(&start);
	(void)sigaddset(&start, SIGRTMAX);
	while (!started)
		started = sigwait(&start, &sig) == 0;
	(void)sigprocmask(SIG_UNBLOCK, &start, NULL);
	if (args[0] && !strcmp(args[0], "exit"))
		_exit(args[1] ? (int)strtol(args[1], NULL, 10) : 0);
	if (args[0])
		(void)execvp(args[0], args);
	_exit(127);
}

/* The next child's PID namespace: one of the container's own where config.json has one, and the init's for an exec. */
static void enter_pids(const struct words *w, bool init)
{
	static char text[64 << 10];
	char path[64];
	int fd, r;

	if (!strstr(read_text("config.json", text, sizeof text), "\"type\":\"pid\""))
		return;
	(void)snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)init_of(w));
	fd = init ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	r = init ? unshare(CLONE_NEWPID) : setns(fd, CLONE_NEWPID);
	if (r < 0)
		_exit(95);
}

/* The start's signal waits for it from before it is there. */
static pid_t fork_process(const struct words *w, int slave, bool started)
{
	char *args[ARGS_MAX];
	sigset_t start;
	pid_t pid;

	read_args(w, args);
	(void)sigemptyset(&start);
	(void)sigaddset(&start, SIGRTMAX);
	(void)sigprocmask(SIG_BLOCK, &start, NULL);
	pid = fork();
	if (pid == 0)
		be_process(args, slave, started);
	return pid;
}

static void write_pid_file(const struct words *w, const struct order *o, pid_t pid)
{
	char text[16];

	(void)snprintf(text, sizeof text, "%d", (int)pid);
	if (w->pid_file)
		(void)unlink(w->pid_file);
	if (w->pid_file && !is_order(o, "nopid"))
		append_text(w->pid_file, is_order(o, "pid") ? o->rest : text);
}

static void leave_orphans(long n)
{
	for (long i = 0; i < n; i++)
		if (fork() == 0)
			_exit(3);
}

static int make_process(const struct words *w, const struct order *o, bool started)
{
	int slave = w->console ? open_terminal(w->console) : -1;
	siginfo_t si;
	pid_t pid;

	enter_pids(w, !w->process);
	pid = fork_process(w, slave, started || is_order(o, "gone"));
	keep_pid(w, pid);
	if (is_order(o, "half"))
		(void)raise(SIGKILL);
	if (is_order(o, "gone"))
		(void)waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT);
	if (is_order(o, "orphans"))
		leave_orphans(order_number(o));
	write_pid_file(w, o, pid);
	return 0;
}

/* the verbs */

static int do_create(const struct words *w, const struct order *o)
{
	return init_of(w) ? refuse(w, "container with given ID already exists") : make_process(w, o, false);
}

static int do_restore(const struct words *w, const struct order *o)
{
	return init_of(w) ? refuse(w, "container with given ID already exists") : make_process(w, o, true);
}

static int do_exec(const struct words *w, const struct order *o)
{
	return init_of(w) ? make_process(w, o, true) : refuse(w, "container does not exist");
}

static int signal_init(const struct words *w, int sig)
{
	pid_t pid = init_of(w);

	if (!pid)
		return refuse(w, "container does not exist");
	return kill(pid, sig) < 0 ? refuse(w, "container not running") : 0;
}

static int do_start(const struct words *w, const struct order *o)
{
	(void)o;
	return signal_init(w, SIGRTMAX);
}

static int do_kill(const struct words *w, const struct order *o)
{
	int sig = w->signal ? (int)strtol(w->signal, NULL, 10) : SIGTERM;

	(void)o;
	if (w->all && init_of(w)) {
		signal_all(w, sig);
		return 0;
	}
	return signal_init(w, sig);
}

static int do_pause(const struct words *w, const struct order *o)
{
	(void)o;
	return signal_init(w, SIGSTOP);
}

static int do_resume(const struct words *w, const struct order *o)
{
	(void)o;
	return signal_init(w, SIGCONT);
}

static int do_delete(const struct words *w, const struct order *o)
{
	char path[TEXT_MAX];

	(void)o;
	if (!init_of(w))
		return w->force ? 0 : refuse(w, "container does not exist");
	if (!w->force && kill(init_of(w), 0) == 0)
		return refuse(w, "cannot delete container that is not stopped");
	signal_all(w, SIGKILL);
	state_path(w, "pids", path);
	(void)unlink(path);
	state_path(w, "", path);
	(void)rmdir(path);
	return 0;
}

static int do_ps(const struct words *w, const struct order *o)
{
	(void)o;
	if (!init_of(w))
		return refuse(w, "container does not exist");
	(void)printf("[%d]\n", (int)init_of(w));
	return 0;
}

/* What it was given stands in "engine.resources". */
static int do_update(const struct words *w, const struct order *o)
{
	char text[TEXT_MAX];

	(void)o;
	if (!w->resources)
		return refuse(w, "no resources");
	(void)read_text(strcmp(w->resources, "-") != 0 ? w->resources : "/dev/stdin", text, sizeof text);
	(void)unlink("engine.resources");
	append_text("engine.resources", text);
	return 0;
}

static int do_checkpoint(const struct words *w, const struct order *o)
{
	char path[TEXT_MAX];

	(void)o;
	if (!w->image)
		return refuse(w, "no image path");
	(void)mkdir(w->image, 0700);
	(void)snprintf(path, sizeof path, "%s/image", w->image);
	append_text(path, "image\n");
	return 0;
}

static const struct verb {
	const char *name;
	int (*run)(const struct words *, const struct order *);
} verbs[] = {
	{ "create", do_create },
	{ "start", do_start },
	{ "exec", do_exec },
	{ "kill", do_kill },
	{ "pause", do_pause },
	{ "resume", do_resume },
	{ "delete", do_delete },
	{ "ps", do_ps },
	{ "update", do_update },
	{ "restore", do_restore },
	{ "checkpoint", do_checkpoint },
};

int main(int argc, char **argv)
{
	const struct words w = parse(argc, argv);
	const struct order o = order_of(w.verb);
	int r;

	note_call(argc, argv);
	r = obey_before(&w, &o);
	if (r >= 0)
		return r;
	r = 99;
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (w.verb && !strcmp(verbs[i].name, w.verb))
			r = verbs[i].run(&w, &o);
	if (is_order(&o, "late"))
		wait_ms(order_number(&o));
	return r;
}
