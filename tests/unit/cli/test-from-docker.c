/* Every flag of `docker run` and `podman run` and every command of both is one of davit's, or its use says what is instead; and
 * docs/from-docker.md has the line for each. After a change: FROM_DOCKER_PRINT=1 test-from-docker prints the lines. */
#include "test.h"
#include "alias.h"
#include "command.h"
#include "docker-words.h"
#include "file.h"
#include "job-flags.h"
#include "mem.h"

#define N(list) (sizeof(list) / sizeof *(list))

static const struct opt *find(const struct opt *table, const char *name)
{
	for (; table && table->name; table++)
		if (!strcmp(table->name, name) || (table->also && !strcmp(table->also, name)))
			return table;
	return NULL;
}

static char *flag_row(const char *name)
{
	const struct opt *o = find(run_opts_table, name);

	o = o ? o : find(global_opts, name);
	if (!o)
		fail_msg("--%s: davit run neither has it nor says what is instead", name);
	if (o->instead)
		return mem_printf("| `--%s` | %s |\n", name, o->instead);
	if (o->hidden)
		return mem_printf("| `--%s` | taken: %s |\n", name, o->help);
	return mem_printf("| `--%s` | the same |\n", name);
}

static const struct command *command_of(const char *name)
{
	const struct command *cmd = NULL;

	return command_find(commands, NULL, name, &cmd, NULL) >= 0 ? cmd : NULL;
}

static char *command_row(const char *name)
{
	size_t used = 0;
	bool ours = false;
	const char *is = alias_of(name, NULL, &used), *instead = command_elsewhere(name, &ours);

	if (is)
		return mem_printf("| `%s` | taken: `davit %s` |\n", name, is);
	if (command_of(name))
		return mem_printf("| `%s` | the same |\n", name);
	if (!instead)
		fail_msg("%s: davit neither has it nor says what is instead", name);
	return mem_printf(ours ? "| `%s` | `davit %s` |\n" : "| `%s` | %s |\n", name, instead);
}

/* Within a table of Markdown. */
static char *escaped(const char *row)
{
	struct buf out = { 0 };

	for (size_t i = 0, n = strlen(row); i < n; i++) {
		if (row[i] == '|' && i && i + 2 < n && strncmp(row + i - 1, " | ", 3) == 0 && strncmp(row + i - 2, "` | ", 4) != 0)
			buf_addc(&out, '\\');
		buf_addc(&out, row[i]);
	}
	return buf_take(&out);
}

static void check(const char *doc, char *plain)
{
	char *row = escaped(plain);

	free(plain);
	if (getenv("FROM_DOCKER_PRINT"))
		(void)printf("%s", row);
	else if (!strstr(doc, row))
		fail_msg("docs/from-docker.md has not: %s", row);
	free(row);
}

static void is_all_documented(void **state)
{
	_cleanup_buf_ struct buf doc = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	if (file_read(FROM_DOCKER, 1 << 20, &doc, &err) < 0 && !getenv("FROM_DOCKER_PRINT"))
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < N(docker_commands); i++)
		check(buf_str(&doc), command_row(docker_commands[i]));
	for (size_t i = 0; i < N(podman_commands); i++)
		check(buf_str(&doc), command_row(podman_commands[i]));
	for (size_t i = 0; i < N(docker_run_flags); i++)
		check(buf_str(&doc), flag_row(docker_run_flags[i]));
	for (size_t i = 0; i < N(podman_run_flags); i++)
		check(buf_str(&doc), flag_row(podman_run_flags[i]));
}

/* What is instead fits where it is shown. */
static void remedies_fit(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	for (const struct opt *o = run_opts_table; o->name; o++)
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
		if (r >= 0 && words.v[words.n - 1][0] == '-' && !find(cmd->opts, words.v[words.n - 1] + 2))
			fail_msg("%s: no such flag", all.v[i]);
		missing += r < 0;
	}
	assert_true(missing < all.n / 2);
}

RUN_TESTS("from-docker", cmocka_unit_test(is_all_documented), cmocka_unit_test(remedies_fit),
	  cmocka_unit_test(other_names_lead_somewhere))
