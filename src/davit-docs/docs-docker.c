/* Every command and flag of docker and podman, and what davit makes of it. */
#include "docs.h"
#include "alias.h"
#include "command.h"
#include "docker-words.h"
#include "job-flags.h"
#include "mem.h"
#include <string.h>

static const struct opt *find_flag(const struct opt *o, const char *name)
{
	for (; o->name; o++)
		if (!strcmp(o->name, name) || (o->also && !strcmp(o->also, name)))
			return o;
	return NULL;
}

static const char *const words_same[] = { "the same" };

/* What stands beside it; NULL: nothing is known of it, and that is a mistake. *@ret_same: davit has it. */
static char *flag_says(const struct opt *opts, const char *name, bool *ret_same)
{
	const struct opt *o = find_flag(opts, name);

	o = o ? o : find_flag(global_opts, name);
	*ret_same = o && !o->instead && !o->hidden;
	if (!o)
		return NULL;
	if (*ret_same)
		return mem_strdup(words_same[0]);
	return o->instead ? mem_strdup(o->instead) : mem_printf("taken: %s", o->help);
}

static char *command_says(const char *name)
{
	const struct command *cmd = NULL;
	size_t used = 0;
	bool ours = false;
	const char *is = alias_of(name, NULL, &used), *instead = command_elsewhere(name, &ours);

	if (is)
		return mem_printf("taken: `davit %s`", is);
	if (command_find(commands, NULL, name, &cmd, NULL) >= 0)
		return mem_strdup(words_same[0]);
	return !instead ? NULL : ours ? mem_printf("`davit %s`", instead) : mem_strdup(instead);
}

static void add_row(struct strv *rows, const char *dashes, const char *name, const char *says)
{
	struct buf row = { 0 };

	buf_addf(&row, "| `%s%s` | ", dashes, name);
	for (const char *p = says ? says : "NOTHING IS SAID OF IT"; *p; p++) {
		if (*p == '|')
			buf_addc(&row, '\\');
		buf_addc(&row, *p);
	}
	buf_adds(&row, " |\n");
	if (strv_has(rows, buf_str(&row)))
		buf_done(&row);
	else
		strv_own(rows, buf_take(&row));
}

static void add_commands(const char *const *names, size_t n, struct strv *rows)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *says = command_says(names[i]);

		add_row(rows, "", names[i], says);
	}
}

static void docker_flags_add(const char *const *names, size_t n, bool same, struct strv *rows)
{
	_cleanup_free_ struct opt *opts = run_opts_make();

	for (size_t i = 0; i < n; i++) {
		bool is_same;
		_cleanup_free_ char *says = flag_says(opts, names[i], &is_same);

		if (is_same == same)
			add_row(rows, "--", names[i], says);
	}
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

#define LIST(list) list, sizeof(list) / sizeof *(list)

bool docs_docker_table(const char *name, struct buf *out)
{
	_cleanup_strv_ struct strv rows = { 0 };
	const bool commands_of = !strcmp(name, "commands"), same = !strcmp(name, "flags that are the same");

	if (!commands_of && !same && strcmp(name, "flags that differ") != 0)
		return false;
	if (commands_of) {
		add_commands(LIST(docker_commands), &rows);
		add_commands(LIST(podman_commands), &rows);
	} else {
		docker_flags_add(LIST(docker_run_flags), same, &rows);
		docker_flags_add(LIST(podman_run_flags), same, &rows);
	}
	buf_adds(out, commands_of ? "| docker, podman | davit |\n|---|---|\n" : "| flag | davit run |\n|---|---|\n");
	qsort(rows.v, rows.n, sizeof *rows.v, by_text);
	for (size_t i = 0; i < rows.n; i++)
		buf_adds(out, rows.v[i]);
	return true;
}
