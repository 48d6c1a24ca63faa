/* image tag: another name for an image. */
#include "commands.h"
#include "cli.h"
#include "image.h"

static int tag(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = cli_core(cli, err);

	(void)opts;
	return r < 0 ? r : image_tag(cli->core->ctrd, args->v[0], args->v[1], &cli->ctx, NULL, err);
}

const struct command image_tag_cmd = {
	.group = "image",
	.name = "tag",
	.usage = "IMAGE NAME",
	.summary = "Give an image another name",
	.text = "A name that another image had is taken from it.",
	.examples = "  davit image tag redis:7 registry.example/cache:7\n  davit image tag 4b1fe2c0a9d1 app:old",
	.words = COMPLETE_IMAGE,
	.min = 2,
	.max = 2,
	.run = tag,
};
