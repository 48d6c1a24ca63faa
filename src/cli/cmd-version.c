#include "cli.h"
#include "commands.h"
#include "listing.h"
#include "version.h"
#include <string.h>

enum { SERVER_MS = 2000 };

struct version_flags {
	const char *format;
};
static const struct opt opts_table[] = {
	{ "format", 'f', .arg = "FORM", .help = "text, json, or a template such as '{{.Server.Version}}'", .topic = "Flags",
	  .words = "text json", .set = opt_format, .at = offsetof(struct version_flags, format) },
	{ 0 },
};
static void version_init(void *opts) { ((struct version_flags *)opts)->format = "text"; }

static int ask_version(struct cli *cli, struct ctrd_version *ret, struct err *err)
{
	const struct ctx soon = ctx_within(&cli->ctx, SERVER_MS);
	int r = cli_core_existing(cli, err);

	if (r < 0)
		return r;
	r = version_get(cli->core->ctrd, &soon, ret, err);
	return r < 0 ? err_wrap(err, r, "containerd at %s", cli->core->address) : 0;
}

static json *program_json(const char *name, const char *version)
{
	json *o = json_new_object();

	json_put_str(o, "Name", name);
	json_put_str(o, "Version", version);
	return o;
}

/* Docker's Client is davit, its Server containerd. */
static int version_print_templated(struct cli *cli, json *o, const char *format, struct err *err)
{
	_cleanup_(listing_done) struct listing l = { 0 };
	int r = listing_open(&l, format, listing_fields("Client Server davit containerd revision address"), err);

	json_put(o, "Client", program_json("davit", DAVIT_VERSION));
	json_put(o, "Server", program_json("containerd", json_get_str(o, "containerd") ? json_get_str(o, "containerd") : ""));
	if (r >= 0)
		r = listing_add(&l, cli, o, err);
	return r < 0 ? r : listing_close(&l, cli, true, err);
}

/* No containerd is no error: davit's own version was told. */
static int version_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	_cleanup_(ctrd_version_done) struct ctrd_version server = { 0 };
	_cleanup_json_ json *o = NULL;
	const char *format = ((struct version_flags *)opts)->format;
	struct err why = ERR_INIT;
	const bool reached = ask_version(cli, &server, &why) >= 0;

	(void)args;
	if (!strcmp(format, "text")) {
		int r = cli_outf(cli, err, "davit %s\n", DAVIT_VERSION);

		if (r < 0)
			return r;
		return reached ? cli_outf(cli, err, "containerd %s at %s\n", server.version, cli->core->address)
			       : cli_outf(cli, err, "%s\n", why.msg);
	}
	o = json_new_object();
	json_put_str(o, "davit", DAVIT_VERSION);
	if (reached) {
		json_put_str(o, "containerd", server.version);
		json_put_str(o, "revision", server.revision);
		json_put_str(o, "address", cli->core->address);
	}
	return strcmp(format, "json") == 0 ? cli_out_json(cli, o, err) : version_print_templated(cli, o, format, err);
}

const struct command cmd_version = {
	.name = "version",
	.usage = "[FLAGS]",
	.summary = "Print davit's version, and containerd's where one runs",
	.examples = "  davit version --format json",
	.opts = opts_table,
	.size = sizeof(struct version_flags),
	.init = version_init,
	.run = version_run,
};
