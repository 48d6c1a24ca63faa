#include "cli.h"
#include "commands.h"
#include "format.h"
#include "version.h"

enum { SERVER_MS = 2000 };

static int ask(struct cli *cli, struct ctrd_version *ret, struct err *err)
{
	const struct ctx soon = ctx_within(&cli->ctx, SERVER_MS);
	int r = cli_core_existing(cli, err);

	if (r < 0)
		return r;
	r = version_get(cli->core->ctrd, &soon, ret, err);
	return r < 0 ? err_wrap(err, r, "containerd at %s", cli->core->address) : 0;
}

/* No containerd is no error: davit's own version was told. */
static int run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	_cleanup_(ctrd_version_done) struct ctrd_version server = { 0 };
	_cleanup_json_ json *o = NULL;
	struct err why = ERR_INIT;
	const bool reached = ask(cli, &server, &why) >= 0;

	(void)args;
	if (!format_is_json(opts)) {
		int r = cli_outf(cli, err, "davit %s\n", DAVIT_VERSION);

		if (r < 0)
			return r;
		return reached ? cli_outf(cli, err, "containerd %s at %s\n", server.version, cli->core->address) :
				 cli_outf(cli, err, "%s\n", why.msg);
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
	.examples = "  davit version --format json",
	.opts = format_opts,
	.size = sizeof(struct format_flags),
	.init = format_init,
	.run = run,
};
