#include "group-mark.h"
#include "clock.h"
#include "file.h"
#include "handle.h"
#include "mem.h"
#include "places.h"
#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { MARK_MAX = PATH_MAX + 32, YOUNG_S = 600 };
#define CONFIGURED "configured"

void group_mark_done(struct group_mark *m)
{
	free(m->alloc);
	free(m->alloc_dir);
	*m = (struct group_mark){ 0 };
}

/* Two lines: the folder, and the word or nothing. */
int group_mark_write(const char *run_dir, const struct group_mark *m, struct err *err)
{
	_cleanup_free_ char *folder = places_networks(run_dir, ""), *path = places_networks(run_dir, m->alloc),
			    *text = mem_printf("%s\n%s\n", m->alloc_dir ? m->alloc_dir : "", m->configured ? CONFIGURED : "");
	int r = file_mkdirs_private(folder, err);

	return r < 0 ? r : file_write(path, text, strlen(text), 0600, err);
}

void group_mark_remove(const char *run_dir, const char *alloc)
{
	_cleanup_free_ char *path = places_networks(run_dir, alloc);

	(void)unlink(path);
}

void group_mark_outlived(const char *run_dir, const char *alloc)
{
	_cleanup_free_ char *path = places_networks(run_dir, alloc);
	struct stat st;

	if (stat(path, &st) == 0 && st.st_mtime + YOUNG_S < clock_wall() / NSEC_PER_SEC)
		(void)unlink(path);
}

static bool mark_read(const char *run_dir, const char *alloc, struct group_mark *ret)
{
	_cleanup_free_ char *path = places_networks(run_dir, alloc);
	_cleanup_buf_ struct buf text = { 0 };
	size_t len;

	if (file_read(path, MARK_MAX, &text, NULL) < 0)
		return false;
	len = strcspn(buf_str(&text), "\n");
	*ret = (struct group_mark){ .alloc = mem_strdup(alloc),
				    .alloc_dir = len ? mem_strndup(buf_str(&text), len) : NULL,
				    .configured = !strcmp(buf_str(&text) + len, "\n" CONFIGURED "\n") };
	return true;
}

void group_marks_each(const char *run_dir, void (*each)(void *arg, const struct group_mark *), void *arg)
{
	_cleanup_free_ char *folder = places_networks(run_dir, "");
	_cleanup_(closedirp) DIR *d = opendir(folder);

	for (struct dirent *e; d && (e = readdir(d));) {
		struct group_mark m = { 0 };

		if (handle_is_alloc_id(e->d_name) && mark_read(run_dir, e->d_name, &m))
			each(arg, &m);
		group_mark_done(&m);
	}
}
