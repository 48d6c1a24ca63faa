#include "logline.h"
#include "clock.h"
#include "mem.h"
#include <ctype.h>
#include <string.h>

static const char *const stream_names[] = { [LOG_STDOUT] = "stdout", [LOG_STDERR] = "stderr" };

/* The next field and the blank behind it; false at the end. */
static bool logline_take_field(const char **p, size_t *n, const char **ret, size_t *ret_len)
{
	const char *blank = memchr(*p, ' ', *n);
	size_t len = blank ? (size_t)(blank - *p) : *n;

	*ret = *p;
	*ret_len = len;
	*p += len + !!blank;
	*n -= len + !!blank;
	return len > 0;
}

static bool looks_like_time(const char *p, size_t n)
{
	return n >= sizeof "2006-01-02T15:04:05Z" - 1 && n < CLOCK_TEXT && isdigit((unsigned char)*p) && p[4] == '-' &&
	       p[10] == 'T';
}

static bool parse_stream(const char *p, size_t n, enum log_stream *ret)
{
	for (size_t i = 0; i < sizeof stream_names / sizeof *stream_names; i++) {
		if (n != strlen(stream_names[i]) || memcmp(p, stream_names[i], n) != 0)
			continue;
		*ret = (enum log_stream)i;
		return true;
	}
	return false;
}

bool logline_parse(const char *p, size_t n, struct logline *ret)
{
	struct logline l = { 0 };
	const char *field;
	size_t len;

	if (!logline_take_field(&p, &n, &l.time, &l.time_len) || !looks_like_time(l.time, l.time_len))
		return false;
	if (!logline_take_field(&p, &n, &field, &len) || !parse_stream(field, len, &l.stream))
		return false;
	if (!logline_take_field(&p, &n, &field, &len) || (*field != 'F' && *field != 'P') || (len > 1 && field[1] != ':'))
		return false;
	l.partial = *field == 'P';
	l.text = p;
	l.len = n;
	*ret = l;
	return true;
}

int64_t logline_at(const struct logline *l)
{
	char time[CLOCK_TEXT];
	int64_t at;

	(void)snprintf(time, sizeof time, "%.*s", (int)l->time_len, l->time);
	return clock_parse(time, &at, NULL) < 0 ? 0 : at;
}

void logline_add(struct buf *out, const char *time, enum log_stream stream, bool partial, const struct buf *kept, const char *text,
		 size_t n)
{
	buf_adds(out, time);
	buf_addc(out, ' ');
	buf_adds(out, stream_names[stream]);
	buf_adds(out, partial ? " P " : " F ");
	buf_add(out, buf_str(kept), kept->len);
	buf_add(out, text, n);
	buf_addc(out, '\n');
}

char *logline_path(const char *path, size_t i) { return i ? mem_printf("%s.%zu", path, i) : mem_strdup(path); }
