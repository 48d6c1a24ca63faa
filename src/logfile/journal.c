#include "journal.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { PATIENCE_MS = 2000 };

struct journal {
	struct sockaddr_un to;
	struct buf fields; /* of each entry */
	int fd;
	bool stuck; /* the last entry was not taken in time */
};

void journal_field(struct buf *out, const char *key, const char *value, size_t n)
{
	unsigned char len[8];

	buf_adds(out, key);
	if (!memchr(value, '\n', n)) {
		buf_addc(out, '=');
	} else {
		for (size_t i = 0; i < sizeof len; i++)
			len[i] = (unsigned char)((uint64_t)n >> (8 * i));
		buf_addc(out, '\n');
		buf_add(out, (const char *)len, sizeof len);
	}
	buf_add(out, value, n);
	buf_addc(out, '\n');
}

struct journal *journal_new(const char *path, const struct dict *fields)
{
	struct journal *j = mem_new(struct journal);

	j->fd = -1;
	j->to.sun_family = AF_UNIX;
	(void)snprintf(j->to.sun_path, sizeof j->to.sun_path, "%s", path ? path : JOURNAL_SOCKET);
	for (size_t i = 0; i < fields->n; i++)
		journal_field(&j->fields, fields->v[i].key, fields->v[i].value, strlen(fields->v[i].value));
	return j;
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	if (j->fd >= 0)
		(void)close(j->fd);
	buf_done(&j->fields);
	free(j);
}

static int journal_wait(const struct journal *j)
{
	struct pollfd p = { .fd = j->fd, .events = POLLOUT };
	int r;

	if (j->stuck)
		return -EAGAIN;
	do
		r = poll(&p, 1, PATIENCE_MS);
	while (r < 0 && errno == EINTR);
	return r > 0 ? 0 : -EAGAIN;
}

/* The socket is connected: so poll(2) says when its reader has room, and one that is gone is found by an error. */
static int journal_connect(struct journal *j)
{
	if (j->fd >= 0)
		return 0;
	j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (j->fd < 0)
		return -errno;
	if (connect(j->fd, (const struct sockaddr *)&j->to, sizeof j->to) < 0) {
		int r = -errno;

		(void)close(TAKE_FD(j->fd));
		return r;
	}
	return 0;
}

static int journal_put(struct journal *j, const struct buf *entry)
{
	int r = journal_connect(j);

	while (r >= 0) {
		if (send(j->fd, entry->data, entry->len, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			break;
		r = journal_wait(j);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	r = -errno;
	(void)close(TAKE_FD(j->fd));
	return r;
}

int journal_send(struct journal *j, enum log_stream s, bool partial, const char *text, size_t n)
{
	_cleanup_buf_ struct buf entry = { 0 };
	int r;

	journal_field(&entry, "PRIORITY", s == LOG_STDERR ? "3" : "6", 1);
	if (partial)
		journal_field(&entry, "CONTAINER_PARTIAL_MESSAGE", "true", 4);
	buf_add(&entry, buf_str(&j->fields), j->fields.len);
	journal_field(&entry, "MESSAGE", text, n);
	r = journal_put(j, &entry);
	if (r == -ECONNREFUSED || r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE) /* another listens there now */
		r = journal_put(j, &entry);
	j->stuck = r == -EAGAIN;
	return r;
}

int journal_check(const char *path, struct err *err)
{
	struct stat st;

	path = path ? path : JOURNAL_SOCKET;
	if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		return 0;
	return err_hint(err, err_set(err, ERR_PRECONDITION, "log journald: there is no journal at %s", path),
			"choose another: --log-driver file");
}
