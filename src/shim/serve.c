/* The server: one loop, on which everything is a function that does not wait. */
#include "container.h"
#include "log.h"
#include "collect.h"
#include "parked.h"
#include "runtime-shim.h"
#include "task-service.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LAST_MS = 2000 };

/* Ends, as the shims of containerd's do: containers go on until `delete`, which containerd runs then. */
static void shim_on_signal(void *arg, short revents)
{
	struct shim *s = arg;
	struct signalfd_siginfo si;

	(void)revents;
	while (read(s->signals.fd, &si, sizeof si) == sizeof si)
		if (si.ssi_signo == SIGCHLD)
			collect_orphans(s);
		else
			s->over = true;
}

static int watch_signals(struct shim *s, struct err *err)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_sys(err, errno, "signals");
	watch_init(&s->signals, s->loop, fd, POLLIN, shim_on_signal, s);
	return 0;
}

/* A reader that has gone, and a log that may not grow, are errors of a write(2). */
static void ignore_write_signals(void)
{
	const struct sigaction sa = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &sa, NULL);
	(void)sigaction(SIGXFSZ, &sa, NULL);
}

/* The socket goes with its server. */
static void drop_socket(int fd)
{
	struct sockaddr_un at = { 0 };
	socklen_t n = sizeof at - 1;

	if (getsockname(fd, (struct sockaddr *)&at, &n) == 0 && at.sun_path[0] == '/')
		(void)unlink(at.sun_path);
}

/* What is asked until the end, then what is still to be told. The socket goes first, so that a new shim can have its name. A client
 * in Go may take an end right behind an answer for the end before it: so containerd, which has its answer, closes first. */
static void serve_all(struct shim *s, int fd)
{
	struct ctx last;

	while (!s->over && loop_turn(s->loop, NULL, NULL) >= 0)
		;
	drop_socket(fd);
	ttrpc_server_flush(s->server);
	last = ctx_within(NULL, LAST_MS);
	while ((publisher_pending(s->publisher) || (list_empty(&s->containers) && ttrpc_server_connections(s->server))) &&
	       loop_turn(s->loop, &last, NULL) >= 0)
		;
}

void shim_serve(const struct shim_args *a, int fd)
{
	struct shim s = { .ns = a->ns };
	struct err err = ERR_INIT;

	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	(void)unsetenv("NOTIFY_SOCKET");
	ignore_write_signals();
	log_init(a->debug ? LOG_DEBUG : LOG_WARN, LOG_LOGRUS);
	list_init(&s.containers);
	s.loop = loop_new();
	collect_init(&s);
	parked_init(&s);
	if (watch_signals(&s, &err) < 0)
		log_warn("%s", err.msg); /* then orphans stay, and a signal ends us without a word */
	attach_soon(&s.attach);          /* the first container's create is next */
	s.publisher = publisher_new(s.loop, getenv("TTRPC_ADDRESS"), a->ns);
	s.server = ttrpc_server_new(s.loop, fd, NULL, task_services, &s);
	serve_all(&s, fd);
	list_for_each(it, &s.containers)
		container_abandon(container_of(it, struct container, node));
	_exit(0); /* what is left is the kernel's to free */
}
