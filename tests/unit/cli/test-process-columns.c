#include "process-columns.h"
#include "clock.h"
#include "mem.h"
#include "test.h"
#include <string.h>
#include <time.h>

static int parse(const char *options, struct process_columns *ret, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };

	strv_split(&words, options, ";");
	return process_columns_parse(&words, ret, err);
}

static void titles(void **state)
{
	static const struct {
		const char *options, *titles;
	} cases[] = {
		{ "", "UID PID PPID C STIME TTY TIME CMD" },
		{ "-ef", "UID PID PPID C STIME TTY TIME CMD" },
		{ "-e", "UID PID PPID C STIME TTY TIME CMD" },
		{ "aux", "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND" },
		{ "-aux", "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND" },
		{ "-eLf", "UID PID PPID LWP C NLWP STIME TTY TIME CMD" },
		{ "-ef;-T", "UID PID SPID PPID C STIME TTY TIME CMD" },
		{ "auxH", "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND" },
		{ "-T;-o;pid,tid", "PID LWP" },
		{ "-o;pid,args", "PID COMMAND" },
		{ "-opid", "PID" },
		{ "-eo;pid,comm=NAME,%cpu", "PID NAME %CPU" },
		{ "o;pid", "PID" },
		{ "-o;pid ppid;-o;tty", "PID PPID TTY" },
		{ "--format;user", "USER" },
		{ "--format=user,etime", "USER ELAPSED" },
		{ "ax;-o;pid", "PID" },
		{ "-o;pid=", "PID= " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(process_columns_done) struct process_columns c = { 0 };
		_cleanup_buf_ struct buf all = { 0 };

		assert_int_equal(parse(cases[i].options, &c, NULL), 0);
		for (size_t k = 0; k < c.n; k++)
			buf_addf(&all, "%s%s", k ? " " : "", *c.columns[k].title ? c.columns[k].title : "PID= ");
		assert_string_equal(buf_str(&all), cases[i].titles);
	}
}

static void wrong(void **state)
{
	static const char *const cases[] = { "-o;nothing", "-o", "-o;", "-o;,",    "-C;x", "--forest",
					     "--format",   "-Z", "x;y", "-o;pid,", "-o;pi" };
	struct process_columns c;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = ERR_INIT;
		int r = parse(cases[i], &c, &err);

		if (!strcmp(cases[i], "-o;pid,")) { /* ps takes it */
			assert_int_equal(r, 0);
			process_columns_done(&c);
			continue;
		}
		assert_int_equal(r, -ERR_INVALID);
		assert_non_null(strstr(err.hint, "pid ppid"));
		assert_null(strstr(err.hint, "..."));
	}
}

static void too_many(void **state)
{
	_cleanup_buf_ struct buf list = { 0 };
	struct process_columns c;

	(void)state;
	buf_adds(&list, "-opid");
	for (int i = 0; i < PROCESS_COLUMNS_MAX; i++)
		buf_adds(&list, ",pid");
	assert_int_equal(parse(buf_str(&list), &c, NULL), -ERR_INVALID);
}

static void says(const char *column, const struct process *p, int64_t now, const char *want)
{
	_cleanup_(process_columns_done) struct process_columns c = { 0 };
	_cleanup_free_ char *option = mem_printf("-o%s", column);
	struct table t = { 0 };

	assert_int_equal(parse(option, &c, NULL), 0);
	t.columns = c.columns;
	t.n_columns = c.n;
	process_columns_row(&c, p, now, &t);
	assert_int_equal(t.cells.n, 1);
	assert_string_equal(t.cells.v[0], want);
	table_done(&t);
}

static void cells(void **state)
{
	const int64_t s = NSEC_PER_SEC, now = 1700000000 * s;
	struct process p = { .pid = 42,
			     .parent = 7,
			     .group = 42,
			     .session = 42,
			     .foreground = 42,
			     .uid = 1000,
			     .state = 'S',
			     .name = (char[]){ "sleep" },
			     .args = (char[]){ "sleep 9" },
			     .started = now - 100 * s,
			     .time = 25 * s,
			     .size = 4 << 20,
			     .resident = 1 << 20,
			     .nice = 5,
			     .threads = 3,
			     .terminal = 136 << 8 | 4 };

	(void)state;
	(void)setenv("TZ", "UTC", 1);
	tzset();
	says("pid", &p, now, "42");
	says("user", &p, now, "1000");
	says("uid", &p, now, "1000");
	says("c", &p, now, "25");
	says("pcpu", &p, now, "25.0");
	says("vsz", &p, now, "4096");
	says("rss", &p, now, "1024");
	says("tty", &p, now, "pts/4");
	says("stat", &p, now, "SNsl+");
	says("etime", &p, now, "01:40");
	says("etime", &p, now + 86400 * s, "1-00:01:40");
	says("etimes", &p, now, "100");
	says("time", &p, now, "00:00:25");
	says("bsdtime", &p, now, "0:25");
	says("stime", &p, now, "22:11");
	says("stime", &p, now + 2 * 86400 * s, "Nov14");
	says("lstart", &p, now, "Tue Nov 14 22:11:40 2023");
	says("comm", &p, now, "sleep");
	says("args", &p, now, "sleep 9");
	p.args[0] = '\0';
	p.terminal = 0;
	p.uid = 1;
	says("args", &p, now, "[sleep]");
	says("tty", &p, now, "?");
	says("user", &p, now, "1"); /* whatever the host calls it */
	p.uid = 0;
	says("user", &p, now, "root");
}

RUN_TESTS("process-columns", cmocka_unit_test(titles), cmocka_unit_test(wrong), cmocka_unit_test(too_many), cmocka_unit_test(cells))
