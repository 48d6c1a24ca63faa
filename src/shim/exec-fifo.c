#include "exec-fifo.h"
#include "mem.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

static int open_fifo(const char *path, int how)
{
	_cleanup_close_ int fd = open(path, how | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		return TAKE_FD(fd);
	errno = ENXIO;
	return -1;
}

/* crun's init has the end for reading from before `create` ended on. The name goes first: it says "created" to crun. */
static int let_read(const char *path)
{
	_cleanup_close_ int fd = open_fifo(path, O_WRONLY);

	return fd >= 0 && unlink(path) == 0 && write(fd, "", 1) == 1 ? 1 : -ERR_UNIMPLEMENTED;
}

void exec_fifo_done(struct exec_fifo *f)
{
	if (!exec_fifo_on(f))
		return;
	watch_done(&f->fifo);
	watch_done(&f->init);
	(void)close(f->fd);
	(void)close(f->init_fd);
	free(f->path);
	*f = (struct exec_fifo){ 0 };
}

static void fifo_settle(struct exec_fifo *f)
{
	const bool started = f->begun && unlink(f->path) == 0;
	void (*ended)(void *, bool) = f->ended;
	void *arg = f->arg;

	exec_fifo_done(f);
	ended(arg, started);
}

/* runc's init writes a byte, and holds its end until it has become the container's process. true: it has let go. */
static bool fifo_drain(struct exec_fifo *f)
{
	char text[64];
	ssize_t n;

	while ((n = read(f->fd, text, sizeof text)) > 0)
		f->begun = true;
	return n == 0 || (errno != EAGAIN && errno != EINTR);
}

static void on_written(void *arg, short revents)
{
	struct exec_fifo *f = arg;

	(void)revents;
	if (fifo_drain(f))
		fifo_settle(f);
}

static void on_init_end(void *arg, short revents)
{
	struct exec_fifo *f = arg;

	(void)revents;
	(void)fifo_drain(f);
	fifo_settle(f);
}

static int await_write(struct exec_fifo *f, struct loop *loop, const char *path, int pidfd)
{
	_cleanup_close_ int fd = open_fifo(path, O_RDONLY), init = fcntl(pidfd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0 || init < 0)
		return -ERR_UNIMPLEMENTED;
	f->path = mem_strdup(path);
	f->fd = TAKE_FD(fd);
	f->init_fd = TAKE_FD(init);
	watch_init(&f->fifo, loop, f->fd, POLLIN, on_written, f);
	watch_init(&f->init, loop, f->init_fd, POLLIN, on_init_end, f);
	return 0;
}

int exec_fifo_begin(struct exec_fifo *f, struct loop *loop, const struct engine *e, const char *id, int pidfd,
		    void (*ended)(void *arg, bool started), void *arg)
{
	_cleanup_free_ char *path = mem_printf("%s/%s/exec.fifo", e->root, id);
	int r = let_read(path);

	*f = (struct exec_fifo){ .ended = ended, .arg = arg };
	return r < 0 && errno == ENXIO ? await_write(f, loop, path, pidfd) : r;
}
