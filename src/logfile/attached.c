#include "attached.h"
#include "clock.h"
#include "mem.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct attached {
	struct loop *loop;
	struct attached_ops ops;
	char *path;
	dev_t dev; /* of the socket there: another's is not ours to remove */
	ino_t ino;
	int listener;
	struct watch accepts;
	struct list_node readers;
	size_t n;
};

struct reader {
	struct list_node node;
	struct attached *of;
	int fd;
	struct watch watch, room; /* room: of the input, while some of @in waits */
	bool wants;               /* it said hello */
	uint64_t lost;
	int64_t since;
	size_t at, len; /* of @in: what the input has not taken yet */
	char in[ATTACH_PACKET];
};

static void reader_free(struct reader *r)
{
	watch_done(&r->watch);
	watch_done(&r->room);
	closep(&r->fd);
	list_unlink(&r->node);
	r->of->n--;
	free(r);
}

/* While its input waits nothing more is taken of it; while it has lost something it waits for room to be told. */
static void reader_watch(struct reader *r) { watch_events(&r->watch, (short)((r->len ? 0 : POLLIN) | (r->lost ? POLLOUT : 0))); }

/* its input */

static void reader_drop_input(struct reader *r)
{
	watch_done(&r->room);
	r->len = 0;
	reader_watch(r);
}

static void reader_on_room(void *arg, short revents)
{
	struct reader *r = arg;
	ssize_t n = *r->of->ops.input < 0 ? -1 : write(*r->of->ops.input, r->in + r->at, r->len);

	(void)revents;
	if (n < 0 && *r->of->ops.input >= 0 && (errno == EAGAIN || errno == EINTR))
		n = 0;
	r->at += n < 0 ? 0 : (size_t)n;
	r->len = n < 0 ? 0 : r->len - (size_t)n; /* nobody will ever read it */
	if (!r->len)
		reader_drop_input(r);
	else if (!watch_on(&r->room))
		watch_init(&r->room, r->of->loop, *r->of->ops.input, POLLOUT, reader_on_room, r);
	reader_watch(r);
}

/* what it says */

static void reader_answer(const struct reader *r, enum attach_kind kind, int64_t until)
{
	(void)attach_send(r->fd,
			  &(struct attach_packet){ .kind = kind, .until = until }); /* it has gone, or reads nothing at all */
}

/* False: it says what no client says. */
static bool reader_heed(struct reader *r, const struct attach_packet *k)
{
	const struct attached_ops *ops = &r->of->ops;

	switch (k->kind) {
	case ATTACH_HELLO:
		r->wants = true;
		reader_answer(r, ATTACH_HELLO, ops->settle(ops->arg));
		return true;
	case ATTACH_INPUT:
		r->at = (size_t)(k->data - r->in);
		r->len = k->len;
		reader_on_room(r, 0);
		return true;
	case ATTACH_CLOSE: ops->close_input(ops->arg); return true;
	case ATTACH_STAY:
		ops->stay(ops->arg);
		reader_answer(r, ATTACH_STAY, 0);
		return true;
	case ATTACH_OUT:
	case ATTACH_ERR:
	case ATTACH_LOST: break;
	}
	return false;
}

/* Before what comes next. */
static void reader_tell_lost(struct reader *r)
{
	const struct attached_ops *ops = &r->of->ops;
	const struct attach_packet k = { .kind = ATTACH_LOST, .lost = r->lost, .since = r->since, .until = ops->settle(ops->arg) };

	if (attach_send(r->fd, &k) == 0)
		r->lost = 0;
	reader_watch(r);
}

/* It may not have taken anything for long: there is room made for this one. */
static void reader_tell_last(struct reader *r)
{
	int size = 0;
	socklen_t len = sizeof size;

	if (getsockopt(r->fd, SOL_SOCKET, SO_SNDBUF, &size, &len) == 0)
		(void)setsockopt(r->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size); /* which is doubled */
	reader_tell_lost(r);
}

static void reader_on_event(void *arg, short revents)
{
	struct reader *r = arg;
	struct attach_packet k;
	ssize_t n;

	if (revents & (POLLHUP | POLLERR)) { /* what it has written is taken all the same */
		r->wants = false;
		r->lost = 0;
	}
	if (r->lost)
		reader_tell_lost(r);
	reader_watch(r);
	if (r->len)
		return;
	n = recv(r->fd, r->in, sizeof r->in, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !attach_parse(r->in, (size_t)n, &k) || !reader_heed(r, &k))
		reader_free(r);
}

/* what it gets */

static void reader_pass(struct reader *r, const struct attach_packet *k)
{
	if (!r->wants)
		return;
	if (!r->lost && attach_send(r->fd, k) == 0)
		return;
	if (!r->lost)
		r->since = r->of->ops.settle(r->of->ops.arg);
	r->lost += k->len;
	reader_watch(r);
}

void attached_pass(struct attached *a, enum log_stream which, const char *p, size_t n)
{
	const struct attach_packet k = { .kind = which == LOG_STDOUT ? ATTACH_OUT : ATTACH_ERR, .data = p, .len = n };

	if (!a)
		return;
	list_for_each(it, &a->readers)
		reader_pass(container_of(it, struct reader, node), &k);
}

/* they come and go */

static void attached_on_accept(void *arg, short revents)
{
	struct attached *a = arg;
	_cleanup_close_ int fd = attach_accept(a->listener);
	struct reader *r;

	(void)revents;
	if (fd < 0 || a->n >= ATTACHED_MAX)
		return;
	r = mem_new(struct reader);
	r->of = a;
	r->fd = TAKE_FD(fd);
	list_push(&a->readers, &r->node);
	a->n++;
	watch_init(&r->watch, a->loop, r->fd, POLLIN, reader_on_event, r);
}

int attached_new(struct loop *loop, const char *path, const struct attached_ops *ops, struct attached **ret, struct err *err)
{
	int fd, r = attach_listen(path, &fd, err);
	struct stat st = { 0 };
	struct attached *a;

	if (r < 0)
		return r;
	(void)lstat(path, &st);
	a = mem_new(struct attached);
	*a = (struct attached){
		.loop = loop, .ops = *ops, .path = mem_strdup(path), .dev = st.st_dev, .ino = st.st_ino, .listener = fd
	};
	list_init(&a->readers);
	watch_init(&a->accepts, loop, fd, POLLIN, attached_on_accept, a);
	*ret = a;
	return 0;
}

void attached_input_closes(struct attached *a)
{
	if (!a)
		return;
	list_for_each(it, &a->readers)
		reader_drop_input(container_of(it, struct reader, node));
}

void attached_leave(struct attached *a)
{
	if (!a)
		return;
	while (!list_empty(&a->readers)) {
		struct reader *r = container_of(a->readers.next, struct reader, node);

		if (r->lost)
			reader_tell_last(r);
		reader_free(r);
	}
	watch_done(&a->accepts);
	(void)close(a->listener);
	free(a->path);
	free(a);
}

void attached_free(struct attached *a)
{
	struct stat st;

	if (a && lstat(a->path, &st) == 0 && st.st_dev == a->dev && st.st_ino == a->ino)
		(void)unlink(a->path);
	attached_leave(a);
}
