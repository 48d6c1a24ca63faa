/* update: other limits, another restart policy. */
#include "cli.h"
#include "commands.h"
#include "each-job.h"
#include "job-flags.h"
#include "job-update.h"

struct update_flags {
	struct job_changes changes;
	const char *set;
};

/* Each is tried on a job that is none, so that what is wrong is said once. */
static int flag_change(const struct opt *o, const char *v, void *into, struct err *err)
{
	struct update_flags *flags = into;
	_cleanup_(job_freep) struct job *nobody = job_new();
	static const struct text_in none = { 0 };
	const struct shape *s = NULL;
	void *obj = shape_owner(&task_shape, &nobody->tasks[0], o->row, &s);
	int r = field_text(s, o->row, v, obj, &none, err);

	if (r >= 0)
		job_changes_add(&flags->changes, o->row, v);
	return r;
}

static struct opt *update_opts(void)
{
	static const struct opt own[] = {
		{ "set", .arg = "NAME", .help = "The jobs of this set", .topic = "Flags", .set = opt_string,
		  .at = offsetof(struct update_flags, set) },
		{ 0 },
	};

	return live_opts_make(own, flag_change);
}

static void update_flags_done(void *opts) { job_changes_done(&((struct update_flags *)opts)->changes); }

static int update_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	return job_update(cli->core, name, arg, &cli->ctx, err);
}

static int update_jobs(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct update_flags *f = opts;

	if (!f->changes.n)
		return err_hint(err, err_set(err, ERR_INVALID, "update: nothing is to be changed"),
				"such as: davit update --memory 512m JOB");
	return cli_each_job(cli, &cmd_update, f->set, args, update_one, &f->changes, err);
}

const struct command cmd_update = {
	.name = "update",
	.usage = "[FLAGS] JOB[.TASK]...",
	.summary = "Give jobs other limits, or another restart policy",
	.text = "What runs has them at once, and later starts have them, too. Of a job of several tasks each has them, unless one "
		"is\n"
		"named. A limit of 0 is none. --cpus takes the place of --cpu-quota and --cpu-period, and they that of --cpus; "
		"memory\n"
		"and swap together are twice the memory, as long as nobody says --memory-swap. Either all is changed, or nothing.",
	.examples = "  davit update --memory 1g --cpus 2 web\n  davit update --restart unless-stopped web\n"
		    "  davit update --pids-limit 100 shop.db",
	.make_opts = update_opts,
	.words = COMPLETE_JOB,
	.max = ARGS_ANY,
	.size = sizeof(struct update_flags),
	.done = update_flags_done,
	.run = update_jobs,
};
