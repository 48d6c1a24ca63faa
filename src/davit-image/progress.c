/* The terminal's picture is a block of lines, one per layer, that is drawn again from its first line by moving the cursor
 * up. It is drawn at most ten times a second, whenever something changed. */
#include "progress.h"
#include "buf.h"
#include "clock.h"
#include "json.h"
#include "mem.h"
#include "term.h"
#include <string.h>
#include <sys/ioctl.h>

/* A line has a digest, the state, a bar, and at most "9.9 MB / 9.9 MB"; on a narrow terminal the bar gives way, then the state. */
enum { BAR = 24, BAR_MIN = 6, STATE = 10, SIZES = 17, REDRAW_MS = 100, DIGITS = 12, LAYERS_MAX = 1024 };

struct layer {
	char *digest;
	int64_t size, at, told; /* told: the offset of the last JSON line */
	int64_t said;           /* and when that was */
	enum progress_state state;
};

struct progress {
	enum progress_mode mode;
	struct layer *v;
	size_t n, cap, drawn; /* drawn: lines above the cursor that are ours */
	int64_t last;
	bool colour;
};

static const char *const states[] = { "waiting", "fetching", "pushing", "fetched", "unpacking", "done" };

struct progress *progress_new(enum progress_mode mode)
{
	struct progress *p = mem_new(struct progress);
	const char *no = getenv("NO_COLOR");

	p->mode = mode;
	p->colour = !no || !*no;
	return p;
}

static struct layer *progress_find(struct progress *p, const char *digest)
{
	for (size_t i = 0; p && digest && i < p->n; i++)
		if (strcmp(p->v[i].digest, digest) == 0)
			return &p->v[i];
	return NULL;
}

const char *progress_bytes(int64_t n, char out[16])
{
	static const char units[] = "kMGTPE";
	double v = (double)n;
	int unit = -1;

	for (; v >= 999.5 && units[unit + 1]; unit++)
		v /= 1000;
	if (unit < 0)
		(void)snprintf(out, 16, "%d B", (int)n);
	else
		(void)snprintf(out, 16, "%.*f %cB", v < 9.95 ? 1 : 0, v, units[unit]);
	return out;
}

static void progress_put(struct buf *b) { (void)!write(2, buf_str(b), b->len); }

static const char *short_digest(const char *digest)
{
	const char *colon = strchr(digest, ':');

	return colon ? colon + 1 : digest;
}

static void draw_bar(const struct progress *p, const struct layer *l, int width, struct buf *b)
{
	int full = l->size > 0 && l->at < l->size ? (int)((double)l->at / (double)l->size * width) : width;
	const char *tint = l->state == PROGRESS_DONE ? "\033[32m" : "\033[36m";

	buf_adds(b, p->colour ? tint : "");
	buf_addc(b, '[');
	for (int i = 0; i < width; i++)
		buf_addc(b, i < full ? '=' : ' ');
	buf_addf(b, "]%s ", p->colour ? "\033[0m" : "");
}

/* Over the network. */
static bool goes(const struct layer *l) { return l->state == PROGRESS_FETCHING || l->state == PROGRESS_PUSHING; }

/* In @columns: the last is left free, where some terminals begin a new line. */
static void draw_layer(const struct progress *p, const struct layer *l, int columns, struct buf *b)
{
	const bool has_bar = goes(l) || l->state == PROGRESS_UNPACKING || l->state == PROGRESS_DONE;
	int bar = columns - 1 - DIGITS - 2 - STATE - 3 - SIZES;
	char at[16], size[16], sizes[40];

	(void)snprintf(sizes, sizeof sizes, "%s%s%s", goes(l) ? progress_bytes(l->at, at) : "", goes(l) ? " / " : "",
		       progress_bytes(l->size, size));
	if (columns - 1 < DIGITS + 2 + SIZES) { /* a terminal for nothing much */
		_cleanup_free_ char *line = mem_printf("%.4s %s", short_digest(l->digest), sizes);

		buf_addf(b, "\r\033[K%.*s\n", columns > 1 ? columns - 1 : 1, line);
		return;
	}
	buf_addf(b, "\r\033[K%.*s  ", DIGITS, short_digest(l->digest));
	if (columns - 1 >= DIGITS + 2 + STATE + SIZES)
		buf_addf(b, "%-*s", STATE, states[l->state]);
	if (has_bar && bar >= BAR_MIN)
		draw_bar(p, l, bar < BAR ? bar : BAR, b);
	buf_addf(b, "%s\n", sizes);
}

/* Lines beyond the terminal's height cannot be reached again: only the last ones are drawn then. */
static size_t visible(const struct progress *p)
{
	struct winsize ws = { 0 };
	size_t rows = ioctl(2, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 4 ? ws.ws_row - 2u : 20;

	return p->n < rows ? p->n : rows;
}

static void draw(struct progress *p, bool now)
{
	_cleanup_buf_ struct buf b = { 0 };
	int64_t t = clock_mono();
	int columns = (int)term_width(2);
	size_t lines;

	if (p->mode != PROGRESS_TTY || (!now && t - p->last < REDRAW_MS * NSEC_PER_MSEC))
		return;
	lines = visible(p);
	p->last = t;
	if (p->drawn)
		buf_addf(&b, "\033[%zuA", p->drawn);
	for (size_t i = p->n - lines; i < p->n; i++)
		draw_layer(p, &p->v[i], columns ? columns : INT16_MAX, &b);
	if (lines < p->drawn)
		buf_adds(&b, "\033[J");
	p->drawn = lines;
	progress_put(&b);
}

static void tell(const struct progress *p, struct layer *l)
{
	_cleanup_buf_ struct buf b = { 0 };
	char size[16];

	if (p->mode == PROGRESS_JSON) {
		buf_adds(&b, "{\"layer\":");
		json_quote(&b, l->digest, strlen(l->digest));
		buf_addf(&b, ",\"status\":\"%s\",\"offset\":%lld,\"size\":%lld}\n", states[l->state], (long long)l->at,
			 (long long)l->size);
		l->told = l->at;
		l->said = clock_mono();
	} else if (p->mode == PROGRESS_PLAIN && l->state == PROGRESS_DONE) {
		buf_addf(&b, "davit: layer %.*s: %s\n", DIGITS, short_digest(l->digest), progress_bytes(l->size, size));
	}
	progress_put(&b);
}

void progress_add(struct progress *p, const char *digest, int64_t size)
{
	if (!p || p->mode == PROGRESS_QUIET || progress_find(p, digest) || p->n == LAYERS_MAX)
		return;
	p->v = mem_grow(p->v, &p->cap, p->n + 1, sizeof *p->v);
	p->v[p->n++] = (struct layer){ .digest = mem_strdup(digest), .size = size };
	if (p->mode == PROGRESS_JSON) /* how much there is to come */
		tell(p, &p->v[p->n - 1]);
	draw(p, true);
}

/* What comes slowly comes: whoever reads the lines gives up one that says nothing. */
static bool is_news(const struct layer *l)
{
	return l->at - l->told >= 1 << 20 || l->at == l->size ||
	       (l->at > l->told && clock_mono() - l->said >= PROGRESS_TELL_MS * NSEC_PER_MSEC);
}

void progress_at(struct progress *p, const char *digest, int64_t offset)
{
	struct layer *l = progress_find(p, digest);

	if (!l)
		return;
	l->at = offset;
	if (p->mode == PROGRESS_JSON && is_news(l))
		tell(p, l);
	draw(p, false);
}

void progress_state(struct progress *p, const char *digest, enum progress_state state)
{
	struct layer *l = progress_find(p, digest);

	if (!l || l->state == state)
		return;
	l->state = state;
	if (state >= PROGRESS_FETCHED)
		l->at = l->size;
	tell(p, l);
	draw(p, true);
}

void progress_repeat(struct progress *p, const char *digest)
{
	struct layer *l = progress_find(p, digest);

	if (l && p->mode == PROGRESS_JSON)
		tell(p, l);
}

/* Over several lines where the terminal is narrow, at blanks where there are some. */
static void say_wrapped(const char *text, struct buf *b)
{
	_cleanup_free_ char *line = mem_printf("davit: %s", text);
	const unsigned columns = term_width(2);
	const size_t room = columns ? columns : SIZE_MAX;
	const char *s = line;

	while (strlen(s) > room) {
		size_t n = room;

		while (n > 0 && s[n] != ' ')
			n--;
		n = n ? n : room;
		buf_addf(b, "%.*s\n", (int)n, s);
		s += n + (s[n] == ' ');
	}
	buf_addf(b, "%s\n", s);
}

void progress_say(struct progress *p, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = { 0 }, b = { 0 };
	va_list ap;

	if (!p || p->mode == PROGRESS_QUIET || p->mode == PROGRESS_PLAIN)
		return;
	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	if (p->mode == PROGRESS_JSON) {
		buf_adds(&b, "{\"status\":");
		json_quote(&b, buf_str(&text), text.len);
		buf_adds(&b, "}\n");
	} else {
		say_wrapped(buf_str(&text), &b);
	}
	p->drawn = 0;
	progress_put(&b);
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	if (p->n)
		draw(p, true);
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].digest);
	free(p->v);
	free(p);
}
