/* image save: images as an archive. */
#include "commands.h"
#include "helper.h"

struct save_flags {
	bool quiet;
	const char *output, *platform;
};
#define AT(f) .at = offsetof(struct save_flags, f)
static const struct opt opts_table[] = {
	HELPER_OUTPUT_OPT(struct save_flags),
	{ "platform", .arg = "OS/ARCH", .help = "Which image of several; the host's without", .set = opt_string, AT(platform) },
	{ "quiet", 'q', .help = "No progress", .set = opt_bool, AT(quiet) },
	{ 0 },
};
#undef AT

static int save(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct save_flags *f = opts;
	_cleanup_strv_ struct strv words = { 0 };
	_cleanup_close_ int fd = -1;
	int r = helper_output("image save", f->output, &words, &fd, err);

	if (r < 0)
		return r;
	strv_push(&words, "--");
	strv_add(&words, args);
	return helper_run_output(cli, "save", f->platform, f->quiet, &words, fd, -1, err);
}

const struct command image_save_cmd = {
	.group = "image",
	.name = "save",
	.usage = "[FLAGS] IMAGE...",
	.summary = "Write images as an archive",
	.text = "An OCI layout with Docker's manifest.json: docker load, podman, skopeo, ctr and davit image load read it. A file\n"
		"appears when it is whole. An image that is named by its ID has no name in the archive.",
	.opts = opts_table,
	.examples = "  davit image save redis:7 | ssh host davit image load\n  davit image save -o both.tar app:1 app:2",
	.words = COMPLETE_IMAGE,
	.min = 1,
	.max = ARGS_ANY,
	.size = sizeof(struct save_flags),
	.run = save,
};
