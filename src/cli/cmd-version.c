#include "cli.h"
#include "commands.h"
#include "version.h"

enum { SERVER_MS = 2000 };

struct version_flags { const char *format; };
static const struct opt opts_table[] = {
	{ "format", .arg = "FORM", .help = "text or json", .topic = "Flags", .words = "text json", .set = opt_word,
	  .at = offsetof(struct version_flags, format) },
	{ 0 },
};
static void init(void *opts) { ((struct version_flags *)opts)->format = "text"; }

static int run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	_cleanup_(ctrd_version_done) struct ctrd_version server = { 0 };
	_cleanup_json_ json *o = NULL;
	struct ctx soon = ctx_within(&cli->ctx, SERVER_MS);
	bool reached = cli_core_existing(cli, NULL) >= 0 && version_get(cli->core->ctrd, &soon, &server, NULL) >= 0;

	(void)args;
	if (((struct version_flags *)opts)->format[0] == 't') {
		int r = cli_outf(cli, err, "davit %s\n", DAVIT_VERSION);

		if (r < 0)
			return r;
		return reached ? cli_outf(cli, err, "containerd %s at %s\n", server.version, cli->core->address) :
				 cli_outf(cli, err, "containerd: not reached\n");
	}
	o = json_new_object();
	json_put_str(o, "davit", DAVIT_VERSION);
	if (reached) {
		json_put_str(o, "containerd", server.version);
		json_put_str(o, "revision", server.revision);
		json_put_str(o, "address", cli->core->address);
	}
	return cli_out_json(cli, o, err);
}

const struct command cmd_version = {
	.name = "version",
	.usage = "[FLAGS]",
	.summary = "Print davit's version, and containerd's where one runs",
	.opts = opts_table,
	.size = sizeof(struct version_flags),
	.init = init,
	.run = run,
};
