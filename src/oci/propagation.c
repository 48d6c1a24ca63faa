#include "propagation.h"
#include "file.h"
#include "mem.h"
#include "mount-option.h"
#include <stdlib.h>
#include <string.h>

enum { MOUNTINFO_MAX = 16 << 20 };

const char *propagation_of(const struct strv *options)
{
	for (size_t i = options ? options->n : 0; i > 0; i--)
		if (mount_is_propagation(options->v[i - 1]))
			return options->v[i - 1];
	return NULL;
}

/* Blanks and backslashes stand as \040 in a mountinfo(5) field. */
static void unescape_path(char *s)
{
	char *to = s;

	for (; *s; to++)
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*to = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to = *s++;
		}
	*to = '\0';
}

static bool is_on(const char *path, const char *mount)
{
	size_t n = strlen(mount);

	return n == 1 || (!strncmp(path, mount, n) && (!path[n] || path[n] == '/'));
}

/* "36 35 98:0 /root /mount options [shared:1] [master:2] - type source options"; the deepest one that @path is on, the last of
 * them. Its optional fields; NULL when there is none. The caller frees both. */
static char *find_mount(const char *text, const char *path, char **ret_mount)
{
	_cleanup_strv_ struct strv lines = { 0 };
	char *fields = NULL;

	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		_cleanup_strv_ struct strv words = { 0 };
		char *behind = strstr(lines.v[i], " - ");

		if (behind)
			*behind = '\0';
		strv_split(&words, lines.v[i], " ");
		if (words.n < 6)
			continue;
		unescape_path(words.v[4]);
		if (!is_on(path, words.v[4]) || (*ret_mount && strlen(*ret_mount) > strlen(words.v[4])))
			continue;
		free(*ret_mount);
		free(fields);
		*ret_mount = mem_strdup(words.v[4]);
		fields = mem_printf("%s %s", words.n > 6 ? words.v[6] : "", words.n > 7 ? words.v[7] : "");
	}
	return fields;
}

int propagation_check(const char *root, const char *source, const char *word, struct err *err)
{
	const bool shared = strstr(word, "shared") != NULL, slave = strstr(word, "slave") != NULL;
	_cleanup_free_ char *path = shared || slave ? realpath(source, NULL) : NULL, *mount = NULL, *fields = NULL,
			    *info = mem_printf("%s/proc/self/mountinfo", root);
	_cleanup_buf_ struct buf text = { 0 };

	if (!path || file_read(info, MOUNTINFO_MAX, &text, NULL) < 0)
		return 0;
	fields = find_mount(buf_str(&text), path, &mount);
	if (!fields || strstr(fields, "shared:") || (slave && strstr(fields, "master:")))
		return 0;
	return err_hint(
		err, err_set(err, ERR_PRECONDITION, "mount %.200s: %s, but the mount at %.200s is not shared", source, word, mount),
		"mount --make-shared %.120s", mount);
}
