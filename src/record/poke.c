#include "poke.h"
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

static void on_poke(void *arg, short revents)
{
	struct poke *p = arg;
	char events[4096];

	(void)revents;
	while (read(p->fd, events, sizeof events) > 0)
		p->seen = true;
}

int poke_init(struct poke *p, struct loop *loop, const char *path, struct err *err)
{
	*p = (struct poke){ .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK) };
	if (p->fd < 0 || inotify_add_watch(p->fd, path, IN_ATTRIB) < 0) {
		int r = err_sys(err, errno, "watch %s", path);

		poke_done(p);
		return r;
	}
	watch_init(&p->watch, loop, p->fd, POLLIN, on_poke, p);
	return 0;
}

void poke_done(struct poke *p)
{
	watch_done(&p->watch);
	if (p->fd >= 0)
		(void)close(p->fd);
	p->fd = -1;
}
