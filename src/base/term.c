#include "term.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_DEFAULT = 80, WIDTH_MAX = 10000 };

/* What a shell exports as the width, or 0. */
static unsigned columns_env(void)
{
	const char *s = getenv("COLUMNS");
	char *end = NULL;
	long n = s ? strtol(s, &end, 10) : 0;

	return s && end != s && !*end && n > 0 && n <= WIDTH_MAX ? (unsigned)n : 0;
}

unsigned term_width(int fd)
{
	unsigned wish = columns_env();
	struct winsize ws;

	if (wish || !isatty(fd))
		return wish;
	return ioctl(fd, TIOCGWINSZ, &ws) < 0 || !ws.ws_col ? WIDTH_DEFAULT : ws.ws_col;
}

unsigned term_height(int fd)
{
	struct winsize ws;

	return isatty(fd) && ioctl(fd, TIOCGWINSZ, &ws) == 0 ? ws.ws_row : 0;
}

bool term_color(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && !(term && strcmp(term, "dumb") == 0) && isatty(fd);
}

bool term_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *locale = getenv(names[i]), *charset = locale && *locale ? strchr(locale, '.') : NULL;

		if (locale && *locale)
			return charset && (strncasecmp(charset, ".UTF-8", 6) == 0 || strncasecmp(charset, ".UTF8", 5) == 0);
	}
	return false;
}

void term_disarm(int fd, char *s)
{
	char *to = s;

	if (term_utf8() || !isatty(fd))
		return;
	for (; *s; s++)
		if ((*s & 0xc0) != 0x80) /* what goes on a character is dropped */
			*to++ = (*s & 0x80) ? '?' : *s;
	*to = '\0';
}
