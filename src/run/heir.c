#include "heir.h"
#include "mem.h"
#include "task.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { KEEP_MAX = 3, PAUSE_MS = 100, PAUSE_MAX_MS = 1000, START_MS = 5000 };

struct heir {
	pid_t pid;
	int fd;
};

/* A word with the descriptor that comes with it. */
union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

static bool word_send(int fd, enum heir_word word, int lock)
{
	unsigned char byte = (unsigned char)word;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union control control = { 0 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (lock >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof control;
		control.head = (struct cmsghdr){ CMSG_LEN(sizeof lock), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.head), &lock, sizeof lock);
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL) == 1;
}

static enum heir_word word_await(int fd, int *ret_lock)
{
	unsigned char byte = HEIR_LOST;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union control control = { 0 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	ssize_t n;

	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	*ret_lock = -1;
	if (n != 1)
		return HEIR_LOST;
	if (CMSG_FIRSTHDR(&m) && control.head.cmsg_type == SCM_RIGHTS)
		memcpy(ret_lock, CMSG_DATA(&control.head), sizeof *ret_lock);
	return (enum heir_word)byte;
}

static int by_number(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void close_others(int *keep, size_t n)
{
	unsigned from = 3;

	qsort(keep, n, sizeof *keep, by_number);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] > (int)from)
			(void)close_range(from, (unsigned)keep[i] - 1, 0);
		if (keep[i] >= (int)from)
			from = (unsigned)keep[i] + 1;
	}
	(void)close_range(from, ~0U, 0);
}

/* Nothing that somebody may wait for: the terminal, the lock, descriptors (of a shell's flock, say), the current folder. */
static void leave_all(const struct core *core, int *keep, size_t n)
{
	static const int ours[] = { SIGINT, SIGTERM, SIGHUP };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)setsid();
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
	close_others(keep, n);
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		(void)signal(ours[i], SIG_DFL);
	if (*core->address == '/' && *core->conf.run_dir == '/' && *core->conf.data_dir == '/')
		(void)!chdir("/");
	(void)prctl(PR_SET_NAME, "davit-heir");
}

struct heir *heir_new(const struct core *core, const struct streams *streams, heir_fn *fn, void *arg)
{
	int pair[2], keep[KEEP_MAX], lock;
	size_t n = streams ? streams_fifos(streams, keep) : 0;
	enum heir_word word;
	struct heir *h;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return NULL;
	pid = fork();
	if (pid == 0) {
		keep[n++] = pair[1];
		leave_all(core, keep, n);
		word = word_await(pair[1], &lock);
		if (word != HEIR_DONE)
			fn(arg, word, lock);
		_exit(0);
	}
	closep(&pair[1]);
	if (pid < 0) {
		closep(&pair[0]);
		return NULL;
	}
	h = mem_new(struct heir);
	*h = (struct heir){ .pid = pid, .fd = pair[0] };
	return h;
}

bool heir_tell(struct heir *h, enum heir_word word, int lock) { return h && word_send(h->fd, word, lock); }

/* It is a zombie until we end where it has ended already; else init's. */
void heir_free(struct heir *h)
{
	if (!h)
		return;
	(void)close(h->fd);
	(void)waitpid(h->pid, NULL, WNOHANG);
	free(h);
}

static void heir_wait_ms(struct streams *s, int64_t ms)
{
	if (s)
		streams_read_on(s, ms);
	else
		(void)poll(NULL, 0, (int)ms); /* there is no event for a daemon that comes back */
}

struct core *heir_connect(const struct core *old, struct streams *s)
{
	struct core_conf conf = old->conf;

	conf.address = old->address;
	conf.notice = NULL;
	conf.return_ms = 0;
	for (int64_t ms = PAUSE_MS;; ms = ms < PAUSE_MAX_MS ? ms * 2 : PAUSE_MAX_MS) {
		struct core *core;
		int r = core_open(&conf, &core, NULL);

		if (r >= 0)
			return core;
		if (r != -ERR_UNAVAILABLE && r != -ERR_NOT_FOUND)
			return NULL;
		heir_wait_ms(s, ms);
	}
}

bool heir_was_started(struct core *core, struct streams *s, const char *id, const char *exec_id)
{
	for (int64_t ms = 0; ms < START_MS; ms += PAUSE_MS) {
		const struct ctx within = ctx_within(NULL, START_MS);
		struct task_status t;
		int r = task_look_process(core, id, exec_id, &within, &t, NULL);

		if (r >= 0 && t.state == TASK_ABSENT)
			return false;
		if (r < 0 || t.state != TASK_CREATED)
			return true;
		heir_wait_ms(s, PAUSE_MS); /* the call may be on its way */
	}
	return false;
}
