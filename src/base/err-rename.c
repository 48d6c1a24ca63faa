#include "err-rename.h"
#include "utf8.h"
#include <ctype.h>
#include <string.h>

static void text_rename(char *text, size_t size, const char *from, const char *to)
{
	const size_t n = strlen(from), n_to = strlen(to);

	for (char *at = text; (at = strstr(at, from));) {
		const size_t rest = strlen(at + n), room = size - 1 - (size_t)(at - text), kept = n_to < room ? n_to : room;

		if (isalnum((unsigned char)at[n])) { /* "map.1" is not in "map.12" */
			at += n;
			continue;
		}
		memmove(at + kept, at + n, rest < room - kept ? rest : room - kept);
		memcpy(at, to, kept);
		at += kept;
		at[rest < room - kept ? rest : room - kept] = '\0';
	}
}

void err_rename(struct err *err, const char *from, const char *to)
{
	if (!err || err->code == ERR_NONE || !*from)
		return;
	text_rename(err->msg, sizeof err->msg, from, to);
	text_rename(err->hint, sizeof err->hint, from, to);
	utf8_disarm(err->msg);
	utf8_disarm(err->hint);
}
