/* reconcile: what a crash, a reboot or a lost network namespace left. */
#include "cli.h"
#include "commands.h"
#include "file.h"
#include "job-boot.h"
#include "listing.h"
#include "mem.h"
#include "own.h"
#include "places.h"
#include <string.h>

struct reconcile_flags {
	bool boot, dry_run;
	const char *format;
};
#define AT(f) .at = offsetof(struct reconcile_flags, f)
static const struct opt reconcile_opts[] = {
	{ "boot", .help = "After a boot: start the jobs whose restart policy says so, too", .topic = "Flags", .set = opt_bool,
	  AT(boot) },
	{ "dry-run", .help = "Only say what would be done", .set = opt_bool, AT(dry_run) },
	{ "format", .arg = "FORM", .help = "text, json (a line each), or a template such as '{{.Job}}'", .words = "text json",
	  .set = opt_format, AT(format) },
	{ 0 },
};
#undef AT

static void reconcile_init(void *opts) { ((struct reconcile_flags *)opts)->format = "text"; }

#define FIELDS "part namespace job id text failed dry_run Part Namespace Job ID Text Failed DryRun"

static json *mend_json(const struct mend *m, bool dry_run)
{
	json *o = json_new_object();

	json_put_str(o, "part", mend_part_name(m->part));
	json_put_str(o, "namespace", m->ns);
	json_put_str(o, "job", m->job);
	json_put_str(o, "id", m->id);
	json_put_str(o, "text", m->text);
	json_put_bool(o, "failed", m->failed);
	json_put_bool(o, "dry_run", dry_run);
	return o;
}

static void mend_view(json *o)
{
	json_put_str(o, "Part", json_get_str(o, "part"));
	json_put_str(o, "Namespace", json_get_str(o, "namespace"));
	json_put_str(o, "Job", json_get_str(o, "job"));
	json_put_str(o, "ID", json_get_str(o, "id"));
	json_put_str(o, "Text", json_get_str(o, "text"));
	json_put_bool(o, "Failed", json_get_bool(o, "failed", false));
	json_put_bool(o, "DryRun", json_get_bool(o, "dry_run", false));
}

/* "network web: its addresses ..."; of another namespace "network other/web: ...". */
static int mend_print(struct cli *cli, const struct mend *m, bool dry_run, struct err *err)
{
	const bool elsewhere = strcmp(m->ns, cli->core->conf.ns) != 0;
	_cleanup_free_ char *who = mem_printf("%s%s%s%s", elsewhere ? m->ns : "", elsewhere && m->job ? "/" : "",
					      m->job ? m->job : "", elsewhere || m->job ? ": " : "");

	if (m->failed) {
		cli_notice(cli, "%s %s%s", mend_part_name(m->part), who, m->text);
		return 0;
	}
	return cli_outf(cli, err, "%s%s %s%s\n", dry_run ? "would be done: " : "", mend_part_name(m->part), who, m->text);
}

static int mend_print_as(struct cli *cli, const struct reconcile_flags *f, const struct mend *m, struct listing *l, struct err *err)
{
	_cleanup_json_ json *o = NULL;

	if (!strcmp(f->format, "text"))
		return mend_print(cli, m, f->dry_run, err);
	o = mend_json(m, f->dry_run);
	if (!strcmp(f->format, "json"))
		return cli_out_json(cli, o, err);
	mend_view(o);
	return listing_add(l, cli, o, err);
}

static int mends_print(struct cli *cli, const struct reconcile_flags *f, const struct mends *m, struct listing *l, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < m->n; i++)
		r = mend_print_as(cli, f, &m->v[i], l, err);
	return r >= 0 && l->t ? listing_close(l, cli, true, err) : r;
}

/* Davit's own engine is for machines without a containerd. Where it never ran it has no jobs either. */
static int boot_connect(struct cli *cli, bool *ret_started, struct err *err)
{
	_cleanup_free_ char *data = NULL;
	int r = cli_core_existing(cli, err);

	*ret_started = false;
	if (r >= 0 || cli->global.address || (r != -ERR_NOT_FOUND && r != -ERR_UNAVAILABLE))
		return r < 0 ? r : 1;
	data = places_own_data(&cli->conf, "");
	if (!file_exists(data))
		return err_clear(err), 0;
	err_clear(err);
	*ret_started = true;
	r = cli_core(cli, err);
	return r < 0 ? r : 1;
}

static int reconcile_for(struct cli *cli, const struct reconcile_flags *f, struct mends *m, struct err *err)
{
	const struct boot_how boot = { .every_namespace = !cli->global.ns, .dry_run = f->dry_run };
	const struct mend_how mend = { .dry_run = f->dry_run };

	return f->boot ? job_boot(cli->core, &boot, &cli->ctx, m, err) : mend_jobs(cli->core, &mend, &cli->ctx, m, err);
}

static int reconcile_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct reconcile_flags *f = opts;
	_cleanup_(mends_done) struct mends m = { 0 };
	_cleanup_(listing_done) struct listing l = { 0 };
	bool started = false;
	int r = format_is_template(f->format) ? listing_open(&l, f->format, listing_fields(FIELDS), err) : 0, out;

	(void)args;
	if (r >= 0)
		r = f->boot ? boot_connect(cli, &started, err) : cli_core(cli, err);
	if (r < 0 || (f->boot && r == 0))
		return r;
	r = reconcile_for(cli, f, &m, err);
	out = mends_print(cli, f, &m, &l, r < 0 ? NULL : err);
	if (r >= 0 && started && !m.wanted) { /* nobody needs it */
		const int stopped = own_stop(&cli->conf, false, &cli->ctx, out < 0 ? NULL : err);

		r = out < 0 ? out : stopped;
	}
	if (r < 0 || out < 0)
		return r < 0 ? r : out;
	return m.failed ? EXIT_DAVIT : 0;
}

const struct command cmd_reconcile = {
	.name = "reconcile",
	.usage = "[FLAGS]",
	.summary = "Mend what a crash, a reboot or a lost network namespace left",
	.text = "In this order: exits that nobody saw are recorded; addresses and ports of jobs that have ended are released, and "
		"a job that "
		"runs has its network namespace's file again; what killed davits left is removed; jobs that ask for restarts are "
		"looked "
		"after. One line for each. With --boot jobs are started as their policy has it, each once a boot: always in any "
		"case, "
		"unless-stopped what was not stopped, on-failure what ran or had failed. Running jobs are never ended.",
	.examples = "  davit reconcile --dry-run\n  davit reconcile --boot\n  systemctl enable davit-reconcile.service",
	.opts = reconcile_opts,
	.init = reconcile_init,
	.size = sizeof(struct reconcile_flags),
	.run = reconcile_run,
};
