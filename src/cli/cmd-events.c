#include "cli.h"
#include "commands.h"
#include "clock.h"
#include "job-events.h"
#include "labels.h"
#include "listing.h"
#include "mem.h"
#include "ref.h"
#include "when.h"
#include <signal.h>
#include <string.h>

struct events_flags {
	int64_t since, until;
	struct strv filters;
	const char *format;
};
#define AT(f) .at = offsetof(struct events_flags, f)

static int set_when(const struct opt *o, const char *value, void *into, struct err *err)
{
	char noun[40];

	if (!*value)
		return 0;
	(void)snprintf(noun, sizeof noun, "flag --%s", o->name);
	return when_parse(noun, value, (int64_t *)(void *)((char *)into + o->at), err);
}

static const struct opt opts_table[] = {
	{ "filter", 'f', .arg = "K=V", .help = "type, event, job (or container), image, label or set", .topic = "Flags",
	  .set = opt_list, AT(filters) },
	{ "format", .arg = "FORM", .help = "text, json (a line each), or a template such as '{{.Action}}'", .words = "text json",
	  .set = opt_format, AT(format) },
	{ "since", .arg = "TIME", .help = "With what records know from then on: a time, or 10m ago", .set = set_when, AT(since) },
	{ "until", .arg = "TIME", .help = "Up to then, instead of on and on", .set = set_when, AT(until) },
	{ 0 },
};

static void events_init(void *opts) { ((struct events_flags *)opts)->format = "text"; }

static void events_done(void *opts) { strv_done(&((struct events_flags *)opts)->filters); }

/* What people have given it. */
static json *own_labels(const struct dict *labels)
{
	json *o = json_new_object();

	for (size_t i = 0; i < labels->n; i++)
		if (strncmp(labels->v[i].key, LABEL_PREFIX, strlen(LABEL_PREFIX)) != 0 &&
		    strncmp(labels->v[i].key, "containerd.io/", 14) != 0 && strncmp(labels->v[i].key, "io.containerd.", 14) != 0)
			json_put_str(o, labels->v[i].key, labels->v[i].value);
	return o;
}

static json *event_json(const struct job_event *e)
{
	json *o = json_new_object();
	const char *code = dict_get(&e->more, "exit_code");

	json_put_time(o, "time", e->at);
	json_put_str(o, "type", e->of_image ? "image" : "job");
	json_put_str(o, "event", e->what);
	json_put_str(o, "name", e->of_image ? e->id : e->name);
	if (e->of_image)
		return o;
	json_put_str(o, "id", e->id);
	json_put_str(o, "job", e->job);
	json_put_str(o, "image", e->image);
	for (size_t i = 0; i < e->more.n; i++)
		if (strcmp(e->more.v[i].key, "exit_code") != 0)
			json_put_str(o, e->more.v[i].key, e->more.v[i].value);
	if (code)
		json_put_int(o, "exit_code", (int64_t)strtol(code, NULL, 10));
	json_put(o, "labels", own_labels(&e->labels));
	return o;
}

/* Docker's names for the same. */
static void event_view(json *o, const struct job_event *e)
{
	json *actor = json_new_object(), *attributes = e->of_image ? json_new_object() : own_labels(&e->labels);
	const char *code = dict_get(&e->more, "exit_code"), *health = dict_get(&e->more, "health");
	_cleanup_free_ char *action = health ? mem_printf("%s: %s", e->what, health) : mem_strdup(e->what);

	json_put_str(attributes, "name", e->of_image ? e->id : e->name);
	json_put_str(attributes, "image", e->of_image ? NULL : e->image);
	json_put_str(attributes, "exitCode", code);
	json_put_str(attributes, "execID", dict_get(&e->more, "exec_id"));
	json_put_str(attributes, "oldName", dict_get(&e->more, "old_name"));
	json_put_str(actor, "ID", e->id);
	json_put(actor, "Attributes", attributes);
	json_put(o, "Actor", actor);
	json_put_str(o, "Type", e->of_image ? "image" : "container");
	json_put_str(o, "Action", action);
	json_put_str(o, "Status", action);
	json_put_str(o, "ID", e->id);
	json_put_str(o, "From", e->image ? e->image : "");
	json_put_str(o, "Scope", "local");
	json_put_int(o, "Time", e->at / NSEC_PER_SEC);
	json_put_int(o, "TimeNano", e->at);
}

#define FIELDS \
	"Type Action Status ID From Scope Actor Time TimeNano time type event name id job image exit_code exec_id old_name " \
	"health labels"

/* "TIME job die web (image=busybox, exit_code=137)" */
static int event_print_text(struct cli *cli, const struct job_event *e, struct err *err)
{
	_cleanup_buf_ struct buf line = { 0 };
	char at[CLOCK_TEXT];
	bool open = false;

	buf_addf(&line, "%s %s %s %s", clock_rfc3339(e->at, at), e->of_image ? "image" : "job", e->what,
		 e->of_image ? ref_familiar(e->id) : e->name);
	if (!e->of_image && e->image) {
		buf_addf(&line, " (image=%s", ref_familiar(e->image));
		open = true;
	}
	for (size_t i = 0; i < e->more.n; i++, open = true)
		buf_addf(&line, "%s%s=%s", open ? ", " : " (", e->more.v[i].key, e->more.v[i].value);
	buf_adds(&line, open ? ")\n" : "\n");
	return cli_out(cli, line.data, line.len, err);
}

static int event_print(struct cli *cli, const struct job_event *e, struct listing *l, bool as_json, struct err *err)
{
	_cleanup_json_ json *o = NULL;

	if (!l->t && !as_json)
		return event_print_text(cli, e, err);
	o = event_json(e);
	if (!l->t)
		return cli_out_json(cli, o, err);
	event_view(o, e);
	return listing_add(l, cli, o, err);
}

static int events_print(struct cli *cli, struct job_events *events, struct listing *l, bool as_json, struct err *err)
{
	for (;;) {
		struct job_event e;
		int r = job_events_next(events, &cli->ctx, &e, err);

		if (r <= 0)
			return r;
		r = event_print(cli, &e, l, as_json, err);
		job_event_done(&e);
		if (r < 0 || cli->out_closed)
			return r < 0 ? r : 128 + SIGPIPE;
	}
}

static int events_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct events_flags *f = opts;
	const struct job_events_how how = { .since = f->since, .until = f->until, .filters = &f->filters };
	_cleanup_(job_events_freep) struct job_events *events = NULL;
	_cleanup_(listing_done) struct listing l = { 0 };
	int r = format_is_template(f->format) ? listing_open(&l, f->format, listing_fields(FIELDS), err) : 0;

	(void)args;
	if (r >= 0 && l.table)
		r = err_set(err, ERR_INVALID, "flag --format: events have no end, so no table");
	if (r >= 0)
		r = cli_core(cli, err);
	if (r >= 0)
		r = job_events_new(cli->core, &how, &cli->ctx, &events, err);
	if (r >= 0)
		r = events_print(cli, events, &l, f->format[0] == 'j', err);
	if (r == -ERR_CANCELLED && cli->ctx.cancel->on) /* Ctrl-C is how one stops listening */
		return err_clear(err), 128 + cli->ctx.cancel->on;
	return r;
}

const struct command cmd_events = {
	.name = "events",
	.usage = "[FLAGS]",
	.summary = "Print what happens to jobs and images, as it happens",
	.text = "A line for each event of a job (create, start, die, oom, pause, unpause, rename, update, destroy, exec_create,\n"
		"exec_start, exec_die) or of an image (create, update, delete). It goes on when containerd was away: what "
		"happened\n"
		"meanwhile is told then. Nothing is kept of events, so --since tells what the records of the jobs that are there "
		"still\n"
		"know: when they were created, and last started and ended.",
	.examples = "  davit events --filter job=web\n  davit events --since 1h --until 0s --filter event=die\n"
		    "  davit events --format json | jq -r 'select(.event==\"die\").name'",
	.opts = opts_table,
	.size = sizeof(struct events_flags),
	.init = events_init,
	.done = events_done,
	.run = events_run,
};
