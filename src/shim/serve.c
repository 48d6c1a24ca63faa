/* The server: one loop, on which everything is a function that does not wait. */
#include "container.h"
#include "log.h"
#include "runtime-shim.h"
#include "task-service.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LAST_MS = 2000 };

static void ignore_pipes(void)
{
	const struct sigaction sa = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &sa, NULL);
}

/* What is asked until the end, then what is still to be told. */
static void serve_all(struct shim *s)
{
	const struct ctx last = ctx_within(NULL, LAST_MS);

	while (!s->over && loop_turn(s->loop, NULL, NULL) >= 0)
		;
	while (publisher_pending(s->publisher) && loop_turn(s->loop, &last, NULL) >= 0)
		;
	ttrpc_server_flush(s->server);
}

/* The socket goes with its server. */
static void drop_socket(int fd)
{
	struct sockaddr_un at = { 0 };
	socklen_t n = sizeof at - 1;

	if (getsockname(fd, (struct sockaddr *)&at, &n) == 0 && at.sun_path[0] == '/')
		(void)unlink(at.sun_path);
}

void shim_serve(const struct shim_args *a, int fd)
{
	struct shim s = { .ns = a->ns };

	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	(void)unsetenv("NOTIFY_SOCKET");
	ignore_pipes();
	log_init(a->debug ? LOG_DEBUG : LOG_WARN, false);
	list_init(&s.containers);
	s.loop = loop_new();
	s.publisher = publisher_new(s.loop, getenv("TTRPC_ADDRESS"), a->ns);
	s.server = ttrpc_server_new(s.loop, fd, NULL, task_services, &s);
	serve_all(&s);
	drop_socket(fd);
	_exit(0); /* what is left is the kernel's to free */
}
