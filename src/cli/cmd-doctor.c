#include "cli.h"
#include "commands.h"
#include "doctor.h"
#include "format.h"
#include "term.h"

static const struct {
	const char *word, *color;
} levels[] = {
	[CHECK_OK] = { "ok", "\033[32m" },
	[CHECK_WARNING] = { "warning", "\033[33m" },
	[CHECK_ERROR] = { "error", "\033[31m" },
};

static int doctor_print_json(struct cli *cli, const struct check *c, struct err *err)
{
	_cleanup_json_ json *o = json_new_object();

	json_put_str(o, "check", c->name);
	json_put_str(o, "level", levels[c->level].word);
	json_put_str(o, "text", c->text);
	json_put_str(o, "remedy", c->remedy);
	return cli_out_json(cli, o, err);
}

static int print_text(struct cli *cli, const struct check *c, bool color, struct err *err)
{
	int r = cli_outf(cli, err, "%s%-8s%s %s: %s\n", color ? levels[c->level].color : "", levels[c->level].word,
			 color ? "\033[0m" : "", c->name, c->text);

	return r < 0 || !c->remedy ? r : cli_outf(cli, err, "         mend: %s\n", c->remedy);
}

static int doctor_cmd_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	_cleanup_(checks_done) struct checks all = { 0 };
	bool json_lines = format_is_json(opts), color = term_color(STDOUT_FILENO), bad = false;
	int r = 0;

	(void)args;
	doctor_run(&cli->conf, "", &cli->ctx, &all);
	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		r = json_lines ? doctor_print_json(cli, &all.v[i], err) : print_text(cli, &all.v[i], color, err);
		bad |= all.v[i].level == CHECK_ERROR;
	}
	return r < 0 ? r : bad;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.usage = "[FLAGS]",
	.summary = "Look at what this machine has and lacks for running jobs",
	.text = "Each line is ok, a warning or an error, with the command that mends it. Ends with 1 when there is an error.",
	.examples = "  davit doctor\n  davit doctor --format json | jq 'select(.level==\"error\")'",
	.opts = format_opts,
	.size = sizeof(struct format_flags),
	.init = format_init,
	.run = doctor_cmd_run,
};
