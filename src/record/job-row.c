#include "job-row.h"
#include "json-span.h"
#include "clock.h"
#include "health-log.h"
#include "job-exit.h"
#include "job-name.h"
#include "job-order.h"
#include "job-pod.h"
#include "mem.h"
#include "monitored.h"
#include "netshare.h"
#include "process.h"
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = { "created", "running", "paused", "restarting", "exited", "unknown" };

const char *job_state_name(enum job_state s) { return state_names[s]; }

bool job_state_is_active(enum job_state s) { return s != JOB_CREATED && s != JOB_EXITED; }

bool job_state_exists(const char *name)
{
	for (size_t i = 0; i < sizeof state_names / sizeof *state_names; i++)
		if (!strcmp(state_names[i], name))
			return true;
	return false;
}

void job_row_done(struct job_row *r)
{
	char *const owned[] = { r->ns, r->name, r->id, r->image, r->command, r->runtime, r->network, r->ip, r->ports, r->mounts };

	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
		free(owned[i]);
	dict_done(&r->labels);
}

/* How many of the @n ports from @p on make a range. */
static size_t range_of(const struct port *p, size_t n)
{
	const char *ip = p->host_ip ? p->host_ip : "";
	size_t i = 1;

	while (i < n && p[i].host == p->host + i && p[i].inside == p->inside + i && p[i].proto == p->proto &&
	       !strcmp(p[i].host_ip ? p[i].host_ip : "", ip))
		i++;
	return i;
}

static void add_range(struct buf *b, unsigned first, size_t n)
{
	buf_addf(b, "%u", first);
	if (n > 1)
		buf_addf(b, "-%zu", first + n - 1);
}

/* "0.0.0.0:8080-8090->80-90/tcp, [::1]:53->53/udp" */
static char *ports_text(const struct job *job)
{
	struct buf b = { 0 };

	for (size_t i = 0, n; i < job->n_ports; i += n) {
		const struct port *p = &job->ports[i];
		const char *ip = p->host_ip ? p->host_ip : "0.0.0.0";
		bool v6 = strchr(ip, ':') != NULL;

		n = range_of(p, job->n_ports - i);
		buf_addf(&b, "%s%s%s%s:", i ? ", " : "", v6 ? "[" : "", ip, v6 ? "]" : "");
		add_range(&b, p->host, n);
		buf_adds(&b, "->");
		add_range(&b, p->inside, n);
		buf_addf(&b, "/%s", port_proto_name(p->proto));
	}
	return buf_take(&b);
}

/* As of before it is decided: a job that has no network yet has no text either. */
static char *networks_text(const struct job *job)
{
	struct buf b = { 0 };

	if (!job || !job->network)
		return NULL;
	buf_adds(&b, job->network);
	for (size_t i = 0; i < job->n_networks; i++)
		buf_addf(&b, ",%s", job->networks[i].name);
	return buf_take(&b);
}

/* Of tasks @from to @to. */
static char *mounts_text(const struct job *job, size_t from, size_t to)
{
	_cleanup_strv_ struct strv names = { 0 };

	for (size_t t = from; t < to && t < job->n_tasks; t++)
		for (size_t i = 0; i < job->tasks[t].n_mounts; i++)
			if (job->tasks[t].mounts[i].source)
				strv_push(&names, job->tasks[t].mounts[i].source);
	return strv_join(&names, ",");
}

/* The command as it runs: the spec's process, on one line. */
static char *command_text(const struct ctrd_container *c)
{
	const char *process = buf_str(&c->spec.value);
	size_t n = c->spec.value.len;
	_cleanup_json_ json *what = NULL;
	_cleanup_strv_ struct strv args = { 0 };

	/* of a thousand jobs the whole specs cost more than all else of a list */
	if (json_span(&process, &n, "process") && json_parse(process, n, &what, NULL) >= 0)
		json_get_strv(what, "args", &args);
	return strv_join(&args, " ");
}

int job_row_network(const struct core *c, const char *ns, const struct record *rec, struct cni_result *ret)
{
	_cleanup_free_ char *owner = NULL;

	if (!rec->job || !rec->job->network || job_foreign_netns(rec->job))
		return -ERR_NOT_FOUND;
	if (!job_joins(rec->job))
		return cni_cached_result(&c->conf.cni, rec->job->network, rec->c.id, "eth0", ret, NULL);
	owner = netshare_owner(c, ns, rec->c.id);
	return cni_first_result(&c->conf.cni, owner, ret, NULL);
}

static void row_address(const struct core *c, const char *ns, const struct record *rec, struct job_row *row)
{
	struct cni_result result = { 0 };

	if (job_row_network(c, ns, rec, &result) < 0)
		return;
	if (result.n_ips)
		row->ip = mem_strndup(result.ips[0].address, strcspn(result.ips[0].address, "/"));
	cni_result_done(&result);
}

static enum job_state state_of_task(enum task_state s)
{
	static const enum job_state states[] = {
		[TASK_UNKNOWN] = JOB_UNKNOWN, [TASK_ABSENT] = JOB_EXITED, [TASK_CREATED] = JOB_CREATED,
		[TASK_LIVE] = JOB_RUNNING,    [TASK_PAUSED] = JOB_PAUSED, [TASK_STOPPED] = JOB_EXITED,
	};

	return states[s];
}

/* What the task itself says; false: it is gone, and its record knows. */
static bool row_state_of_task(const struct task_status *t, struct job_row *row)
{
	if (t->state == TASK_ABSENT)
		return false;
	row->pid = t->pid;
	row->state = state_of_task(t->state);
	row->exit_code = (int)t->exit.status;
	row->exited_at = t->state == TASK_STOPPED ? t->exit.at : 0;
	row->started_at = process_started(t->pid);
	return true;
}

static void row_state(const struct record *job, const struct task_status *t, bool known, struct job_row *row)
{
	const char *began = dict_get(&job->c.labels, RECORD_STARTED);

	if (row_state_of_task(t, row))
		;
	else if (known) {
		row->state = JOB_EXITED;
	} else if (began) { /* ended while the machine or containerd was down */
		row->state = JOB_EXITED;
		row->exit_code = EXIT_LOST;
	} else {
		row->state = JOB_CREATED;
	}
	if (row->state == JOB_EXITED && !row->started_at && began) /* no process is left to ask */
		(void)clock_parse(began, &row->started_at, NULL);
}

/* How much a state says of the job that one of its tasks has. */
static int weight_of(enum task_state s)
{
	static const int weights[] = {
		[TASK_ABSENT] = 0, [TASK_STOPPED] = 1, [TASK_CREATED] = 2, [TASK_PAUSED] = 3, [TASK_UNKNOWN] = 4, [TASK_LIVE] = 5
	};

	return weights[s];
}

/* The one status that stands for all: of the task that speaks for the job, or of one that goes on longer. */
static struct task_status status_of_all(const struct record *rec, const struct task_status *tasks, size_t n)
{
	_cleanup_free_ struct ctrd_exit *exits = mem_array(struct ctrd_exit, n);
	const size_t main_task = rec->job && n > 1 ? job_main_task(rec->job) : 0;
	struct task_status ret = tasks[main_task < n ? main_task : 0];

	for (size_t i = 0; i < n; i++) {
		exits[i] = tasks[i].exit;
		if (weight_of(tasks[i].state) > weight_of(ret.state))
			ret = tasks[i];
	}
	if (ret.state == TASK_STOPPED && n > 1) {
		ret.exit = job_exit_of(rec->job, exits, n);
		ret.exit.at = ret.exit.at ? ret.exit.at : exits[0].at;
	}
	return ret;
}

static void row_describe(const struct core *c, const struct record *job, const struct ctrd_container *own, char *name,
			 struct job_row *row)
{
	*row = (struct job_row){ .ns = mem_strdup(c->conf.ns),
				 .name = name,
				 .id = mem_strdup(own->id),
				 .image = mem_strdup(own->image ? own->image : ""),
				 .command = command_text(own),
				 .runtime = mem_strdup(own->runtime),
				 .network = networks_text(job->job),
				 .created_at = own->created_at,
				 .n_tasks = 1,
				 .size = -1 };
	dict_add(&row->labels, &own->labels);
	row_address(c, c->conf.ns, job, row);
}

/* A pod's own container, the sandbox, says nothing of what it is for. */
static void describe_pod(const struct job *job, struct job_row *row)
{
	const struct task *t = &job->tasks[job_main_task(job)];

	free(row->image);
	free(row->command);
	row->image = mem_strdup(t->image ? t->image : "");
	row->command = strv_join(&t->args, " ");
}

static bool row_lives(const struct task_status *t) { return t->state == TASK_LIVE || t->state == TASK_PAUSED; }

/* Of task @i, whose labels are @labels where they are at hand; else its checks know. */
static enum health_state health_of_task(const struct core *c, const struct record *job, size_t i, const struct dict *labels)
{
	const char *life = monitored_life(job, i);
	const struct task *t = job->job && i < job->job->n_tasks ? &job->job->tasks[i] : NULL;
	_cleanup_(health_log_done) struct health_log log = { 0 };
	_cleanup_free_ char *id = NULL;

	if (!t || !task_is_checked(t))
		return HEALTH_UNKNOWN;
	if (labels)
		return health_on_record(t, dict_get(labels, RECORD_HEALTH), life).state;
	id = job_id_task(job->c.id, i);
	return health_log_read(c, id, life, &log) ? log.health.state : HEALTH_STARTING;
}

static enum health_state health_of_job(const struct core *c, const struct record *rec, const struct task_status *tasks, size_t n)
{
	static const int weights[] = { [HEALTH_UNKNOWN] = 0, [HEALTH_HEALTHY] = 1, [HEALTH_STARTING] = 2, [HEALTH_UNHEALTHY] = 3 };
	enum health_state worst = HEALTH_UNKNOWN;

	for (size_t i = 0; i < n; i++) {
		const enum health_state its =
			row_lives(&tasks[i]) ? health_of_task(c, rec, i, i ? NULL : &rec->c.labels) : HEALTH_UNKNOWN;

		worst = weights[its] > weights[worst] ? its : worst;
	}
	return worst;
}

void job_row_fill(const struct core *c, const struct record *rec, const struct task_status *tasks, size_t n, struct job_row *row)
{
	const struct task_status all = status_of_all(rec, tasks, n);

	row_describe(c, rec, &rec->c, mem_strdup(rec->name), row);
	if (rec->job && job_is_pod(rec->job))
		describe_pod(rec->job, row);
	row->n_tasks = n;
	for (size_t i = 0; i < n; i++)
		row->n_running += tasks[i].state == TASK_LIVE || tasks[i].state == TASK_PAUSED;
	row->ports = rec->job ? ports_text(rec->job) : mem_strdup("");
	row->mounts = rec->job ? mounts_text(rec->job, 0, rec->job->n_tasks) : mem_strdup("");
	row_state(rec, &all, record_exit(rec, &row->exit_code, &row->exited_at), row);
	row->restarts = monitored_restarts(rec);
	row->health = health_of_job(c, rec, tasks, n);
	if (row->state == JOB_EXITED && monitored_is_restarting(rec, tasks, n))
		row->state = JOB_RESTARTING;
}

void job_row_fill_task(const struct core *c, const struct record *job, const struct record *task, const struct task_status *t,
		       struct job_row *row)
{
	struct ctrd_exit exit = { 0 };
	const bool known = record_task_exit(task, &exit);

	row_describe(c, job, &task->c, record_task_name(job, task->task), row);
	row->ports = mem_strdup("");
	row->mounts = job->job ? mounts_text(job->job, task->task, task->task + 1) : mem_strdup("");
	row->exit_code = (int)exit.status;
	row->exited_at = exit.at;
	row_state(job, t, known, row);
	row->health = row_lives(t) ? health_of_task(c, job, task->task, &task->c.labels) : HEALTH_UNKNOWN;
	row->n_running = row->state == JOB_RUNNING || row->state == JOB_PAUSED;
}
