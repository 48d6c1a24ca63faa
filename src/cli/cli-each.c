/* Commands that do one thing to each of several names. */
#include "cli.h"

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

struct inspection { cli_inspect_fn *one; void *arg; json *all; };

static int inspect_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	const struct inspection *i = arg;
	json *j = NULL;
	int r = i->one(cli, name, i->arg, &j, err);

	if (r >= 0)
		json_append(i->all, j);
	return r;
}

int cli_inspect(struct cli *cli, const struct strv *names, cli_inspect_fn *one, void *arg, struct err *err)
{
	_cleanup_json_ json *all = json_new_array();
	struct inspection i = { one, arg, all };
	int code = cli_each(cli, names, inspect_one, &i, true, err);
	int r = code < 0 ? code : cli_out_pretty(cli, all, err);

	return r < 0 ? r : code;
}
