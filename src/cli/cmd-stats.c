#include "cli.h"
#include "clock.h"
#include "commands.h"
#include "human.h"
#include "job-stats.h"
#include "listing.h"
#include "term.h"
#include <signal.h>
#include <string.h>

enum { STATS_FIRST_MS = 500, STATS_MS = 1000 };

struct stats_flags {
	bool all, no_stream, no_trunc;
	const char *format;
};
#define AT(f) .at = offsetof(struct stats_flags, f)
static const struct opt opts_table[] = {
	{ "all", 'a', .help = "Those that do not run, too", .topic = "Flags", .set = opt_bool, AT(all) },
	{ "no-stream", .help = "Once, of half a second, and not again and again", .set = opt_bool, AT(no_stream) },
	{ "no-trunc", .help = "Never cut a column", .set = opt_bool, AT(no_trunc) },
	{ "format", .arg = "FORM", .help = "table, json (a line for each task), or a template such as '{{.Name}} {{.CPUPerc}}'",
	  .words = "table json", .set = opt_format, AT(format) },
	{ 0 },
};

static void stats_init(void *opts) { ((struct stats_flags *)opts)->format = "table"; }

/* As people read it; "--": not known. */
struct use_text {
	char cpu[HUMAN_TEXT], throttled[HUMAN_TEXT], memory[2 * HUMAN_TEXT], part[HUMAN_TEXT], network[2 * HUMAN_TEXT],
		io[2 * HUMAN_TEXT], pids[HUMAN_TEXT];
};

static bool measured(const struct task_use *t, enum cgroup_measure m) { return t->known && cgroup_measured(&t->now.usage, m); }

static bool has_rate(const struct task_use *t, enum cgroup_measure m)
{
	return t->known && cgroup_has_rate(&t->before, &t->now, m);
}

/* Only who has a quota can be held back. */
static bool has_quota(const struct task_use *t) { return has_rate(t, CGROUP_CPU_PERIODS) && t->now.usage.v[CGROUP_CPU_PERIODS]; }

static int64_t use_count(const struct task_use *t, enum cgroup_measure m)
{
	return t->now.usage.v[m] < INT64_MAX ? (int64_t)t->now.usage.v[m] : INT64_MAX;
}

static double memory_percent(const struct task_use *t)
{
	const uint64_t limit = task_use_memory_limit(t);

	return limit ? 100 * (double)task_use_memory(t) / (double)limit : 0;
}

static void two_sizes(bool known, uint64_t a, uint64_t b, char out[2 * HUMAN_TEXT])
{
	char one[HUMAN_TEXT], other[HUMAN_TEXT];

	(void)snprintf(out, 2 * HUMAN_TEXT, "%s / %s", known ? human_size((int64_t)a, one) : "--",
		       known ? human_size((int64_t)b, other) : "--");
}

static void use_say(const struct task_use *t, struct use_text *ret)
{
	static const struct use_text unknown = { "--", "--", "-- / --", "--", "-- / --", "-- / --", "--" };
	const uint64_t *v = t->now.usage.v;
	char memory[HUMAN_TEXT], limit[HUMAN_TEXT];

	*ret = unknown;
	if (has_rate(t, CGROUP_CPU_TOTAL))
		(void)snprintf(ret->cpu, sizeof ret->cpu, "%.2f%%", cgroup_percent(&t->before, &t->now, CGROUP_CPU_TOTAL));
	if (has_quota(t))
		(void)snprintf(ret->throttled, sizeof ret->throttled, "%.0f%%", cgroup_throttled(&t->before, &t->now));
	if (measured(t, CGROUP_MEMORY_USAGE)) {
		(void)snprintf(ret->memory, sizeof ret->memory, "%s / %s", human_memory(task_use_memory(t), memory),
			       human_memory(task_use_memory_limit(t), limit));
		(void)snprintf(ret->part, sizeof ret->part, "%.2f%%", memory_percent(t));
	}
	two_sizes(t->has_traffic, t->traffic.received, t->traffic.sent, ret->network);
	two_sizes(measured(t, CGROUP_IO_READ) || measured(t, CGROUP_IO_WRITTEN), v[CGROUP_IO_READ], v[CGROUP_IO_WRITTEN], ret->io);
	if (measured(t, CGROUP_TASKS))
		(void)snprintf(ret->pids, sizeof ret->pids, "%llu", (unsigned long long)v[CGROUP_TASKS]);
}

static int stats_print_table(struct cli *cli, const struct stats_flags *f, const struct task_use *rows, size_t n, struct err *err)
{
	static const struct column columns[] = {
		{ .title = "NAME" },
		{ .title = "CPU %", .right = true },
		{ .title = "THROTTLED", .right = true, .drop = 2 },
		{ .title = "MEM USAGE / LIMIT" },
		{ .title = "MEM %", .right = true, .drop = 3 },
		{ .title = "NET I/O", .drop = 5 },
		{ .title = "BLOCK I/O", .drop = 4 },
		{ .title = "PIDS", .right = true, .drop = 6 },
		{ .title = "ID", .drop = 1 },
	};
	_cleanup_(table_done) struct table t = { .columns = columns, .n_columns = sizeof columns / sizeof *columns };
	const bool screen = !f->no_stream && term_height(STDOUT_FILENO);
	_cleanup_buf_ struct buf text = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct use_text s;

		use_say(&rows[i], &s);
		table_cell(&t, rows[i].name);
		for (const char *const *cell = (const char *const[]){ s.cpu, s.throttled, s.memory, s.part, s.network, s.io, s.pids,
								      rows[i].id, NULL };
		     *cell; cell++)
			table_cell(&t, *cell);
	}
	if (!screen)
		return cli_out_table(cli, &t, f->no_trunc, err);
	table_write(&t, f->no_trunc ? 0 : term_width(STDOUT_FILENO), &text);
	term_disarm(STDOUT_FILENO, text.data);
	return cli_out_screen(cli, text.data, err);
}

/* What is not measured is left out. */
static void put_count(json *o, const char *key, const struct task_use *t, enum cgroup_measure m)
{
	if (measured(t, m))
		json_put_int(o, key, use_count(t, m));
}

/* Of none it is null. */
static void put_limit(json *o, const char *key, const struct task_use *t, enum cgroup_measure m)
{
	if (measured(t, m))
		json_put(o, key, t->now.usage.v[m] == UINT64_MAX ? NULL : json_object_new_int64(use_count(t, m)));
}

static void put_percent(json *o, const char *key, double n)
{
	char text[HUMAN_TEXT];

	(void)snprintf(text, sizeof text, "%.2f", n);
	json_put(o, key, json_object_new_double_s(n, text));
}

static json *cpu_json(const struct task_use *t)
{
	json *o = json_new_object();

	if (has_rate(t, CGROUP_CPU_TOTAL))
		put_percent(o, "percent", cgroup_percent(&t->before, &t->now, CGROUP_CPU_TOTAL));
	put_count(o, "total_ns", t, CGROUP_CPU_TOTAL);
	put_count(o, "user_ns", t, CGROUP_CPU_USER);
	put_count(o, "system_ns", t, CGROUP_CPU_SYSTEM);
	if (has_quota(t))
		put_percent(o, "throttled_percent", cgroup_throttled(&t->before, &t->now));
	put_count(o, "periods", t, CGROUP_CPU_PERIODS);
	put_count(o, "throttled_periods", t, CGROUP_CPU_THROTTLED_PERIODS);
	put_count(o, "throttled_ns", t, CGROUP_CPU_THROTTLED);
	return o;
}

static json *memory_json(const struct task_use *t)
{
	json *o = json_new_object();

	if (measured(t, CGROUP_MEMORY_USAGE)) {
		json_put_int(o, "used", (int64_t)task_use_memory(t));
		put_percent(o, "percent", memory_percent(t));
	}
	put_limit(o, "limit", t, CGROUP_MEMORY_LIMIT);
	put_count(o, "usage", t, CGROUP_MEMORY_USAGE);
	put_count(o, "cache", t, CGROUP_MEMORY_CACHE);
	put_count(o, "inactive_file", t, CGROUP_MEMORY_INACTIVE);
	put_count(o, "rss", t, CGROUP_MEMORY_RSS);
	put_count(o, "swap", t, CGROUP_MEMORY_SWAP);
	put_count(o, "kernel", t, CGROUP_MEMORY_KERNEL);
	put_count(o, "peak", t, CGROUP_MEMORY_PEAK);
	put_count(o, "oom_kills", t, CGROUP_OOM_KILLS);
	return o;
}

static json *traffic_json(const struct task_use *t)
{
	json *o = json_new_object();

	if (t->has_traffic) {
		json_put_int(o, "received", (int64_t)t->traffic.received);
		json_put_int(o, "sent", (int64_t)t->traffic.sent);
	}
	return o;
}

static json *use_json(const struct task_use *t)
{
	json *o = json_new_object(), *io = json_new_object(), *pids = json_new_object();

	json_put_time(o, "time", clock_wall());
	json_put_str(o, "name", t->name);
	json_put_str(o, "id", t->id);
	json_put_str(o, "namespace", t->ns);
	json_put_bool(o, "running", t->runs);
	json_put(o, "cpu", cpu_json(t));
	json_put(o, "memory", memory_json(t));
	json_put(o, "network", traffic_json(t));
	put_count(io, "read", t, CGROUP_IO_READ);
	put_count(io, "written", t, CGROUP_IO_WRITTEN);
	json_put(o, "io", io);
	put_count(pids, "current", t, CGROUP_TASKS);
	put_limit(pids, "limit", t, CGROUP_TASKS_LIMIT);
	json_put(o, "pids", pids);
	return o;
}

/* What a template may ask for: Docker's fields, and ours. */
#define FIELDS \
	"Container=CONTAINER ID=CONTAINER_ID Name CPUPerc=CPU_% MemUsage=MEM_USAGE_/_LIMIT MemPerc=MEM_% NetIO=NET_I/O " \
	"BlockIO=BLOCK_I/O PIDs time name id namespace running cpu memory network io pids"

static json *use_view(const struct task_use *t)
{
	json *o = use_json(t);
	struct use_text s;

	use_say(t, &s);
	json_put_str(o, "Container", t->id);
	json_put_str(o, "ID", t->id);
	json_put_str(o, "Name", t->name);
	json_put_str(o, "CPUPerc", s.cpu);
	json_put_str(o, "MemUsage", s.memory);
	json_put_str(o, "MemPerc", s.part);
	json_put_str(o, "NetIO", s.network);
	json_put_str(o, "BlockIO", s.io);
	json_put_str(o, "PIDs", s.pids);
	return o;
}

static int stats_print_lines(struct cli *cli, const struct stats_flags *f, const struct task_use *rows, size_t n, struct err *err)
{
	_cleanup_(listing_done) struct listing l = { 0 };
	const bool templated = format_is_template(f->format);
	int r = templated ? listing_open(&l, f->format, listing_fields(FIELDS), err) : 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		_cleanup_json_ json *o = templated ? use_view(&rows[i]) : use_json(&rows[i]);

		r = templated ? listing_add(&l, cli, o, err) : cli_out_json(cli, o, err);
	}
	return r < 0 || !templated ? r : listing_close(&l, cli, f->no_trunc, err);
}

static int stats_print(struct cli *cli, const struct stats_flags *f, const struct job_stats *s, struct err *err)
{
	const struct task_use *rows;
	const size_t n = job_stats_rows(s, &rows);

	return strcmp(f->format, "table") != 0 ? stats_print_lines(cli, f, rows, n, err) : stats_print_table(cli, f, rows, n, err);
}

static int stats_look_at(struct cli *cli, struct job_stats *s, int64_t when, struct err *err)
{
	const int64_t left = (when - clock_mono()) / NSEC_PER_MSEC;
	int r = left > 0 ? loop_pause(cli->core->loop, left, &cli->ctx, err) : ctx_check(&cli->ctx, err);

	return r < 0 ? r : job_stats_look(s, &cli->ctx, err);
}

/* The first rows are of half a second. Looks keep to the clock, whatever they take. */
static int stats_follow(struct cli *cli, const struct stats_flags *f, struct job_stats *s, struct err *err)
{
	const int64_t begun = clock_mono(), first = STATS_FIRST_MS * NSEC_PER_MSEC, again = STATS_MS * NSEC_PER_MSEC;
	int there = stats_look_at(cli, s, begun, err), r = 0;

	for (int64_t next = begun + first; r >= 0 && there > 0 && !cli->out_closed;) {
		there = stats_look_at(cli, s, next, err);
		if (there >= 0)
			r = stats_print(cli, f, s, err);
		if (f->no_stream)
			break;
		next += again * (1 + (clock_mono() - next) / again);
	}
	return there < 0 ? there : r;
}

static int stats_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct stats_flags *f = opts;
	const struct job_stats_wish wish = { .names = args, .all = f->all };
	_cleanup_(listing_done) struct listing checked = { 0 };
	_cleanup_(job_stats_freep) struct job_stats *s = NULL;
	int r = format_is_template(f->format) ? listing_open(&checked, f->format, listing_fields(FIELDS), err) : 0;

	if (r >= 0)
		r = cli_core(cli, err);
	if (r >= 0)
		r = job_stats_open(cli->core, &wish, &cli->ctx, &s, err);
	if (r >= 0)
		r = stats_follow(cli, f, s, err);
	if (cli->out_closed)
		return 128 + SIGPIPE;
	if (r == -ERR_CANCELLED && !f->no_stream && cli->ctx.cancel->on) /* Ctrl-C is how one stops looking */
		return err_clear(err), 128 + cli->ctx.cancel->on;
	return r;
}

const struct command cmd_stats = {
	.name = "stats",
	.usage = "[FLAGS] [JOB[.TASK]...]",
	.summary = "What jobs use: processors, memory, network, disks",
	.text = "Of all jobs that run, or of those that are named, a row for each task, again each second until Ctrl-C,\n"
		"or until those that are named are removed. 100 % of CPU is one core; THROTTLED is in how many of its\n"
		"periods a job with --cpus was held back. Memory is without the part of the cache that goes first, and\n"
		"LIMIT is the machine's where a job has none. NET is of the whole job. What nobody counts is --, and left\n"
		"out of JSON; bytes and nanoseconds are those since the task began.",
	.examples = "  davit stats\n  davit stats --no-stream --format json web | jq .memory.used",
	.opts = opts_table,
	.words = COMPLETE_JOB,
	.max = ARGS_ANY,
	.size = sizeof(struct stats_flags),
	.init = stats_init,
	.run = stats_run,
};
