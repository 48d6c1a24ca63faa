#include "overlay-names.h"
#include "mem.h"
#include <string.h>

#define LOWER "lowerdir="

/* How long the folder is, with its slash, that all paths of the list begin with. */
static size_t common_folder(const char *list, size_t n)
{
	const char *first = list, *end = list + n;
	size_t common = strcspn(list, ":,");

	for (const char *one = first; one < end; one += strcspn(one, ":,") + 1) {
		size_t same = 0;

		if (*one != '/')
			return 0;
		while (same < common && one[same] == first[same])
			same++;
		common = same;
	}
	while (common && first[common - 1] != '/')
		common--;
	return common;
}

/* None of them is that folder itself: an empty name is no path. */
static void add_names(const char *list, size_t n, size_t common, struct buf *out)
{
	for (const char *one = list; one < list + n;) {
		const size_t len = strcspn(one, ":,");

		buf_addf(out, "%s%.*s", one == list ? "" : ":", len > common ? (int)(len - common) : 1,
			 len > common ? one + common : ".");
		one += len + 1;
	}
}

bool overlay_names_shorten(const char *data, char **ret_parent, struct buf *out)
{
	bool found = false;

	for (const char *at = data; *at;) {
		const size_t n = strcspn(at, ","), skip = strlen(LOWER);
		const bool lower = !strncmp(at, LOWER, skip);
		const size_t common = lower ? common_folder(at + skip, n - skip) : 0;

		if (lower && (found || common < 2))
			return false;
		buf_adds(out, at == data ? "" : ",");
		buf_add(out, at, lower ? skip : n);
		if (lower) {
			found = true;
			add_names(at + skip, n - skip, common, out);
			*ret_parent = mem_printf("%.*s", (int)common, at + skip);
		}
		at += n + (at[n] == ',');
	}
	return found;
}
