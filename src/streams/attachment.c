#include "attachment.h"
#include "mem.h"
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STAY_MS = 1000 };

struct attachment {
	struct attachment_conf conf;
	int fd;
	struct watch watch;
	bool paused, full, closes; /* full: it waits for room; closes: the end of the input waits for it */
	bool over;                 /* the other end is closed */
	bool *freed;               /* while a function of the conf runs */
};

static void attachment_watch(struct attachment *a)
{
	watch_events(&a->watch, (short)((a->paused ? 0 : POLLIN) | (a->full || a->closes ? POLLOUT : 0)));
}

static void send_close(struct attachment *a)
{
	a->closes = attach_send(a->fd, &(struct attach_packet){ .kind = ATTACH_CLOSE }) == -EAGAIN;
	attachment_watch(a);
}

static void attachment_heed(const struct attachment *a, const struct attach_packet *k)
{
	const struct attachment_conf *c = &a->conf;

	switch (k->kind) {
	case ATTACH_OUT:
	case ATTACH_ERR: c->output(c->arg, k->kind == ATTACH_OUT ? LOG_STDOUT : LOG_STDERR, k->data, k->len); break;
	case ATTACH_LOST: c->lost(c->arg, k->lost, k->since, k->until); break;
	case ATTACH_HELLO: c->begun(c->arg, k->until); break;
	case ATTACH_INPUT:
	case ATTACH_CLOSE:
	case ATTACH_STAY: break; /* what no shim says */
	}
}

static void attachment_receive(struct attachment *a)
{
	char packet[ATTACH_PACKET];
	struct attach_packet k;
	ssize_t n = recv(a->fd, packet, sizeof packet, MSG_DONTWAIT);

	/* ECONNRESET is said once, before what has come, where some of our input was not read. */
	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET))
		return;
	if (n > 0 && attach_parse(packet, (size_t)n, &k)) {
		attachment_heed(a, &k);
		return;
	}
	watch_events(&a->watch, 0);
	a->conf.ended(a->conf.arg);
}

static void attachment_on_event(void *arg, short revents)
{
	struct attachment *a = arg;
	bool freed = false;

	a->freed = &freed;
	a->over |= (revents & POLLHUP) != 0;
	if (revents & POLLOUT && a->full) {
		a->full = false;
		attachment_watch(a);
		a->conf.room(a->conf.arg);
	}
	if (!freed && revents & POLLOUT && a->closes && !a->full)
		send_close(a);
	if (!freed && revents & (POLLIN | POLLHUP | POLLERR))
		attachment_receive(a);
	if (!freed)
		a->freed = NULL;
}

int attachment_new(struct loop *loop, const char *socket, const struct attachment_conf *conf, struct attachment **ret,
		   struct err *err)
{
	struct attachment *a;
	int fd, r = attach_dial(socket, &fd, err);

	if (r < 0)
		return r;
	a = mem_new(struct attachment);
	*a = (struct attachment){ .conf = *conf, .fd = fd };
	watch_init(&a->watch, loop, fd, POLLIN, attachment_on_event, a);
	(void)attach_send(fd, &(struct attach_packet){ .kind = ATTACH_HELLO }); /* the first packet has room; an end is seen */
	*ret = a;
	return 0;
}

bool attachment_is_over(const struct attachment *a) { return a->over; }

void attachment_free(struct attachment *a)
{
	if (!a)
		return;
	if (a->freed)
		*a->freed = true;
	watch_done(&a->watch);
	(void)close(a->fd);
	free(a);
}

size_t attachment_write(struct attachment *a, const char *p, size_t n)
{
	const struct attach_packet k = { .kind = ATTACH_INPUT, .data = p, .len = n < ATTACH_PIECE ? n : ATTACH_PIECE };
	int r = a->closes ? 0 : attach_send(a->fd, &k);

	if (r == -EAGAIN) {
		a->full = true;
		attachment_watch(a);
		return 0;
	}
	return k.len; /* of an output that has ended nobody reads input */
}

void attachment_close_input(struct attachment *a) { send_close(a); }

void attachment_pause(struct attachment *a, bool on)
{
	a->paused = on;
	attachment_watch(a);
}

void attachment_stay(const char *socket)
{
	_cleanup_close_ int fd = -1;
	struct pollfd p = { .events = POLLIN };

	if (attach_dial(socket, &fd, NULL) < 0 || attach_send(fd, &(struct attach_packet){ .kind = ATTACH_STAY }) < 0)
		return; /* it has ended */
	p.fd = fd;
	(void)poll(&p, 1, STAY_MS);
}
