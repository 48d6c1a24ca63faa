#include "cli.h"
#include "alias.h"
#include "commands.h"
#include "help.h"

struct help_flags {
	bool man;
};
static const struct opt opts_table[] = {
	{ "man", .help = "Print the manual page davit(1), for man", .topic = "Flags", .set = opt_bool,
	  .at = offsetof(struct help_flags, man) },
	{ 0 },
};

static int help_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct command *const *list = commands;
	const struct command *cmd = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_strv_ struct strv words = { 0 };
	size_t used = 0;
	const char *is = args->n ? alias_of(args->v[0], args->n > 1 ? args->v[1] : NULL, &used) : NULL;

	if (is)
		strv_split(&words, is, " ");
	for (size_t i = is ? used : 0; i < args->n; i++)
		strv_push(&words, args->v[i]);
	for (size_t i = 0; i < words.n && words.v[i][0] != '-'; i++) {
		int r = command_find(list, cmd ? cmd->name : NULL, words.v[i], &cmd, err);

		if (r < 0)
			return r;
		list = cmd->sub;
	}
	if (((struct help_flags *)opts)->man)
		help_man(&text);
	else if (cmd)
		help_command(cmd, &text);
	else
		help_overview(&text);
	return cli_out(cli, text.data, text.len, err);
}

const struct command cmd_help = {
	.name = "help",
	.usage = "[FLAGS] [COMMAND]",
	.summary = "Print help of a command",
	.examples = "  davit help run\n  davit help image load\n  davit help --man | man -l -",
	.opts = opts_table,
	.words = COMPLETE_COMMAND,
	.max = 2,
	.size = sizeof(struct help_flags),
	.run = help_run,
};
