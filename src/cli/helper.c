#include "helper.h"
#include "image.h"
#include "ref.h"

/* The lists of names in davit-image's result, one a line. */
static int print_names(struct cli *cli, json *result, struct err *err)
{
	json *images = json_get_array(result, "images");
	int r = 0;

	for (size_t i = 0; r >= 0 && i < json_len(images); i++)
		r = cli_outf(cli, err, "%s\n", ref_familiar(json_get_str(json_at(images, i), "name")));
	return r;
}

int helper_run(struct cli *cli, const char *verb, const char *platform, bool quiet, const struct strv *args, struct err *err)
{
	_cleanup_free_ char *snapshotter = NULL;
	_cleanup_json_ json *result = NULL;
	struct image_helper how = { .ns = cli->conf.ns, .platform = platform, .quiet = quiet, .debug = cli->conf.debug,
		.json_progress = cli->global.json_log };
	int r = cli_core(cli, err);

	if (r >= 0)
		r = core_snapshotter(cli->core, &cli->ctx, &snapshotter, err);
	if (r < 0)
		return r;
	how.address = cli->core->address;
	how.snapshotter = snapshotter;
	r = image_helper_run(cli->core->loop, &how, verb, args, &cli->ctx, &result, err);
	return r < 0 ? r : print_names(cli, result, err);
}
