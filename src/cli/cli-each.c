/* Commands that do one thing to each of several names. */
#include "cli.h"
#include "job-remove.h"
#include "template.h"
#include <string.h>

int cli_each(struct cli *cli, const struct strv *names, cli_each_fn *one, void *arg, bool quiet, struct err *err)
{
	int code = 0, out = 0, r;

	for (size_t i = 0; i < names->n; i++) {
		struct err failed = ERR_INIT;

		r = one(cli, names->v[i], arg, &failed);
		if (r == -ERR_CANCELLED) {
			*err = failed;
			return r;
		}
		if (r < 0) {
			cli_report(cli, &failed);
			code = EXIT_DAVIT;
			continue;
		}
		if (out >= 0 && !quiet && r != EACH_NOTHING)
			out = cli_outf(cli, err, "%s\n", names->v[i]);
	}
	return out < 0 ? out : code;
}

struct dropping {
	int (*drop)(struct cli *, const char *name, struct err *err);
	bool force;
};

static int drop_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	const struct dropping *d = arg;
	int r = d->drop(cli, name, err);

	if (r == -ERR_NOT_FOUND && d->force)
		return err_clear(err), EACH_NOTHING;
	return r;
}

int cli_drop_each(struct cli *cli, const struct strv *names, int (*drop)(struct cli *, const char *name, struct err *err),
		  const struct drop_flags *flags, struct err *err)
{
	struct dropping d = { drop, flags->force };
	int r = cli_core(cli, err);

	if (r < 0)
		return r;
	job_await_removals(cli->core, &cli->ctx);
	return cli_each(cli, names, drop_one, &d, false, err);
}

struct inspecting {
	const struct cli_inspection *how;
	struct template *t;
	json *all;
};

static int inspect_and_add(struct cli *cli, const char *name, void *arg, struct err *err)
{
	const struct inspecting *i = arg;
	_cleanup_json_ json *j = NULL;
	_cleanup_buf_ struct buf line = { 0 };
	int r = i->how->one(cli, name, i->how->arg, &j, err);

	if (r < 0)
		return r;
	if (!i->t) {
		json_append(i->all, TAKE_PTR(j));
		return 0;
	}
	i->how->view(j);
	r = template_run(i->t, j, &line, err);
	if (r < 0)
		return err_wrap(err, r, "flag --format");
	buf_addc(&line, '\n');
	return cli_out(cli, line.data, line.len, err);
}

int cli_inspect(struct cli *cli, const struct strv *names, const struct cli_inspection *how, struct err *err)
{
	const bool templated = how->format && strcmp(how->format, "json") != 0;
	_cleanup_(template_freep) struct template *t = NULL;
	_cleanup_json_ json *all = json_new_array();
	struct inspecting i = { how, NULL, all };
	int r = templated ? template_parse(how->format, &t, err) : 0, code;

	if (r < 0)
		return err_wrap(err, r, "flag --format");
	i.t = t;
	r = cli_core(cli, err);
	if (r < 0)
		return r;
	code = cli_each(cli, names, inspect_and_add, &i, true, err);
	r = code < 0 || templated ? code : cli_out_pretty(cli, all, err);
	return r < 0 ? r : code;
}
