#include "test.h"
#include "help.h"
#include "mem.h"

static void check_flags(const char *text, const struct opt *o)
{
	for (; o && o->name; o++) {
		_cleanup_free_ char *flag = mem_printf("--%s", o->name);

		assert_true(o->instead ? o->hidden && !o->set : o->set != NULL);
		assert_true(o->hidden || (o->help && *o->help && o->help[strlen(o->help) - 1] != '.'));
		if (!o->hidden && !strstr(text, flag))
			fail_msg("%s is not in the help", flag);
	}
}

static void check(const struct command *const *list, const char *overview)
{
	for (; *list; list++) {
		_cleanup_buf_ struct buf text = { 0 };
		_cleanup_free_ struct opt *opts = command_opts(*list);

		help_command(*list, &text);
		assert_non_null(strstr(overview, (*list)->name));
		assert_non_null(strstr(overview, (*list)->summary));
		check_flags(buf_str(&text), opts);
		assert_non_null((*list)->examples);
		if ((*list)->sub)
			check((*list)->sub, buf_str(&text));
		else
			assert_non_null((*list)->run);
	}
}

static void lists_every_command_and_flag(void **state)
{
	_cleanup_buf_ struct buf text = { 0 };

	(void)state;
	help_overview(&text);
	check(commands, buf_str(&text));
	check_flags(buf_str(&text), global_opts);
}

/* Two flags of a command with one letter or name: the second could never be reached. */
static void no_flag_hides_another(void **state)
{
	(void)state;
	for (const struct command *const *c = commands; *c; c++) {
		_cleanup_free_ struct opt *opts = command_opts(*c);

		for (const struct opt *a = opts; a->name; a++)
			for (const struct opt *b = a + 1; b->name; b++)
				if (strcmp(a->name, b->name) == 0 || (a->letter && a->letter == b->letter))
					fail_msg("%s: --%s and --%s", (*c)->name, a->name, b->name);
	}
}

static void suggests_commands(void **state)
{
	static const struct {
		const char *typed, *msg;
	} rows[] = {
		{ "rnu", "unknown command rnu: did you mean run?" },
		{ "lgos", "unknown command lgos" },
		{ "exce", "unknown command exce: did you mean exec?" },
		{ "rni", "unknown command rni" },
		{ "zzzzzz", "unknown command zzzzzz" },
		{ "Run", "unknown command Run: did you mean run?" },
		{ "compose", "unknown command compose" },
		{ "container", "unknown command container" },
	};
	const struct command *cmd = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = ERR_INIT;

		assert_int_equal(command_find(commands, NULL, rows[i].typed, &cmd, &err), -ERR_NOT_FOUND);
		assert_memory_equal(err.msg, rows[i].msg, strlen(rows[i].msg));
	}
	assert_null(cmd);
}

RUN_TESTS("help", cmocka_unit_test(lists_every_command_and_flag), cmocka_unit_test(no_flag_hides_another),
	  cmocka_unit_test(suggests_commands))
