#include "path.h"
#include "buf.h"
#include "strv.h"
#include <string.h>

static void add_parts(struct buf *b, const char *path)
{
	while (*(path += strspn(path, "/"))) {
		size_t n = strcspn(path, "/");

		if (n == 2 && !memcmp(path, "..", 2)) {
			const char *last = memrchr(buf_str(b), '/', b->len);

			buf_cut(b, last ? (size_t)(last - b->data) : 0);
		} else if (n != 1 || *path != '.') {
			buf_addc(b, '/');
			buf_add(b, path, n);
		}
		path += n;
	}
}

char *path_clean(const char *path, const char *cwd)
{
	struct buf b = { 0 };

	if (*path != '/' && cwd)
		add_parts(&b, cwd);
	add_parts(&b, path);
	if (!b.len)
		buf_addc(&b, '/');
	return buf_take(&b);
}

bool path_begins(const char *path, const char *folder)
{
	const size_t n = strlen(folder);

	return !strncmp(path, folder, n) && (!path[n] || path[n] == '/');
}
