#include "cpuset-share.h"
#include "cgroup-dir.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "strv.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { CPUSET_MAX = 4096, EVENTS_ROOM = 4096 };

struct cpuset_share {
	struct loop *loop;
	void (*update)(void *arg, const char *folder);
	void *arg;
	struct watch watch;
	int fd;              /* -1: nothing is followed yet */
	struct strv folders; /* by the order of @ids */
	int *ids;            /* inotify's */
	size_t cap;
};

char *cpuset_share_now(const char *folder)
{
	/* What is effective leaves out processors that are off. */
	static const char *const files[] = { "cpuset.effective_cpus", "cpuset.cpus" };
	_cleanup_buf_ struct buf text = { 0 };

	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *path = mem_printf("%s/%s", folder, files[i]);

		buf_reset(&text);
		if (file_read(path, CPUSET_MAX, &text, NULL) < 0)
			continue;
		buf_cut(&text, strcspn(buf_str(&text), " \n"));
		if (text.len)
			return buf_take(&text);
	}
	return NULL;
}

bool cpuset_share_copy(const char *from, const char *to)
{
	_cleanup_free_ char *cpus = cpuset_share_now(from);

	return cpus && cgroup_put(to, "cpuset.cpus", cpus);
}

struct cpuset_share *cpuset_share_new(struct loop *loop, void (*update)(void *arg, const char *folder), void *arg)
{
	struct cpuset_share *s = mem_new(struct cpuset_share);

	*s = (struct cpuset_share){ .loop = loop, .update = update, .arg = arg, .fd = -1 };
	return s;
}

void cpuset_share_free(struct cpuset_share *s)
{
	if (!s)
		return;
	watch_done(&s->watch);
	closep(&s->fd);
	strv_done(&s->folders);
	free(s->ids);
	free(s);
}

/* A folder whose file has gone (Nomad was started anew with another parent) is followed no more. */
static void on_share_change(struct cpuset_share *s, const struct inotify_event *e, bool *told)
{
	for (size_t i = 0; i < s->folders.n; i++) {
		if (s->ids[i] != e->wd)
			continue;
		if (e->mask & IN_IGNORED)
			s->ids[i] = -1;
		else if (!told[i])
			s->update(s->arg, s->folders.v[i]);
		told[i] = true;
	}
}

static void on_share_changes(void *arg, short revents)
{
	struct cpuset_share *s = arg;
	_cleanup_free_ bool *told = mem_array(bool, s->folders.n + 1);
	char room[EVENTS_ROOM] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;

	(void)revents;
	while ((n = read(s->fd, room, sizeof room)) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(room + at);

			on_share_change(s, e, told);
			at += (ssize_t)(sizeof *e + e->len);
		}
}

static bool share_begin(struct cpuset_share *s)
{
	if (s->fd >= 0)
		return true;
	s->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->fd < 0)
		return false;
	watch_init(&s->watch, s->loop, s->fd, POLLIN, on_share_changes, s);
	return true;
}

bool cpuset_share_follow(struct cpuset_share *s, const char *folder)
{
	_cleanup_free_ char *path = mem_printf("%s/cpuset.cpus", folder);
	int id = share_begin(s) ? inotify_add_watch(s->fd, path, IN_CLOSE_WRITE) : -1;

	if (id < 0) {
		log_warn("cpuset %s: its changes cannot be followed: %s", folder, strerror(errno));
		return false;
	}
	for (size_t i = 0; i < s->folders.n; i++)
		if (!strcmp(s->folders.v[i], folder)) {
			s->ids[i] = id;
			return true;
		}
	s->ids = mem_grow(s->ids, &s->cap, s->folders.n + 1, sizeof *s->ids);
	s->ids[s->folders.n] = id;
	strv_push(&s->folders, folder);
	return true;
}
