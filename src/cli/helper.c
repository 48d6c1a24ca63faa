#include "helper.h"
#include "image.h"
#include "ref.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* The lists of names in davit-image's result, one a line. */
static int print_names(struct cli *cli, json *result, struct err *err)
{
	json *images = json_get_array(result, "images");
	int r = 0;

	for (size_t i = 0; r >= 0 && i < json_len(images); i++)
		r = cli_outf(cli, err, "%s\n", ref_familiar(json_get_str(json_at(images, i), "name")));
	return r;
}

int helper_output(const char *what, const char *file, struct strv *words, int *ret_fd, struct err *err)
{
	*ret_fd = -1;
	if (file && strcmp(file, "-") != 0) {
		strv_pushf(words, "--output=%s", file);
		return 0;
	}
	if (isatty(STDOUT_FILENO))
		return err_hint(err,
				err_set(err, ERR_INVALID, "%s: standard output is a terminal, and an archive is no text", what),
				"davit %s ... >FILE, or -o FILE", what);
	*ret_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 5);
	if (*ret_fd < 0)
		return err_sys(err, errno, "standard output");
	strv_push(words, "--output-fd=3");
	return 0;
}

int helper_run_result(struct cli *cli, const char *verb, const struct image_helper *wanted, const struct strv *args, json **ret,
		      struct err *err)
{
	_cleanup_free_ char *snapshotter = NULL;
	struct image_helper how = *wanted;
	int r = cli_core(cli, err);

	if (r >= 0)
		r = core_snapshotter(cli->core, &cli->ctx, &snapshotter, err);
	if (r < 0)
		return r;
	how.ns = cli->conf.ns;
	how.debug = cli->conf.debug;
	how.json_progress = cli->global.json_log;
	how.address = cli->core->address;
	how.snapshotter = snapshotter;
	return image_helper_run(cli->core->loop, &how, verb, args, &cli->ctx, ret, err);
}

int helper_run_alone(struct cli *cli, const char *verb, const struct image_helper *wanted, const struct strv *args, json **ret,
		     struct err *err)
{
	_cleanup_(loop_freep) struct loop *loop = loop_new();
	struct image_helper how = *wanted;

	how.debug = cli->global.debug;
	return image_helper_run(loop, &how, verb, args, &cli->ctx, ret, err);
}

int helper_run(struct cli *cli, const char *verb, const struct image_helper *how, const struct strv *args, struct err *err)
{
	_cleanup_json_ json *result = NULL;
	int r = helper_run_result(cli, verb, how, args, &result, err);

	return r < 0 ? r : print_names(cli, result, err);
}

/* A pipe that nobody reads any more, as behind `| head -c 100`. */
static bool reader_is_gone(int fd)
{
	struct pollfd p = { .fd = fd };

	return fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & POLLERR);
}

int helper_run_output(struct cli *cli, const char *verb, const char *platform, bool quiet, const struct strv *args, int out_fd,
		      int root_fd, struct err *err)
{
	const struct image_helper how = { .platform = platform, .quiet = quiet, .out_fd = out_fd, .root_fd = root_fd };
	_cleanup_json_ json *result = NULL;
	int r = helper_run_result(cli, verb, &how, args, &result, err);

	if (r < 0 && r != -ERR_CANCELLED && reader_is_gone(out_fd))
		return err_clear(err), 128 + SIGPIPE;
	return r;
}
