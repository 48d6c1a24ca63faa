/* What davit says of Docker's flags and commands that it has not. That it says something of each is davit-docs' to see, which
 * writes docs/from-docker.md. */
#include "test.h"
#include "alias.h"
#include "command.h"
#include "job-flags.h"
#include "mem.h"

static const struct opt *find(const struct opt *table, const char *name)
{
	for (; table && table->name; table++)
		if (!strcmp(table->name, name) || (table->also && !strcmp(table->also, name)))
			return table;
	return NULL;
}

/* What is instead fits where it is shown. */
static void remedies_fit(void **state)
{
	_cleanup_free_ struct opt *opts = run_opts_make();
	struct err err = ERR_INIT;

	(void)state;
	for (const struct opt *o = opts; o->name; o++)
		assert_true(!o->instead || strlen(o->instead) < sizeof err.hint);
}

/* Each other name leads to a command, with flags that it has. */
static void other_names_lead_somewhere(void **state)
{
	_cleanup_strv_ struct strv all = { 0 };
	size_t missing = 0;

	(void)state;
	alias_list(&all);
	assert_true(all.n > 20);
	for (size_t i = 0; i < all.n; i++) {
		_cleanup_strv_ struct strv words = { 0 };
		const struct command *cmd = NULL, *const *list = commands;
		_cleanup_free_ struct opt *opts = NULL;
		bool ours;
		char *is = strchr(all.v[i], '=');
		int r = 0;

		strv_split(&words, is + 1, " ");
		for (size_t k = 0; r >= 0 && k < words.n && words.v[k][0] != '-'; k++) {
			r = command_find(list, cmd ? cmd->name : NULL, words.v[k], &cmd, NULL);
			list = r < 0 ? NULL : cmd->sub;
		}
		if (r < 0 && !command_elsewhere(words.v[0], &ours))
			fail_msg("%s", all.v[i]);
		opts = r >= 0 ? command_opts(cmd) : NULL;
		if (r >= 0 && words.v[words.n - 1][0] == '-' && !find(opts, words.v[words.n - 1] + 2))
			fail_msg("%s: no such flag", all.v[i]);
		missing += r < 0;
	}
	assert_true(missing < all.n / 2);
}

RUN_TESTS("from-docker", cmocka_unit_test(remedies_fit), cmocka_unit_test(other_names_lead_somewhere))
