#include "cgroup-text.h"
#include "file.h"
#include "mem.h"
#include <string.h>

enum { TEXT_MAX = 4 << 20 };

bool cgroup_text(const char *path, const char *name, struct buf *text)
{
	_cleanup_free_ char *file = mem_printf("%s/%s", path, name);

	buf_reset(text);
	return file_read(file, TEXT_MAX, text, NULL) >= 0;
}

static void line_cut(char *s, struct cgroup_line *ret)
{
	static const char between[] = " \t:=";

	ret->n = 0;
	for (s += strspn(s, between); *s && ret->n < CGROUP_WORDS; s += strspn(s, between)) {
		ret->word[ret->n++] = s;
		s += strcspn(s, between);
		if (*s)
			*s++ = '\0';
	}
}

bool cgroup_line(char **at, struct cgroup_line *ret)
{
	while (*at && **at) {
		char *line = *at, *end = strchrnul(line, '\n');

		*at = *end ? end + 1 : end;
		*end = '\0';
		line_cut(line, ret);
		if (ret->n)
			return true;
	}
	return false;
}

bool cgroup_number(const char *word, uint64_t *ret)
{
	const bool below = *word == '-';
	char *end = NULL;
	uint64_t v;

	if (!strcmp(word, "max")) {
		*ret = UINT64_MAX;
		return true;
	}
	if (word[below] < '0' || word[below] > '9')
		return false;
	v = strtoull(word + below, &end, 10); /* UINT64_MAX where that is too small */
	if (*end)
		return false;
	*ret = below ? 0 : v;
	return true;
}

bool cgroup_get(const char *path, const char *name, uint64_t *ret)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct cgroup_line l;
	char *at;

	if (!cgroup_text(path, name, &text))
		return false;
	at = text.data;
	return cgroup_line(&at, &l) && l.n == 1 && cgroup_number(l.word[0], ret);
}
