#include "heir.h"
#include "core-words.h"
#include "mem.h"
#include "task.h"
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { PAUSE_MS = 100, PAUSE_MAX_MS = 1000, START_MS = 5000 };

/* Its process is init's once we end; the core's reaper collects it where it ends first. */
struct heir {
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

/* What the child is given. */
struct heir_child {
	int fd;
	heir_fn *fn;
	void *arg;
};

static void heir_child(void *arg)
{
	const struct heir_child *c = arg;
	int lock;
	enum heir_word word = word_await(c->fd, &lock);

	if (word != HEIR_DONE)
		c->fn(c->arg, word, lock);
}

struct heir *heir_new(const struct core *core, struct streams *const *streams, size_t n, heir_fork *make, heir_fn *fn, void *arg)
{
	_cleanup_free_ int *keep = mem_array(int, 2 * n + 1);
	int pair[2];
	size_t n_keep = 0;
	struct heir *h;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		n_keep += streams_fifos(streams[i], keep + n_keep);
	keep[n_keep++] = pair[1];
	pid = make(keep, n_keep, core_is_absolute(core), heir_child, &(struct heir_child){ pair[1], fn, arg });
	closep(&pair[1]);
	if (pid < 0) {
		closep(&pair[0]);
		return NULL;
	}
	reaper_adopt(core->reaper, pid);
	h = mem_new(struct heir);
	h->fd = pair[0];
	return h;
}

bool heir_tell(struct heir *h, enum heir_word word, int lock) { return h && word_send(h->fd, word, lock); }

void heir_free(struct heir *h)
{
	if (!h)
		return;
	(void)close(h->fd);
	free(h);
}

static void heir_wait_ms(struct streams *const *s, size_t n, int64_t ms)
{
	if (n)
		streams_read_on(s, n, ms);
	else
		(void)poll(NULL, 0, (int)ms); /* there is no event for a daemon that comes back */
}

struct core *heir_connect(const struct core *old, struct streams *const *s, size_t n)
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
		heir_wait_ms(s, n, ms);
	}
}

bool heir_was_started(struct core *core, struct streams *const *s, size_t n, const char *id, const char *exec_id)
{
	for (int64_t ms = 0; ms < START_MS; ms += PAUSE_MS) {
		const struct ctx within = ctx_within(NULL, START_MS);
		struct task_status t;
		int r = task_look_process(core, id, exec_id, &within, &t, NULL);

		if (r >= 0 && t.state == TASK_ABSENT)
			return false;
		if (r < 0 || t.state != TASK_CREATED)
			return true;
		heir_wait_ms(s, n, PAUSE_MS); /* the call may be on its way */
	}
	return false;
}
