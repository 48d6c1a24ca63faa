#include "cli.h"
#include "commands.h"
#include "human.h"
#include "clock.h"
#include "core-words.h"
#include "fork-heir.h"
#include "job-list.h"
#include "listing.h"
#include "mem.h"
#include "mend.h"
#include "ref.h"
#include <string.h>
#include <sys/resource.h>

enum { MEND_MS = 300000 };

struct ps_flags {
	bool all, quiet, everywhere, no_trunc, size, latest, tasks;
	int64_t last;
	struct strv filters;
	const char *format;
};
#define AT(f) .at = offsetof(struct ps_flags, f)
static int set_last(const struct opt *o, const char *value, void *into, struct err *err)
{
	return opt_to_number(o, value, -1, 1000000, &((struct ps_flags *)into)->last, err);
}

static const struct opt opts_table[] = {
	{ "all", 'a', .help = "Ended and created ones too", .topic = "Flags", .set = opt_bool, AT(all) },
	{ "quiet", 'q', .help = "Only ids", .set = opt_bool, AT(quiet) },
	{ "all-namespaces", 'A', .help = "Of every containerd namespace", .set = opt_bool, AT(everywhere) },
	{ "filter", 'f', .arg = "K=V", .help = "name (a pattern), id, status, label, ancestor, network, exited, set or health",
	  .set = opt_list, AT(filters) },
	{ "no-trunc", .help = "Never cut a column", .set = opt_bool, AT(no_trunc) },
	{ "format", .arg = "FORM", .help = "table, json (a line each), names, or a template such as '{{.Names}}'",
	  .words = "table json names", .set = opt_format, AT(format) },
	{ "last", 'n', .arg = "N", .help = "The newest N, in whatever state", .set = set_last, AT(last) },
	{ "latest", 'l', .help = "The newest, in whatever state", .set = opt_bool, AT(latest) },
	{ "tasks", .help = "A line for each task of a job of several", .set = opt_bool, AT(tasks) },
	{ "size", 's', .help = "With the size of what each job has written", .set = opt_bool, AT(size) },
	{ 0 },
};

static void ps_init(void *opts) { ((struct ps_flags *)opts)->format = "table"; }

static void ps_done(void *opts) { strv_done(&((struct ps_flags *)opts)->filters); }

/* "Up 5 minutes (2 of 3 tasks)", "Exited (1) 2 hours ago (3 tasks)"; takes @status over. */
static char *with_tasks(const struct job_row *row, char *status)
{
	const bool up = row->state == JOB_RUNNING || row->state == JOB_PAUSED;
	_cleanup_free_ char *alone = status;

	if (row->n_tasks <= 1)
		return TAKE_PTR(alone);
	return up && row->n_running < row->n_tasks ? mem_printf("%s (%zu of %zu tasks)", alone, row->n_running, row->n_tasks)
						   : mem_printf("%s (%zu tasks)", alone, row->n_tasks);
}

static char *state_text(const struct job_row *row)
{
	char text[HUMAN_TEXT];
	int64_t now = clock_wall();

	switch (row->state) {
	case JOB_RUNNING: return mem_printf("Up %s", human_span(now - row->started_at, text));
	case JOB_PAUSED: return mem_printf("Up %s (Paused)", human_span(now - row->started_at, text));
	case JOB_EXITED: return mem_printf("Exited (%d) %s", row->exit_code, human_ago(row->exited_at, now, text));
	case JOB_RESTARTING: return mem_printf("Restarting (%d) %s", row->exit_code, human_ago(row->exited_at, now, text));
	case JOB_CREATED: return mem_strdup("Created");
	case JOB_UNKNOWN: break;
	}
	return mem_strdup("Unknown");
}

/* "Up 3 s (healthy)", "Up 1 s (health: starting)", as Docker has it. */
static char *with_health(const struct job_row *row, char *status)
{
	_cleanup_free_ char *alone = status;
	const char *begins = row->health == HEALTH_STARTING ? "health: " : "";

	if (row->health == HEALTH_UNKNOWN)
		return TAKE_PTR(alone);
	return mem_printf("%s (%s%s)", alone, begins, health_state_name(row->health));
}

static char *status_text(const struct job_row *row) { return with_tasks(row, with_health(row, state_text(row))); }

static int ps_print_table(struct cli *cli, const struct ps_flags *f, const struct job_rows *rows, struct err *err)
{
	static const struct column columns[] = {
		{ .title = "NAMESPACE" },
		{ .title = "NAME" },
		{ .title = "IMAGE", .min = 12, .drop = 4 },
		{ .title = "COMMAND", .min = 10, .drop = 2 },
		{ .title = "STATUS", .min = 10, .drop = 5 },
		{ .title = "IP", .drop = 3 },
		{ .title = "PORTS", .list = true },
		{ .title = "ID", .drop = 1 },
		{ .title = "SIZE", .right = true },
	};
	size_t skip = f->everywhere ? 0 : 1, end = sizeof columns / sizeof *columns - !f->size;
	_cleanup_(table_done) struct table t = { .columns = columns + skip, .n_columns = end - skip };
	char text[HUMAN_TEXT];

	for (size_t i = 0; i < rows->n; i++) {
		const struct job_row *row = &rows->v[i];
		_cleanup_free_ char *status = status_text(row);

		if (!skip)
			table_cell(&t, row->ns);
		table_cell(&t, row->name);
		table_cell(&t, ref_familiar(row->image));
		table_cell(&t, row->command);
		table_cell(&t, status);
		table_cell(&t, row->ip);
		table_cell(&t, row->ports);
		table_cell(&t, row->id);
		if (f->size)
			table_cell(&t, row->size < 0 ? "" : human_size(row->size, text));
	}
	return cli_out_table(cli, &t, f->no_trunc, err);
}

static json *ps_row_json(const struct job_row *row)
{
	json *o = json_new_object();

	json_put_str(o, "name", row->name);
	json_put_str(o, "id", row->id);
	json_put_str(o, "namespace", row->ns);
	json_put_str(o, "image", row->image);
	json_put_str(o, "command", row->command);
	json_put_str(o, "status", job_state_name(row->state));
	if (row->state == JOB_EXITED || row->state == JOB_RESTARTING)
		json_put_int(o, "exit_code", row->exit_code);
	if (row->health != HEALTH_UNKNOWN)
		json_put_str(o, "health", health_state_name(row->health));
	if (row->n_tasks > 1) {
		json_put_int(o, "tasks", (int64_t)row->n_tasks);
		json_put_int(o, "tasks_running", (int64_t)row->n_running);
	}
	json_put_int(o, "pid", row->state == JOB_RUNNING || row->state == JOB_PAUSED ? row->pid : 0);
	json_put_str(o, "runtime", row->runtime);
	json_put_str(o, "network", row->network);
	json_put_str(o, "ip", row->ip);
	json_put_str(o, "ports", row->ports);
	json_put_time(o, "created_at", row->created_at);
	json_put_time(o, "started_at", row->started_at);
	json_put_time(o, "exited_at", row->exited_at);
	json_put_dict(o, "labels", &row->labels);
	if (row->size >= 0)
		json_put_int(o, "size", row->size);
	return o;
}

static int ps_print_json(struct cli *cli, const struct job_row *row, struct err *err)
{
	_cleanup_json_ json *o = ps_row_json(row);

	return cli_out_json(cli, o, err);
}

/* What a template may ask for: Docker's fields, and ours. */
#define FIELDS \
	"ID=CONTAINER_ID Names Image Command CreatedAt RunningFor=CREATED Status State Ports Labels Mounts Networks Size " \
	"LocalVolumes Platform health name id namespace image command status exit_code pid runtime network ip ports created_at " \
	"started_at exited_at labels size tasks tasks_running"

/* "a=b,c=d", without what davit notes for itself. */
static char *labels_text(const struct dict *labels)
{
	_cleanup_strv_ struct strv words = { 0 };

	for (size_t i = 0; i < labels->n; i++)
		if (strncmp(labels->v[i].key, LABEL_PREFIX, strlen(LABEL_PREFIX)) != 0 &&
		    strncmp(labels->v[i].key, "containerd.io/", 14) != 0)
			strv_pushf(&words, "%s=%s", labels->v[i].key, labels->v[i].value);
	return strv_join(&words, ",");
}

/* How many of "data,/srv" are volumes. */
static int volumes_in(const char *mounts)
{
	_cleanup_strv_ struct strv words = { 0 };
	int n = 0;

	strv_split(&words, mounts, ",");
	for (size_t i = 0; i < words.n; i++)
		n += *words.v[i] && *words.v[i] != '/';
	return n;
}

static int ps_print_templated(struct cli *cli, const struct job_row *row, struct listing *l, struct err *err)
{
	_cleanup_json_ json *o = ps_row_json(row);
	_cleanup_free_ char *labels = labels_text(&row->labels), *status = status_text(row);
	_cleanup_free_ char *command = mem_printf("\"%s\"", row->command), *created = human_date(row->created_at);
	char ago[HUMAN_TEXT], size[HUMAN_TEXT], volumes[16];

	json_put_str(o, "ID", row->id);
	json_put_str(o, "Names", row->name);
	json_put_str(o, "Image", ref_familiar(row->image));
	json_put_str(o, "Command", command);
	json_put_str(o, "CreatedAt", created);
	json_put_str(o, "RunningFor", human_ago(row->created_at, clock_wall(), ago));
	json_put_str(o, "Status", status);
	json_put_str(o, "State", job_state_name(row->state));
	json_put_str(o, "Ports", row->ports);
	json_put_str(o, "Labels", labels);
	json_put_str(o, "Mounts", row->mounts);
	json_put_str(o, "Networks", row->network ? row->network : "");
	json_put_str(o, "Size", row->size < 0 ? "" : human_size(row->size, size));
	(void)snprintf(volumes, sizeof volumes, "%d", volumes_in(row->mounts));
	json_put_str(o, "LocalVolumes", volumes);
	json_put_str(o, "Platform", "");
	return listing_add(l, cli, o, err);
}

static int list_templated(struct cli *cli, const struct ps_flags *f, const struct job_rows *rows, struct listing *l,
			  struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < rows->n; i++)
		r = ps_print_templated(cli, &rows->v[i], l, err);
	return r < 0 ? r : listing_close(l, cli, f->no_trunc, err);
}

static int ps_print(struct cli *cli, const struct ps_flags *f, const struct job_rows *rows, struct err *err)
{
	int r = 0;

	if (!f->quiet && !strcmp(f->format, "table"))
		return ps_print_table(cli, f, rows, err);
	for (size_t i = 0; r >= 0 && i < rows->n; i++) {
		if (f->format[0] == 'j')
			r = ps_print_json(cli, &rows->v[i], err);
		else
			r = cli_outf(cli, err, "%s\n", f->format[0] == 'n' ? rows->v[i].name : rows->v[i].id);
	}
	return r;
}

/* An empty list may only be the wrong namespace. */
static void ps_look_elsewhere(struct cli *cli)
{
	_cleanup_free_ char *ns = NULL;
	size_t n = 0;

	if (job_count_elsewhere(cli->core, &cli->ctx, &n, &ns, NULL) >= 0 && n)
		cli_notice(cli, "no jobs in namespace %s; there %s %zu elsewhere: davit -n %s ps -a, or davit ps -a -A",
			   cli->conf.ns, n == 1 ? "is" : "are", n, ns);
}

/* In a process of its own, behind the list. */
static void ps_mend(void *arg)
{
	const struct ctx limit = ctx_within(NULL, MEND_MS);
	const struct core *listed = arg;
	struct core_conf conf = listed->conf;
	_cleanup_(core_freep) struct core *core = NULL;
	struct err unsaid = ERR_INIT;

	(void)setpriority(PRIO_PROCESS, 0, 10);
	conf.address = listed->address;
	conf.notice = NULL;
	if (core_open(&conf, &core, &unsaid) >= 0)
		(void)mend_ended_jobs(core, &limit, &unsaid);
}

static void ps_settle(struct core *c)
{
	_cleanup_close_ int right = mend_ended_begin(c);

	if (right >= 0)
		(void)fork_heir(&right, 1, core_is_absolute(c), ps_mend, c);
}

static int ps_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct ps_flags *f = opts;
	const bool templated = format_is_template(f->format) && !f->quiet;
	const struct job_filter filter = { .all = f->all,
					   .all_namespaces = f->everywhere,
					   .tasks = f->tasks,
					   .filters = &f->filters,
					   .sizes = f->size || (templated && strstr(f->format, "ize")), /* Size or size */
					   .last = f->latest     ? 1
						   : f->last > 0 ? (size_t)f->last
								 : 0 };
	_cleanup_(listing_done) struct listing l = { 0 };
	struct job_rows rows = { 0 };
	int r = templated ? listing_open(&l, f->format, listing_fields(FIELDS), err) : 0;

	(void)args;
	if (r >= 0)
		r = cli_core(cli, err);
	if (r >= 0)
		r = job_list(cli->core, &filter, &cli->ctx, &rows, err);
	if (r >= 0)
		r = templated ? list_templated(cli, f, &rows, &l, err) : ps_print(cli, f, &rows, err);
	if (r >= 0 && !rows.n && !f->everywhere && !f->filters.n && !f->quiet && !strcmp(f->format, "table"))
		ps_look_elsewhere(cli);
	if (r >= 0 && rows.left && !f->quiet && !strcmp(f->format, "table"))
		cli_notice(cli, "%zu %s by a davit that was killed: davit prune removes %s", rows.left,
			   rows.left == 1 ? "start or job was left" : "starts or jobs were left", rows.left == 1 ? "it" : "them");
	if (r >= 0 && rows.ended)
		ps_settle(cli->core);
	job_rows_done(&rows);
	return r;
}

const struct command cmd_ps = {
	.name = "ps",
	.usage = "[FLAGS]",
	.summary = "List jobs",
	.opts = opts_table,
	.size = sizeof(struct ps_flags),
	.init = ps_init,
	.done = ps_done,
	.run = ps_run,
	.text = "A job that has ended is settled behind the list: its exit is recorded, its task deleted, its addresses and ports "
		"released, as davit reconcile does it.",
	.examples = "  davit ps -a --filter status=exited\n  davit ps --tasks\n  davit ps -A --format json | jq .name",
};
