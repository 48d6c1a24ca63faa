#include "oom.h"
#include "cgroup-dir.h"
#include "cgroup-text.h"
#include "file.h"
#include "mem.h"
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

enum { EVENTS_TEXT = 4096 };

struct oom_version {
	int (*open)(const char *path); /* what tells it; -1: nothing does */
	int (*take)(struct oom *);     /* since the last look: 1: there were kills, 0: none; -1: there will be none any more */
	short events;
};

/* An eventfd is also told when its cgroup goes. */
static int take_v1(struct oom *o)
{
	uint64_t n = 0;

	if (read(o->fd, &n, sizeof n) != sizeof n)
		return 0;
	return file_exists(o->path) ? 1 : -1;
}

static int open_v1(const char *path)
{
	_cleanup_free_ char *control = mem_printf("%s/memory.oom_control", path);
	_cleanup_close_ int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), of = open(control, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *order = mem_printf("%d %d", event, of);

	return event >= 0 && of >= 0 && cgroup_put(path, "cgroup.event_control", order) ? TAKE_FD(event) : -1;
}

/* Read from its begin: the next change is told from here on. False: the file is of a cgroup that has gone. */
static bool kills_v2(int fd, uint64_t *ret)
{
	char text[EVENTS_TEXT], *at = text;
	const ssize_t n = pread(fd, text, sizeof text - 1, 0);
	struct cgroup_line l;

	text[n > 0 ? n : 0] = '\0';
	while (cgroup_line(&at, &l))
		if (l.n == 2 && !strcmp(l.word[0], "oom_kill"))
			(void)cgroup_number(l.word[1], ret);
	return n >= 0;
}

static int take_v2(struct oom *o)
{
	const uint64_t before = o->seen;

	if (!kills_v2(o->fd, &o->seen))
		return -1;
	return o->seen > before;
}

static int open_v2(const char *path)
{
	_cleanup_free_ char *events = mem_printf("%s/memory.events", path);

	return open(events, O_RDONLY | O_CLOEXEC);
}

void oom_poll(struct oom *o)
{
	int r = watch_on(&o->watch) ? o->version->take(o) : 0;

	if (r > 0)
		o->happened(o->arg);
	else if (r < 0)
		oom_done(o);
}

static void on_oom(void *arg, short revents)
{
	(void)revents;
	oom_poll(arg);
}

static const struct oom_version v1 = { open_v1, take_v1, POLLIN }, v2 = { open_v2, take_v2, POLLPRI };

void oom_init(struct oom *o, struct loop *loop, const struct cgroup_of *c, void (*happened)(void *arg), void *arg)
{
	*o = (struct oom){ .version = c->v2 ? &v2 : &v1, .happened = happened, .arg = arg };
	o->path = c->v2 ? c->v2 : c->v1[CGROUP_MEMORY];
	o->fd = o->path ? o->version->open(o->path) : -1;
	if (o->fd < 0)
		return;
	(void)o->version->take(o); /* what was before is not ours to tell */
	watch_init(&o->watch, loop, o->fd, o->version->events, on_oom, o);
}

void oom_done(struct oom *o)
{
	if (!watch_on(&o->watch))
		return;
	watch_done(&o->watch);
	closep(&o->fd);
}
