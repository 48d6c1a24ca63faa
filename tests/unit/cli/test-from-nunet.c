/* docs/from-nunet.md names a command for each verb of NuNet's executor: each of them, and each of its flags, is one. */
#include "test.h"
#include "command.h"
#include "file.h"
#include "mem.h"

static const struct opt *find_flag(const struct opt *o, const char *name, size_t n)
{
	for (; o && o->name; o++)
		if ((strlen(o->name) == n && !strncmp(o->name, name, n)) ||
		    (o->also && strlen(o->also) == n && !strncmp(o->also, name, n)))
			return o;
	return NULL;
}

static bool has_letter(const struct opt *o, char letter)
{
	for (; o && o->name; o++)
		if (o->letter == letter)
			return !o->instead;
	return false;
}

static bool has_flag(const struct opt *opts, const char *word)
{
	const struct opt *o;

	if (word[1] == '-') {
		o = find_flag(opts, word + 2, strcspn(word + 2, "="));
		o = o ? o : find_flag(global_opts, word + 2, strcspn(word + 2, "="));
		return o && !o->instead;
	}
	for (word++; *word; word++)
		if (!has_letter(opts, *word))
			return false;
	return true;
}

/* "davit wait --status running ID". */
static void check_line(const char *line)
{
	_cleanup_strv_ struct strv words = { 0 };
	_cleanup_free_ struct opt *opts = NULL;
	const struct command *cmd = NULL;

	strv_split(&words, line, " ");
	if (words.n < 2 || command_find(commands, NULL, words.v[1], &cmd, NULL) < 0)
		fail_msg("%s: no such command", line);
	opts = command_opts(cmd);
	for (size_t i = 2; i < words.n; i++)
		if (words.v[i][0] == '-' && words.v[i][1] && !has_flag(opts, words.v[i]))
			fail_msg("%s: no flag %s", line, words.v[i]);
}

static size_t check_table(const char *text, const char *name)
{
	const char *end = strstr(text, "<!-- end -->"), *at = text;
	size_t n = 0;

	assert_non_null(end);
	while ((at = strstr(at, "`davit ")) && at < end) {
		_cleanup_free_ char *line = mem_strndup(at + 1, strcspn(at + 1, "`"));

		check_line(line);
		at += strlen(line) + 2;
		n++;
	}
	if (!n)
		fail_msg("table %s: no commands", name);
	return n;
}

static void each_command_is_one(void **state)
{
	static const char *const tables[] = { "<!-- verbs -->", "<!-- request -->" };
	_cleanup_free_ char *path = mem_printf("%s/from-nunet.md", getenv("DAVIT_DOCS"));
	_cleanup_buf_ struct buf text = { 0 };

	(void)state;
	assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		const char *table = strstr(buf_str(&text), tables[i]);

		assert_non_null(table);
		assert_true(check_table(table, tables[i]) >= 10);
	}
}

/* ensemble.md of the interface: none is forgotten. */
static void each_verb_has_one(void **state)
{
	static const char *const verbs[] = { "Start",  "Run",     "Wait",         "Pause",  "Resume",    "Cancel",
					     "Remove", "Cleanup", "GetLogStream", "List",   "GetStatus", "WaitForStatus",
					     "Exec",   "Stats",   "GetNetInfo",   "GetInfo" };
	_cleanup_free_ char *path = mem_printf("%s/from-nunet.md", getenv("DAVIT_DOCS"));
	_cleanup_buf_ struct buf text = { 0 };

	(void)state;
	assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		_cleanup_free_ char *first = mem_printf("\n| %s", verbs[i]), *second = mem_printf(", %s |", verbs[i]);

		if (!strstr(buf_str(&text), first) && !strstr(buf_str(&text), second))
			fail_msg("verb %s: no row", verbs[i]);
	}
}

/* What an executor is asked for beside the verbs, each with the flag that is it. */
static void each_wish_has_a_flag(void **state)
{
	static const char *const wishes[][2] = {
		{ "\n| job id,", "`davit run --name " },
		{ "\n| resources ", "`davit run --cpus " },
		{ "\n| inputs, outputs ", "`davit run --volume " },
		{ "\n| results directory: stdout.log, stderr.log ", "`davit run --results " },
		{ "\n| log retention ", "`davit run --log-opt retention=" },
		{ "\n| ports to bind ", "`davit run --publish " },
		{ "\n| gateway ip,", "`davit run --dns " },
		{ "\n| failure recovery,", "`davit run --restart " },
	};
	_cleanup_free_ char *path = mem_printf("%s/from-nunet.md", getenv("DAVIT_DOCS"));
	_cleanup_buf_ struct buf text = { 0 };

	(void)state;
	assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
	for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
		const char *row = strstr(buf_str(&text), wishes[i][0]), *flag;

		if (!row)
			fail_msg("%s: no row", wishes[i][0] + 1);
		flag = strstr(row, wishes[i][1]);
		if (!flag || flag > strchr(row + 1, '\n'))
			fail_msg("%s: not %s", wishes[i][0] + 1, wishes[i][1]);
	}
}

RUN_TESTS("from-nunet", cmocka_unit_test(each_command_is_one), cmocka_unit_test(each_verb_has_one),
	  cmocka_unit_test(each_wish_has_a_flag))
