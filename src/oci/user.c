#include "user.h"
#include "buf.h"
#include "mem.h"
#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum { LINE_MAX_ = 65536, GROUPS_MAX = 4096 };

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

	while (n > 1 && *s == '0')
		s++, n--;
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

static bool is_root(const char *s, size_t n) { return n == 4 && !memcmp(s, "root", 4); }

void user_files_done(struct user_files *f)
{
	buf_done(&f->passwd);
	buf_done(&f->group);
}

/* One line's fields, cut at the colons; missing ones are empty. */
struct record {
	const char *field[7];
	size_t len[7];
};

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
	if (stop - p > LINE_MAX_ || memchr(p, '\0', (size_t)(stop - p)))
		stop = p; /* nothing of such a line is taken */
	while (p < stop && isspace((unsigned char)*p))
		p++;
	while (p < stop && isspace((unsigned char)stop[-1]))
		stop--;
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
	const struct user_files *files;
	const char *spec;
	struct user u;
	char *name; /* as in passwd: group members are names */
};

static void lookup_done(struct lookup *l)
{
	user_done(&l->u);
	free(l->name);
}

static const char *whose(const struct lookup *l) { return l->files->whose ? l->files->whose : "image"; }

static void lookup_take(struct lookup *l, const struct record *rec)
{
	uint32_t id;

	if (parse_id(rec->field[2], rec->len[2], &id))
		l->u.uid = id;
	if (parse_id(rec->field[3], rec->len[3], &id))
		l->u.gid = id;
	free(l->name);
	l->name = mem_strndup(rec->field[0], rec->len[0]);
	if (rec->len[5]) {
		free(l->u.home);
		l->u.home = mem_strndup(rec->field[5], rec->len[5]);
	}
}

/* The entry of a name, else of a number. */
static bool lookup_find(struct lookup *l, const char *s, size_t n, bool by_number)
{
	const char *at = buf_str(&l->files->passwd), *end = at + l->files->passwd.len;
	struct record rec;
	uint32_t want = 0, id;

	if (by_number && !parse_id(s, n, &want))
		return false;
	while (next_record(&at, end, &rec)) {
		if (!parse_id(rec.field[2], rec.len[2], &id) || !(by_number ? id == want : field_is(&rec, 0, s, n)))
			continue;
		lookup_take(l, &rec);
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
	if ((!number && lookup_find(l, s, n, false)) || (number && lookup_find(l, s, n, true)))
		return 0;
	if (!number && !is_root(s, n))
		return err_hint(err, err_set(err, ERR_NOT_FOUND, "user %.*s: not in the %s's /etc/passwd", (int)n, s, whose(l)),
				"a number works without an entry, such as 1000:1000");
	l->u.uid = id;
	return 0;
}

/* The group of a name. Of a number: itself (a group may be called so), or as --group-add has it, what comes first in the file. */
static bool find_group(const struct lookup *l, const char *s, bool either, gid_t *ret)
{
	const char *at = buf_str(&l->files->group), *end = at + l->files->group.len;
	struct record rec;
	uint32_t id, want = 0;
	bool number = parse_id(s, strlen(s), &want);

	while ((!number || either) && next_record(&at, end, &rec))
		if (parse_id(rec.field[2], rec.len[2], &id) && (field_is(&rec, 0, s, strlen(s)) || (number && id == want))) {
			*ret = id;
			return true;
		}
	if (number)
		*ret = want;
	return number;
}

static int group_of(const struct lookup *l, const char *s, bool either, gid_t *ret, struct err *err)
{
	if (find_group(l, s, either, ret))
		return 0;
	return err_hint(err, err_set(err, ERR_NOT_FOUND, "group %s: not in the %s's /etc/group", s, whose(l)),
			"a number works without an entry, such as 1000:1000");
}

static int add_group(struct lookup *l, gid_t gid, struct err *err)
{
	struct user *u = &l->u;

	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return 0;
	if (u->n_groups >= GROUPS_MAX)
		return err_hint(
			err,
			err_set(err, ERR_EXHAUSTED, "%s's /etc/group: its user is in more than %d groups", whose(l), GROUPS_MAX),
			"take the user out of some, or name user and group: -u USER:GROUP");
	u->groups = mem_resize(u->groups, (u->n_groups + 1) * sizeof *u->groups);
	u->groups[u->n_groups++] = gid;
	return 0;
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

static int add_memberships(struct lookup *l, struct err *err)
{
	const char *at = buf_str(&l->files->group), *end = at + l->files->group.len;
	struct record rec;
	uint32_t id;
	int r = 0;

	if (!l->name || !*l->name)
		return 0;
	while (r >= 0 && next_record(&at, end, &rec))
		if (is_member(&rec, l->name) && parse_id(rec.field[2], rec.len[2], &id))
			r = add_group(l, id, err);
	return r;
}

static int lookup_all(struct lookup *l, char *const *extra, struct err *err)
{
	size_t n = strcspn(l->spec, ":");
	const char *group = l->spec[n] && l->spec[n + 1] ? l->spec + n + 1 : NULL; /* "bob:" is bob, as Docker reads it */
	gid_t gid;
	int r;

	r = find_user(l, l->spec, n, err);
	if (r >= 0 && group)
		r = group_of(l, group, false, &l->u.gid, err);
	if (r >= 0)
		r = add_group(l, l->u.gid, err); /* else a setgid program could leave it (CVE-2022-36109) */
	if (r >= 0 && !group)
		r = add_memberships(l, err);
	for (; r >= 0 && extra && *extra; extra++) {
		r = group_of(l, *extra, true, &gid, err);
		if (r >= 0)
			r = add_group(l, gid, err);
	}
	return r < 0 ? r : 0;
}

int user_lookup(const struct user_files *files, const char *spec, char *const *extra, struct user *ret, struct err *err)
{
	_cleanup_(lookup_done) struct lookup l = { .files = files, .spec = spec ? spec : "" };
	int r = lookup_all(&l, extra, err);

	if (r < 0)
		return r;
	if (!l.u.home)
		l.u.home = mem_strdup("/");
	*ret = l.u;
	l.u = (struct user){ 0 };
	return 0;
}
