#include "user.h"
#include "buf.h"
#include "mem.h"
#include <ctype.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { FILE_MAX = 4 << 20, LINE_MAX_ = 65536, GROUPS_MAX = 4096 /* further ones of a hostile image are dropped */ };

void user_done(struct user *u)
{
	free(u->groups);
	free(u->home);
	*u = (struct user){ 0 };
}

/* 0 to 4294967294: the last one means "no change" to the kernel. */
static bool parse_id(const char *s, size_t n, uint32_t *ret)
{
	uint64_t v = 0;

	if (!n || n > 10)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	if (v >= UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static bool is_root(const char *s, size_t n)
{
	return n == 0 || (n == 4 && !memcmp(s, "root", 4));
}

bool user_is_numeric(const char *spec)
{
	size_t n = strcspn(spec, ":");
	const char *group = spec[n] ? spec + n + 1 : NULL;
	uint32_t id;

	if (!parse_id(spec, n, &id) && !is_root(spec, n))
		return false;
	return !group || parse_id(group, strlen(group), &id);
}

/* An image's file, of which nothing may be believed: not a link out of the image, not a pipe that never ends, nor a device
 * that the opening itself sets going. */
static int read_inside(int rootfd, const char *path, struct buf *out, struct err *err)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	_cleanup_close_ int place = (int)syscall(SYS_openat2, rootfd, path, &how, sizeof how), fd = -1;
	char self[40];
	struct stat st;

	if (place < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : err_sys(err, errno, "image's /%s", path);
	if (fstat(place, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "image's /%s: not a regular file", path);
	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", place);
	fd = open(self, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_sys(err, errno, "image's /%s", path);
	while (out->len <= FILE_MAX) {
		ssize_t n = read(fd, buf_room(out, 16384), 16384);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "image's /%s", path);
		if (n == 0)
			return 0;
		buf_grew(out, (size_t)n);
	}
	return err_set(err, ERR_EXHAUSTED, "image's /%s: longer than 4 MiB", path);
}

/* One line's fields, cut at the colons; missing ones are empty. */
struct record { const char *field[7]; size_t len[7]; };

static bool next_record(const char **at, const char *end, struct record *rec)
{
	const char *p = *at, *stop;
	size_t i = 0;

	if (p >= end)
		return false;
	stop = memchr(p, '\n', (size_t)(end - p));
	stop = stop ? stop : end;
	*at = stop + 1;
	*rec = (struct record){ 0 };
	if (stop - p > LINE_MAX_)
		stop = p; /* nothing of such a line is taken */
	for (; i < 7; i++) {
		const char *colon = i < 6 ? memchr(p, ':', (size_t)(stop - p)) : NULL;

		rec->field[i] = p;
		rec->len[i] = (size_t)((colon ? colon : stop) - p);
		p = colon ? colon + 1 : stop;
	}
	return true;
}

static bool field_is(const struct record *rec, int i, const char *s, size_t n)
{
	return n && rec->len[i] == n && !memcmp(rec->field[i], s, n);
}

struct lookup {
	int rootfd;
	const char *spec;
	struct buf passwd, group;
	struct user u;
	char *name;              /* as in passwd: group members are names */
};

static void lookup_done(struct lookup *l)
{
	buf_done(&l->passwd);
	buf_done(&l->group);
	user_done(&l->u);
	free(l->name);
}

static void take_entry(struct lookup *l, const struct record *rec)
{
	uint32_t id;

	if (parse_id(rec->field[2], rec->len[2], &id))
		l->u.uid = id;
	if (parse_id(rec->field[3], rec->len[3], &id))
		l->u.gid = id;
	free(l->name);
	l->name = mem_strndup(rec->field[0], rec->len[0]);
	if (rec->len[5] && rec->field[5][0] == '/') {
		free(l->u.home);
		l->u.home = mem_strndup(rec->field[5], rec->len[5]);
	}
}

/* The entry of a name, else of a number. */
static bool find_entry(struct lookup *l, const char *s, size_t n, bool by_number)
{
	const char *at = buf_str(&l->passwd), *end = at + l->passwd.len;
	struct record rec;
	uint32_t want = 0, id;

	if (by_number && !parse_id(s, n, &want))
		return false;
	while (next_record(&at, end, &rec)) {
		if (!parse_id(rec.field[2], rec.len[2], &id) || !(by_number ? id == want : field_is(&rec, 0, s, n)))
			continue;
		take_entry(l, &rec);
		return true;
	}
	return false;
}

static int find_user(struct lookup *l, const char *s, size_t n, struct err *err)
{
	uint32_t id = 0;
	bool number = parse_id(s, n, &id) || !n;

	if (!n)
		s = "0", n = 1;
	if ((!number && find_entry(l, s, n, false)) || (number && find_entry(l, s, n, true)))
		return 0;
	if (!number && !is_root(s, n))
		return err_hint(err, err_set(err, ERR_NOT_FOUND, "user %.*s: not in the image's /etc/passwd", (int)n, s),
				"a number works without an entry, such as 1000:1000");
	l->u.uid = id;
	return 0;
}

static bool find_group(const struct lookup *l, const char *s, gid_t *ret)
{
	const char *at = buf_str(&l->group), *end = at + l->group.len;
	struct record rec;
	uint32_t id;

	while (next_record(&at, end, &rec))
		if (field_is(&rec, 0, s, strlen(s)) && parse_id(rec.field[2], rec.len[2], &id)) {
			*ret = id;
			return true;
		}
	if (!parse_id(s, strlen(s), &id))
		return false;
	*ret = id;
	return true;
}

static int group_of(const struct lookup *l, const char *s, gid_t *ret, struct err *err)
{
	if (find_group(l, s, ret))
		return 0;
	return err_hint(err, err_set(err, ERR_NOT_FOUND, "group %s: not in the image's /etc/group", s),
			"a number works without an entry, such as 1000:1000");
}

static void add_group(struct user *u, gid_t gid)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return;
	if (u->n_groups >= GROUPS_MAX)
		return;
	u->groups = mem_resize(u->groups, (u->n_groups + 1) * sizeof *u->groups);
	u->groups[u->n_groups++] = gid;
}

static bool is_member(const struct record *rec, const char *name)
{
	const char *p = rec->field[3], *end = p + rec->len[3];
	size_t n = strlen(name);

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		size_t len = (size_t)((comma ? comma : end) - p);

		if (len == n && !memcmp(p, name, n))
			return true;
		p += len + 1;
	}
	return false;
}

static void add_memberships(struct lookup *l)
{
	const char *at = buf_str(&l->group), *end = at + l->group.len;
	struct record rec;
	uint32_t id;

	if (!l->name || !*l->name)
		return;
	while (next_record(&at, end, &rec))
		if (is_member(&rec, l->name) && parse_id(rec.field[2], rec.len[2], &id))
			add_group(&l->u, id);
}

static int lookup_files(struct lookup *l, struct err *err)
{
	int r;

	if (l->rootfd < 0)
		return 0;
	r = read_inside(l->rootfd, "etc/passwd", &l->passwd, err);
	return r < 0 ? r : read_inside(l->rootfd, "etc/group", &l->group, err);
}

static int lookup_all(struct lookup *l, char *const *extra, struct err *err)
{
	size_t n = strcspn(l->spec, ":");
	const char *group = l->spec[n] && l->spec[n + 1] ? l->spec + n + 1 : NULL; /* "bob:" is bob, as Docker reads it */
	gid_t gid;
	int r;

	r = find_user(l, l->spec, n, err);
	if (r < 0)
		return r;
	if (group) {
		r = group_of(l, group, &l->u.gid, err);
		if (r < 0)
			return r;
	} else {
		add_memberships(l);
	}
	for (; extra && *extra; extra++) {
		r = group_of(l, *extra, &gid, err);
		if (r < 0)
			return r;
		add_group(&l->u, gid);
	}
	return 0;
}

int user_lookup(int rootfd, const char *spec, char *const *extra, struct user *ret, struct err *err)
{
	_cleanup_(lookup_done) struct lookup l = { .rootfd = rootfd, .spec = spec ? spec : "" };
	int r;

	r = lookup_files(&l, err);
	if (r >= 0)
		r = lookup_all(&l, extra, err);
	if (r < 0)
		return r;
	if (!l.u.home)
		l.u.home = mem_strdup(l.u.uid == 0 ? "/root" : "/");
	*ret = l.u;
	l.u = (struct user){ 0 };
	return 0;
}
