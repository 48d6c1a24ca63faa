#include "process-columns.h"
#include "buf.h"
#include "clock.h"
#include "mem.h"
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>

struct cell_of {
	const struct process *p;
	int64_t now;
};

struct process_column {
	const char *names; /* of ps, between blanks */
	const char *title;
	bool right;
	void (*say)(const struct cell_of *, struct buf *out);
};

/* The host's names of other users are none of the container's. */
static void say_user(const struct cell_of *c, struct buf *out)
{
	if (c->p->uid)
		buf_addf(out, "%u", (unsigned)c->p->uid);
	else
		buf_adds(out, "root");
}

static void say_uid(const struct cell_of *c, struct buf *out) { buf_addf(out, "%u", (unsigned)c->p->uid); }
static void say_pid(const struct cell_of *c, struct buf *out) { buf_addf(out, "%d", (int)c->p->pid); }
static void say_parent(const struct cell_of *c, struct buf *out) { buf_addf(out, "%d", (int)c->p->parent); }
static void say_group(const struct cell_of *c, struct buf *out) { buf_addf(out, "%d", (int)c->p->group); }
static void say_session(const struct cell_of *c, struct buf *out) { buf_addf(out, "%d", (int)c->p->session); }
static void say_nice(const struct cell_of *c, struct buf *out) { buf_addf(out, "%lld", (long long)c->p->nice); }
static void say_threads(const struct cell_of *c, struct buf *out) { buf_addf(out, "%lld", (long long)c->p->threads); }
static void say_thread(const struct cell_of *c, struct buf *out)
{
	buf_addf(out, "%d", (int)(c->p->thread ? c->p->thread : c->p->pid));
}
static void say_size(const struct cell_of *c, struct buf *out) { buf_addf(out, "%llu", (unsigned long long)c->p->size >> 10); }
static void say_resident(const struct cell_of *c, struct buf *out)
{
	buf_addf(out, "%llu", (unsigned long long)c->p->resident >> 10);
}
static void say_state(const struct cell_of *c, struct buf *out) { buf_addc(out, c->p->state); }
static void say_name(const struct cell_of *c, struct buf *out) { buf_adds(out, c->p->name); }

/* Of its whole life, as ps has it. */
static double percent_of(const struct cell_of *c)
{
	const int64_t life = c->now - c->p->started;

	return life > 0 ? 100 * (double)c->p->time / (double)life : 0;
}
static void say_percent(const struct cell_of *c, struct buf *out) { buf_addf(out, "%.1f", percent_of(c)); }
static void say_whole_percent(const struct cell_of *c, struct buf *out) { buf_addf(out, "%d", (int)percent_of(c)); }

static void say_memory(const struct cell_of *c, struct buf *out)
{
	struct sysinfo s = { 0 };
	double all;

	(void)sysinfo(&s);
	all = (double)s.totalram * s.mem_unit;
	buf_addf(out, "%.1f", all > 0 ? 100 * (double)c->p->resident / all : 0);
}

static void say_terminal(const struct cell_of *c, struct buf *out)
{
	const unsigned device = c->p->terminal, major_ = major(device), minor_ = minor(device);

	if (major_ >= 136 && major_ <= 143)
		buf_addf(out, "pts/%u", minor_ + (major_ - 136) * 256);
	else if (major_ == 4)
		buf_addf(out, "tty%u", minor_);
	else
		buf_adds(out, "?");
}

static void say_states(const struct cell_of *c, struct buf *out)
{
	const struct process *p = c->p;

	buf_addc(out, p->state);
	if (p->nice)
		buf_addc(out, p->nice < 0 ? '<' : 'N');
	if (p->session == p->pid)
		buf_addc(out, 's');
	if (p->threads > 1)
		buf_addc(out, 'l');
	if (p->foreground > 0 && p->foreground == p->group)
		buf_addc(out, '+');
}

/* The hour, then the day, then the year. */
static void say_start(const struct cell_of *c, struct buf *out)
{
	const int64_t day = 86400 * NSEC_PER_SEC, age = c->now - c->p->started;
	const time_t at = c->p->started / NSEC_PER_SEC;
	char text[16] = "";
	struct tm tm;

	if (!localtime_r(&at, &tm))
		return;
	if (age < day)
		(void)strftime(text, sizeof text, "%H:%M", &tm);
	else if (age < 365 * day)
		(void)strftime(text, sizeof text, "%b%d", &tm);
	else
		(void)strftime(text, sizeof text, "%Y", &tm);
	buf_adds(out, text);
}

static void say_long_start(const struct cell_of *c, struct buf *out)
{
	const time_t at = c->p->started / NSEC_PER_SEC;
	char text[64];
	struct tm tm;

	if (localtime_r(&at, &tm) && strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &tm))
		buf_adds(out, text);
}

/* "[DAYS-]HOURS:MINUTES:SECONDS"; @hours: always with hours. */
static void say_span(int64_t ns, bool hours, struct buf *out)
{
	const long long s = ns > 0 ? ns / NSEC_PER_SEC : 0;

	if (s >= 86400)
		buf_addf(out, "%lld-", s / 86400);
	if (hours || s >= 3600)
		buf_addf(out, "%02lld:", s / 3600 % 24);
	buf_addf(out, "%02lld:%02lld", s / 60 % 60, s % 60);
}
static void say_time(const struct cell_of *c, struct buf *out) { say_span(c->p->time, true, out); }
static void say_elapsed(const struct cell_of *c, struct buf *out) { say_span(c->now - c->p->started, false, out); }
static void say_elapsed_seconds(const struct cell_of *c, struct buf *out)
{
	buf_addf(out, "%lld", (long long)((c->now - c->p->started) / NSEC_PER_SEC));
}
/* "MINUTES:SECONDS", as aux has it. */
static void say_short_time(const struct cell_of *c, struct buf *out)
{
	const long long s = c->p->time / NSEC_PER_SEC;

	buf_addf(out, "%lld:%02lld", s / 60, s % 60);
}

static void say_args(const struct cell_of *c, struct buf *out)
{
	if (*c->p->args)
		buf_adds(out, c->p->args);
	else
		buf_addf(out, "[%s]", c->p->name);
}

static const struct process_column process_columns[] = {
	{ "user euser ruser uname", "USER", false, say_user },
	{ "uid euid", "UID", true, say_uid },
	{ "pid tgid", "PID", true, say_pid },
	{ "lwp tid spid", "LWP", true, say_thread },
	{ "ppid", "PPID", true, say_parent },
	{ "pgid pgrp", "PGID", true, say_group },
	{ "sid sess session", "SID", true, say_session },
	{ "c", "C", true, say_whole_percent },
	{ "pcpu %cpu", "%CPU", true, say_percent },
	{ "pmem %mem", "%MEM", true, say_memory },
	{ "vsz vsize", "VSZ", true, say_size },
	{ "rss rssize rsz", "RSS", true, say_resident },
	{ "tty tt tname", "TTY", false, say_terminal },
	{ "stat", "STAT", false, say_states },
	{ "s state", "S", false, say_state },
	{ "ni nice", "NI", true, say_nice },
	{ "nlwp thcount", "NLWP", true, say_threads },
	{ "stime start start_time bsdstart", "START", true, say_start },
	{ "lstart", "STARTED", false, say_long_start },
	{ "etime", "ELAPSED", true, say_elapsed },
	{ "etimes", "ELAPSED", true, say_elapsed_seconds },
	{ "time cputime", "TIME", true, say_time },
	{ "bsdtime", "TIME", true, say_short_time },
	{ "comm ucmd ucomm", "COMMAND", false, say_name },
	{ "args cmd command", "COMMAND", false, say_args },
};
#define KNOWN_COLUMNS "pid ppid pgid sid user uid c pcpu pmem vsz rss tty stat ni nlwp lwp stime lstart etime time comm args"
#define FULL_END ",stime=STIME,tty,time,args=CMD"
#define USERS_END ",vsz,rss,tty,stat,start,bsdtime,args"
enum threads_as { THREADS_NOT, THREADS_L, THREADS_T, THREADS_H };
static const char *const forms[][2] = {
	[THREADS_NOT] = { "user=UID,pid,ppid,c" FULL_END, "user,pid,pcpu,pmem" USERS_END },
	[THREADS_L] = { "user=UID,pid,ppid,lwp,c,nlwp" FULL_END, "user,pid,lwp,pcpu,nlwp,pmem" USERS_END },
	[THREADS_T] = { "user=UID,pid,lwp=SPID,ppid,c" FULL_END, "user,pid,lwp=SPID,pcpu,pmem" USERS_END },
	[THREADS_H] = { "user=UID,pid,ppid,c" FULL_END, "user,pid,pcpu,pmem" USERS_END },
};

void process_columns_done(struct process_columns *c)
{
	strv_done(&c->titles);
	*c = (struct process_columns){ 0 };
}

static bool names_column(const char *names, const char *name)
{
	const size_t n = strlen(name);

	for (const char *at = names; at; at = strchr(at, ' ')) {
		at += *at == ' ';
		if (n && !strncmp(at, name, n) && (!at[n] || at[n] == ' '))
			return true;
	}
	return false;
}

static const struct process_column *find_column(const char *name)
{
	for (size_t i = 0; i < sizeof process_columns / sizeof *process_columns; i++)
		if (names_column(process_columns[i].names, name))
			return &process_columns[i];
	return NULL;
}

static int column_not_known(const char *what, const char *word, struct err *err)
{
	return err_hint(err, err_set(err, ERR_INVALID, "top: %s %s is not known here", what, word),
			"-ef, aux, or -o with some of: " KNOWN_COLUMNS);
}

/* @title NULL: its own. */
static int add_column(struct process_columns *to, const char *name, const char *title, struct err *err)
{
	const struct process_column *kind = find_column(name);

	if (!kind)
		return column_not_known("column", name, err);
	if (to->n == PROCESS_COLUMNS_MAX - 1) /* one is the caller's */
		return err_set(err, ERR_INVALID, "top: more than %d columns", PROCESS_COLUMNS_MAX - 1);
	if (title)
		strv_push(&to->titles, title);
	to->kinds[to->n] = kind;
	to->columns[to->n++] =
		(struct column){ .title = title ? to->titles.v[to->titles.n - 1] : kind->title, .right = kind->right };
	return 0;
}

/* "pid,comm=NAME,args": a title goes up to the list's end where people write it last, as ps has it, but not in lists of ours. */
static int add_columns(struct process_columns *to, const char *list, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };
	int r = 0;

	strv_split(&words, list, ", ");
	if (!words.n)
		return column_not_known("column", "\"\"", err);
	for (size_t i = 0; r >= 0 && i < words.n; i++) {
		char *title = strchr(words.v[i], '=');

		if (title)
			*title++ = '\0';
		r = add_column(to, words.v[i], title, err);
	}
	return r;
}

struct ps_words {
	const struct strv *options;
	size_t i;
	bool users; /* u, not -f */
	enum threads_as threads;
};

/* The letters of one option: those that select processes, or say how wide, say nothing here. */
static int read_letters(struct ps_words *w, const char *letters, bool dashed, struct process_columns *to, struct err *err)
{
	for (const char *at = letters; *at; at++) {
		const char *value = at[1] ? at + 1 : w->i + 1 < w->options->n ? w->options->v[w->i + 1] : "";

		if (*at == 'o' || *at == 'O') {
			w->i += !at[1];
			return add_columns(to, value, err);
		}
		if (*at == 'u' || (*at == 'f' && dashed))
			w->users = *at == 'u';
		else if (dashed && (*at == 'L' || *at == 'T'))
			w->threads = *at == 'L' ? THREADS_L : THREADS_T;
		else if (!dashed && *at == 'H')
			w->threads = THREADS_H;
		else if (!strchr("eAaxdwgfHT", *at))
			return column_not_known("ps option", w->options->v[w->i], err);
	}
	return 0;
}

static int read_word(struct ps_words *w, struct process_columns *to, struct err *err)
{
	const char *word = w->options->v[w->i], *value;

	if (strncmp(word, "--", 2) != 0)
		return read_letters(w, word + (*word == '-'), *word == '-', to, err);
	if (!strncmp(word, "--format=", 9))
		return add_columns(to, word + 9, err);
	if (strcmp(word, "--format") != 0)
		return column_not_known("ps option", word, err);
	value = ++w->i < w->options->n ? w->options->v[w->i] : "";
	return add_columns(to, value, err);
}

int process_columns_parse(const struct strv *options, struct process_columns *ret, struct err *err)
{
	_cleanup_(process_columns_done) struct process_columns c = { 0 };
	struct ps_words w = { .options = options };
	int r = 0;

	for (; r >= 0 && w.i < options->n; w.i++)
		r = read_word(&w, &c, err);
	if (r >= 0 && !c.n)
		r = add_columns(&c, forms[w.threads][w.users], err);
	if (r < 0)
		return r;
	c.threads = w.threads != THREADS_NOT;
	*ret = TAKE_STRUCT(c);
	return 0;
}

void process_columns_row(const struct process_columns *c, const struct process *p, int64_t now, struct table *to)
{
	const struct cell_of of = { p, now };

	for (size_t i = 0; i < c->n; i++) {
		_cleanup_buf_ struct buf text = { 0 };

		if (!c->kinds[i])
			continue;
		c->kinds[i]->say(&of, &text);
		table_cell(to, buf_str(&text));
	}
}
