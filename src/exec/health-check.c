/* Theory of operation: a command is an exec session that ends with all that it has forked. For http and tcp the task is asked for
 * first, since one that is paused answers nobody; a socket is made in its network namespace by a thread of its own (netns.h), and
 * belongs to that namespace from there on. Either way one timer is the timeout. */
#include "health-check.h"
#include "clock.h"
#include "health-url.h"
#include "mem.h"
#include "netns.h"
#include "task.h"
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RESPONSE_MAX = HEALTH_OUTPUT_MAX + 4096 /* of its head */ };
enum { LATE_MS = 10000 };

struct health_check {
	struct health_check_conf conf;
	struct exec_session *session;
	struct ctrd_call *task;
	struct health_url url;
	int fd;
	bool asked; /* the request is written */
	struct watch watch;
	struct timer limit;
	struct post over;
	struct buf output; /* of the command; of http what has come of the response */
	struct health_result result;
};

static void check_stop(struct health_check *h)
{
	if (h->session)
		exec_session_abandon(TAKE_PTR(h->session));
	ctrd_call_free(TAKE_PTR(h->task));
	watch_done(&h->watch);
	timer_done(&h->limit);
	if (h->fd >= 0)
		(void)close(h->fd);
	h->fd = -1;
}

void health_check_free(struct health_check *h)
{
	if (!h)
		return;
	check_stop(h);
	loop_unpost(h->conf.core->loop, &h->over);
	buf_done(&h->output);
	free(h);
}

static void on_check_over(void *arg)
{
	struct health_check *h = arg;

	h->conf.ended(h->conf.arg, &h->result);
}

static void check_over(struct health_check *h, int said, int exit_code, const char *why)
{
	check_stop(h);
	if (why) {
		buf_reset(&h->output);
		buf_adds(&h->output, why);
	}
	h->result.said = said;
	h->result.exit_code = exit_code;
	h->result.ended = clock_wall();
	h->result.output = buf_str(&h->output);
	loop_post(h->conf.core->loop, &h->over);
}

/* It says nothing of a task that is paused, nor while nobody can say how that is. */
static void on_late_task_seen(void *arg)
{
	struct health_check *h = arg;
	struct task_status t = { 0 };
	struct err err = ERR_INIT;
	char why[120];

	(void)snprintf(why, sizeof why, "Health check exceeded timeout (%llds)", (long long)h->conf.how->timeout);
	if (task_look_end(TAKE_PTR(h->task), NULL, &t, &err) < 0)
		check_over(h, HEALTH_SAYS_NOTHING, -1, err.msg);
	else
		check_over(h, t.state == TASK_LIVE ? HEALTH_SAYS_NO : HEALTH_SAYS_NOTHING, -1, why);
}

static void on_limit(void *arg)
{
	struct health_check *h = arg;
	const struct ctx limit = ctx_within(NULL, LATE_MS);

	check_stop(h);
	(void)core_reconnect(h->conf.core, NULL); /* else the call says why */
	h->task = task_look_begin(h->conf.core, h->conf.id, NULL, &limit);
	ctrd_call_notify(h->task, on_late_task_seen, h);
}

/* The same text, but for the white space at its ends. */
static bool is_expected(const struct health_check *h, const char *text)
{
	const char *wanted = h->conf.how->expect;
	size_t n = strlen(text), m;

	if (!wanted)
		return true;
	wanted += strspn(wanted, " \t\r\n");
	m = strlen(wanted);
	for (; n && isspace((unsigned char)*text); n--)
		text++;
	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	while (m && isspace((unsigned char)wanted[m - 1]))
		m--;
	return n == m && !memcmp(text, wanted, n);
}

/* a command */

static void on_check_output(void *arg, enum log_stream which, const char *p, size_t n)
{
	struct health_check *h = arg;
	const size_t room = HEALTH_OUTPUT_MAX - h->output.len;

	(void)which;
	buf_add(&h->output, p, n < room ? n : room);
}

static void on_check_closed(void *arg, enum log_stream which)
{
	(void)arg;
	(void)which;
}

/* What cannot be started is a failure; where nobody could ask nothing is said. */
static void on_check_exit(void *arg, int r, const struct ctrd_exit *exit, const struct err *err)
{
	struct health_check *h = arg;
	const bool unknown = r == -ERR_PRECONDITION || r == -ERR_NOT_FOUND || r == -ERR_UNAVAILABLE || r == -ERR_CANCELLED;

	h->session = NULL;
	if (r < 0 && !err->exit_code && unknown)
		check_over(h, HEALTH_SAYS_NOTHING, -1, err->msg);
	else if (r < 0)
		check_over(h, HEALTH_SAYS_NO, err->exit_code ? err->exit_code : -1, err->msg);
	else if (exit->status)
		check_over(h, HEALTH_SAYS_NO, (int)exit->status, NULL);
	else if (!is_expected(h, buf_str(&h->output)))
		check_over(h, HEALTH_SAYS_NO, 1, NULL);
	else
		check_over(h, HEALTH_SAYS_YES, 0, NULL);
}

static const struct exec_session_told check_told = { on_check_output, on_check_closed, NULL, on_check_exit };

static void check_execute(struct health_check *h)
{
	const struct exec_session_conf conf = {
		.id = h->conf.id, .args = &h->conf.how->exec, .prefix = HEALTH_EXEC, .whole = true, .told = &check_told, .arg = h
	};
	struct err err = ERR_INIT;

	if (exec_session_new(h->conf.sessions, &conf, &h->session, &err) < 0)
		check_over(h, HEALTH_SAYS_NOTHING, -1, err.msg);
}

/* http, tcp */

static void check_no(struct health_check *h, const char *what, int error)
{
	char why[200];

	(void)snprintf(why, sizeof why, "%s: %s", what, strerror(error));
	check_over(h, HEALTH_SAYS_NO, 1, why);
}

static bool send_check_request(const struct health_check *h)
{
	_cleanup_buf_ struct buf b = { 0 };

	buf_addf(&b, "GET %.*s HTTP/1.1\r\nHost: %s\r\nUser-Agent: davit\r\nAccept: */*\r\nConnection: close\r\n\r\n",
		 h->url.path_len, h->url.path, h->url.host);
	return send(h->fd, b.data, b.len, MSG_NOSIGNAL) == (ssize_t)b.len; /* into an empty buffer */
}

/* The chunks of @body are put together, as far as they have come. */
static void join_chunks(char *body)
{
	char *to = body, *from = body, *end;

	for (;;) {
		unsigned long n = strtoul(from, &end, 16);
		char *data = end == from ? NULL : strstr(end, "\r\n");
		size_t left = data ? strlen(data + 2) : 0;

		if (!data || !n)
			break;
		n = n < left ? n : left;
		memmove(to, data + 2, n);
		to += n;
		from = data + 2 + n;
		from += strspn(from, "\r\n");
	}
	*to = '\0';
}

/* The first line, and what is behind the head, are told. */
static void check_judge(struct health_check *h)
{
	_cleanup_buf_ struct buf told = { 0 };
	char *head, *body;
	int status = 0;
	bool fine;

	buf_addc(&h->output, '\0'); /* text ends at the first */
	head = h->output.data;
	if (sscanf(head, "HTTP/%*d.%*d %d", &status) != 1) {
		check_over(h, HEALTH_SAYS_NO, 1, "no answer of HTTP");
		return;
	}
	body = strstr(head, "\r\n\r\n");
	if (body)
		*body = '\0';
	body = body ? body + 4 : head + strlen(head);
	if (strcasestr(head, "\r\nTransfer-Encoding: chunked"))
		join_chunks(body);
	fine = status >= 200 && status <= 399 && is_expected(h, body);
	buf_addf(&told, "%.*s\n%.*s", (int)strcspn(head, "\r\n"), head, HEALTH_OUTPUT_MAX - 256, body);
	buf_cut(&told, told.len < HEALTH_OUTPUT_MAX ? told.len : HEALTH_OUTPUT_MAX);
	check_over(h, fine ? HEALTH_SAYS_YES : HEALTH_SAYS_NO, !fine, buf_str(&told));
}

static bool is_answered(const struct health_check *h)
{
	return h->output.len >= RESPONSE_MAX || (!h->conf.how->expect && strstr(buf_str(&h->output), "\r\n\r\n"));
}

static void check_read(struct health_check *h)
{
	ssize_t n;

	do {
		n = recv(h->fd, buf_room(&h->output, 2048), 2048, 0);
		if (n > 0)
			buf_grew(&h->output, (size_t)n);
	} while (n > 0 && !is_answered(h));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 && !h->output.len)
		check_no(h, "answer", errno);
	else
		check_judge(h);
}

static void check_connected(struct health_check *h)
{
	int error = 0;
	socklen_t n = sizeof error;

	if (getsockopt(h->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error)
		check_no(h, "connect", error ? error : errno);
	else if (h->conf.how->kind == HEALTH_TCP)
		check_over(h, HEALTH_SAYS_YES, 0, "connected");
	else if (!send_check_request(h))
		check_no(h, "request", errno);
	else {
		h->asked = true;
		watch_events(&h->watch, POLLIN);
	}
}

static void on_check_socket(void *arg, short revents)
{
	struct health_check *h = arg;

	(void)revents;
	if (h->asked)
		check_read(h);
	else
		check_connected(h);
}

static int make_check_socket(void *arg, struct err *err)
{
	struct health_check *h = arg;

	h->fd = socket(h->url.at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return h->fd < 0 ? err_sys(err, errno, "socket") : 0;
}

static void check_connect(struct health_check *h, pid_t pid)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/ns/net", (int)pid);
	struct err err = ERR_INIT;

	if (netns_run(path, make_check_socket, h, &err) < 0)
		check_over(h, HEALTH_SAYS_NOTHING, -1, err.msg);
	else if (connect(h->fd, (const struct sockaddr *)&h->url.at, h->url.at_len) < 0 && errno != EINPROGRESS)
		check_no(h, "connect", errno);
	else
		watch_init(&h->watch, h->conf.core->loop, h->fd, POLLOUT, on_check_socket, h);
}

static void on_task_seen(void *arg)
{
	struct health_check *h = arg;
	struct task_status t = { 0 };
	struct err err = ERR_INIT;

	if (task_look_end(TAKE_PTR(h->task), NULL, &t, &err) < 0)
		check_over(h, HEALTH_SAYS_NOTHING, -1, err.msg);
	else if (t.state != TASK_LIVE)
		check_over(h, HEALTH_SAYS_NOTHING, -1, "it does not run");
	else
		check_connect(h, t.pid);
}

static void check_ask(struct health_check *h)
{
	const struct ctx limit = ctx_within(NULL, h->conf.how->timeout * 1000);
	struct err err = ERR_INIT;

	if (health_url_parse(h->conf.how->kind, h->conf.how->url, &h->url, &err) < 0) {
		check_over(h, HEALTH_SAYS_NO, -1, err.msg);
		return;
	}
	(void)core_reconnect(h->conf.core, NULL); /* else the call says why */
	h->task = task_look_begin(h->conf.core, h->conf.id, NULL, &limit);
	ctrd_call_notify(h->task, on_task_seen, h);
}

struct health_check *health_check_new(const struct health_check_conf *conf)
{
	struct health_check *h = mem_new(struct health_check);
	struct loop *loop = conf->core->loop;

	h->conf = *conf;
	h->fd = -1;
	h->result.began = clock_wall();
	post_init(&h->over, on_check_over, h);
	timer_init(&h->limit, loop, on_limit, h);
	timer_set(&h->limit, clock_mono() + conf->how->timeout * NSEC_PER_SEC);
	if (conf->how->kind == HEALTH_COMMAND)
		check_execute(h);
	else
		check_ask(h);
	return h;
}
