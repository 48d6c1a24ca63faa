/* The folder is walked and each path matched, part by part: what is matched is bounded by what is walked, and that by steps. */
#include "hcl-fileset.h"
#include "beneath.h"
#include "mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

enum { FILESET_DEPTH_MAX = 16, FILESET_ENTRY_STEPS = 400 /* 10,000 entries in a reading */ };

struct fileset {
	struct hcl_args *a;
	const struct strv *pattern;
	struct strv *out;
	char *parts[FILESET_DEPTH_MAX]; /* of the path, borrowed from the walk */
	size_t depth;
};

/* Row by row: which beginnings of the pattern match the path's first @i parts. */
static bool fileset_matches(const struct fileset *f)
{
	const size_t n = f->pattern->n;
	bool now[FILESET_DEPTH_MAX + 1] = { true }, next[FILESET_DEPTH_MAX + 1];

	for (size_t i = 0; i <= f->depth; i++) {
		for (size_t k = 0; k < n; k++) /* ** may be nothing */
			now[k + 1] |= now[k] && !strcmp(f->pattern->v[k], "**");
		if (i == f->depth)
			break;
		memset(next, 0, sizeof next);
		for (size_t k = 0; k < n; k++)
			if (now[k] && !strcmp(f->pattern->v[k], "**"))
				next[k] = true;
			else if (now[k] && !fnmatch(f->pattern->v[k], f->parts[i], 0))
				next[k + 1] = true;
		memcpy(now, next, sizeof now);
	}
	return now[n];
}

static void fileset_add(struct fileset *f)
{
	_cleanup_buf_ struct buf path = { 0 };

	for (size_t i = 0; i < f->depth; i++)
		buf_addf(&path, "%s%s", i ? "/" : "", f->parts[i]);
	strv_push(f->out, buf_str(&path));
}

static int fileset_walk(struct fileset *f, int fd);

static int fileset_entry(struct fileset *f, int dir, char *name)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = hcl_spend(f->a->h, FILESET_ENTRY_STEPS);

	if (r < 0 || f->depth == FILESET_DEPTH_MAX)
		return r;
	fd = beneath_open(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0; /* gone, or a mount */
	f->parts[f->depth++] = name;
	if (S_ISREG(st.st_mode) && fileset_matches(f))
		fileset_add(f);
	else if (S_ISDIR(st.st_mode))
		r = fileset_walk(f, fd);
	f->depth--;
	return r;
}

static int fileset_walk(struct fileset *f, int fd)
{
	_cleanup_(closedirp) DIR *dir = beneath_list(fd);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return errno == ENOTDIR                                                      ? 0
		       : hcl_lost(f->a, 0, "%s: %s", hcl_arg_text(f->a, 0), strerror(errno)) ? 0
											     : -ERR_INVALID;
	while (r >= 0 && (e = readdir(dir)))
		if (!beneath_is_dots(e->d_name))
			r = fileset_entry(f, dirfd(dir), e->d_name);
	return r;
}

int hcl_fileset(struct hcl_args *a, int fd, const char *pattern, struct strv *out)
{
	_cleanup_strv_ struct strv parts = { 0 };
	struct fileset f = { .a = a, .pattern = &parts, .out = out };

	strv_split(&parts, pattern, "/");
	if (strchr(pattern, '{') || *pattern == '/' || strstr(pattern, "..") || parts.n > FILESET_DEPTH_MAX) {
		(void)hcl_lost(a, 1, "\"%.80s\": a relative pattern of at most %d parts is wanted, without {} and ..", pattern,
			       FILESET_DEPTH_MAX);
		return -ERR_INVALID;
	}
	return fileset_walk(&f, fd);
}
