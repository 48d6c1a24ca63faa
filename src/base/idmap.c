#include "idmap.h"
#include "file.h"
#include "mem.h"
#include "strv.h"
#include <errno.h>
#include <inttypes.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { SUBID_FILE_MAX = 4 << 20 };

struct subid {
	const char *name;
	uint64_t first, n;
};

/* "NAME:FIRST:COUNT"; cuts @line in pieces. */
static bool subid_parse(char *line, struct subid *ret)
{
	char *first = strchr(line, ':'), *n = first ? strchr(first + 1, ':') : NULL, *end;

	if (!n)
		return false;
	*first++ = *n++ = '\0';
	ret->name = line;
	ret->first = strtoull(first, &end, 10);
	if (end == first || *end || ret->first > UINT32_MAX)
		return false;
	ret->n = strtoull(n, &end, 10);
	return end != n && !*end && ret->n && ret->n <= UINT32_MAX;
}

static int too_few(const char *path, const struct subid *s, struct err *err)
{
	int r = err_set(err, ERR_INVALID, "user namespace: davit has %" PRIu64 " ids from %" PRIu64 " on in %s", s->n, s->first,
			path);

	return err_hint(err, r, "give it %d, from %d on: below are the host's own users", IDMAP_N, IDMAP_N);
}

static int not_ours(const char *path, const char *name, uint32_t from, struct err *err)
{
	int r = err_set(err, ERR_INVALID, "user namespace: the ids from %" PRIu32 " on are those of %.40s in %s", from, name, path);

	return err_hint(err, r, "give davit a range of its own, as in: echo davit:FIRST:%d >>%s", IDMAP_N, path);
}

static bool is_davits(const struct subid *s) { return !strcmp(s->name, "davit"); }

/* Its first range, which has to be whole and above the host's own users. */
static int range_of_davit(const char *path, const struct subid *all, size_t n, uint32_t *ret, struct err *err)
{
	*ret = IDMAP_FIRST;
	for (size_t i = 0; i < n; i++) {
		if (!is_davits(&all[i]))
			continue;
		if (all[i].first < IDMAP_N || all[i].n < IDMAP_N || all[i].first + all[i].n > UINT32_MAX)
			return too_few(path, &all[i], err);
		*ret = (uint32_t)all[i].first;
		break;
	}
	return 0;
}

static int subid_find(const char *path, uint32_t *ret, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };
	_cleanup_free_ struct subid *all = NULL;
	size_t n = 0;
	int r;

	if (file_exists(path) && file_read(path, SUBID_FILE_MAX, &text, err) < 0)
		return err ? -(int)err->code : -ERR_INVALID;
	strv_split(&lines, buf_str(&text), "\n");
	all = mem_array(struct subid, lines.n);
	for (size_t i = 0; i < lines.n; i++)
		n += subid_parse(lines.v[i], &all[n]);
	r = range_of_davit(path, all, n, ret, err);
	for (size_t i = 0; r >= 0 && i < n; i++)
		if (!is_davits(&all[i]) && all[i].first < (uint64_t)*ret + IDMAP_N && all[i].first + all[i].n > *ret)
			r = not_ours(path, all[i].name, *ret, err);
	return r;
}

int idmap_of_host(const char *subuid, const char *subgid, struct idmap *ret, struct err *err)
{
	struct idmap m = { .n = IDMAP_N };
	int r = subid_find(subuid, &m.uid, err);

	if (r >= 0)
		r = subid_find(subgid, &m.gid, err);
	if (r >= 0)
		*ret = m;
	return r;
}

int idmap_make_as(const struct idmap *ids, struct err *err)
{
	int bits = prctl(PR_GET_SECUREBITS);

	if (bits < 0 || prctl(PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP) < 0)
		return err_sys(err, errno, "keep capabilities");
	(void)setfsgid(ids ? ids->gid : getegid());
	(void)setfsuid(ids ? ids->uid : geteuid());
	if (!ids)
		(void)prctl(PR_SET_SECUREBITS, bits & ~SECBIT_NO_SETUID_FIXUP);
	return 0;
}
