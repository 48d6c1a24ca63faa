#include "help.h"
#include "mem.h"
#include <string.h>

enum { FLAG_WIDTH = 30, NAME_WIDTH = 12 };

static void commands_of(const struct command *const *list, struct buf *out)
{
	for (; *list; list++)
		buf_addf(out, "  %-*s %s\n", NAME_WIDTH, (*list)->name, (*list)->summary);
}

/* "  -e, --env K=V" */
static void flag_words(const struct opt *o, struct buf *out)
{
	if (o->letter)
		buf_addf(out, "  -%c, --%s", o->letter, o->name);
	else
		buf_addf(out, "      --%s", o->name);
	if (o->also)
		buf_addf(out, ", --%s", o->also);
	if (o->arg)
		buf_addf(out, " %s", o->arg);
}

static void flag_line(const struct opt *o, struct buf *out)
{
	size_t begin = out->len, width;

	flag_words(o, out);
	width = out->len - begin;
	if (width > FLAG_WIDTH)
		buf_addf(out, "\n%*s", FLAG_WIDTH + 2, "");
	else
		buf_addf(out, "%*s", (int)(FLAG_WIDTH + 2 - width), "");
	buf_addf(out, "%s\n", o->help);
}

/* A topic is named by its first flag that is not hidden. */
static void flags_of(const struct opt *o, struct buf *out)
{
	const char *topic = NULL;

	for (; o && o->name; o++) {
		topic = o->topic ? o->topic : topic;
		if (o->hidden)
			continue;
		if (topic)
			buf_addf(out, "\n%s\n", topic);
		topic = NULL;
		flag_line(o, out);
	}
}

void help_overview(struct buf *out)
{
	buf_adds(out, "Usage: davit [FLAGS] COMMAND [FLAGS] [ARGUMENT...]\n\n"
		      "Runs container jobs through containerd.\n\nCommands\n");
	commands_of(commands, out);
	flags_of(global_opts, out);
	buf_adds(out, "\ndavit help COMMAND tells more; davit(1) has it all on one page.\n");
}

void help_command(const struct command *cmd, struct buf *out)
{
	_cleanup_free_ char *path = command_path(cmd);
	_cleanup_free_ struct opt *opts = command_opts(cmd);

	buf_addf(out, "Usage: davit %s%s%s\n\n%s\n", path, *cmd->usage ? " " : "", cmd->usage, cmd->summary);
	if (cmd->text)
		buf_addf(out, "\n%s\n", cmd->text);
	if (cmd->sub) {
		buf_adds(out, "\nCommands\n");
		commands_of(cmd->sub, out);
	}
	flags_of(opts, out);
	if (cmd->examples)
		buf_addf(out, "\nExamples\n%s\n", cmd->examples);
	buf_adds(out, "\nGlobal flags: davit --help\n");
}
