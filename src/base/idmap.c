#include "idmap.h"
#include "file.h"
#include "mem.h"
#include "strv.h"
#include <inttypes.h>
#include <string.h>

enum { SUBID_FILE_MAX = 4 << 20 };

/* "NAME:FIRST:COUNT" */
static bool subid_line(char *line, const char **ret_name, uint64_t *ret_first, uint64_t *ret_n)
{
	char *first = strchr(line, ':'), *n = first ? strchr(first + 1, ':') : NULL, *end;

	if (!n)
		return false;
	*first++ = *n++ = '\0';
	*ret_name = line;
	*ret_first = strtoull(first, &end, 10);
	if (end == first || *end || *ret_first > UINT32_MAX)
		return false;
	*ret_n = strtoull(n, &end, 10);
	return end != n && !*end && *ret_n && *ret_n <= UINT32_MAX;
}

static int too_few(const char *path, uint64_t first, uint64_t n, struct err *err)
{
	int r = err_set(err, ERR_INVALID, "user namespace: davit has %" PRIu64 " ids from %" PRIu64 " on in %s", n, first, path);

	return err_hint(err, r, "give it %d", IDMAP_N);
}

static int not_ours(const char *path, const char *name, struct err *err)
{
	int r = err_set(err, ERR_INVALID, "user namespace: the ids from %d on are those of %.40s in %s", IDMAP_FIRST, name, path);

	return err_hint(err, r, "give davit a range of its own, as in: echo davit:FIRST:%d >>%s", IDMAP_N, path);
}

static int subid_find(const char *path, uint32_t *ret, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };
	const char *others = NULL;
	uint64_t first, n;

	*ret = IDMAP_FIRST;
	if (!file_exists(path))
		return 0;
	if (file_read(path, SUBID_FILE_MAX, &text, err) < 0)
		return err ? -(int)err->code : -ERR_INVALID;
	strv_split(&lines, buf_str(&text), "\n");
	for (size_t i = 0; i < lines.n; i++) {
		const char *name;

		if (!subid_line(lines.v[i], &name, &first, &n))
			continue;
		if (!strcmp(name, "davit")) {
			*ret = (uint32_t)first;
			return !first || n < IDMAP_N || first + n > UINT32_MAX ? too_few(path, first, n, err) : 0;
		}
		if (first < (uint64_t)IDMAP_FIRST + IDMAP_N && first + n > IDMAP_FIRST)
			others = name;
	}
	return others ? not_ours(path, others, err) : 0;
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
