/* ps and inspect: records and tasks, put together. */
#include "clock.h"
#include "file.h"
#include "job-ops.h"
#include "mem.h"
#include "namespaces.h"
#include "netshare.h"
#include "record.h"
#include "ref.h"
#include "snapshots.h"
#include "tasks.h"
#include <regex.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = { "created", "running", "paused", "exited", "unknown" };
enum { N_STATES = sizeof state_names / sizeof *state_names };

const char *job_state_name(enum job_state s) { return state_names[s]; }

static void row_done(struct job_row *r)
{
	char *const owned[] = { r->ns, r->name, r->id, r->image, r->command, r->runtime, r->network, r->ip, r->ports, r->mounts };

	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
		free(owned[i]);
	dict_done(&r->labels);
}

void job_rows_done(struct job_rows *l)
{
	for (size_t i = 0; i < l->n; i++)
		row_done(&l->v[i]);
	free(l->v);
	*l = (struct job_rows){ 0 };
}

/* When process @pid started, by the wall clock; 0 when it is not to be seen. proc(5): field 22 of stat, in ticks since boot.
 * To the tick: what is finer comes from the two clocks being read one after the other, and would differ each time. */
static int64_t started_at(pid_t pid)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_free_ char *path = mem_printf("/proc/%d/stat", (int)pid);
	const int64_t tick = NSEC_PER_SEC / sysconf(_SC_CLK_TCK);
	unsigned long long ticks = 0;
	struct timespec boot;
	int64_t booted_at;
	const char *p;

	if (pid <= 0 || file_read(path, 4096, &b, NULL) < 0 || !(p = strrchr(buf_str(&b), ')')))
		return 0;
	for (int field = 2; *p && field < 22; p++)
		field += *p == ' ';
	ticks = strtoull(p, NULL, 10);
	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	booted_at = clock_wall() - (boot.tv_sec * NSEC_PER_SEC + boot.tv_nsec);
	return (booted_at + tick / 2) / tick * tick + (int64_t)ticks * tick;
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

static char *mounts_text(const struct job *job)
{
	_cleanup_strv_ struct strv names = { 0 };

	for (size_t t = 0; t < job->n_tasks; t++)
		for (size_t i = 0; i < job->tasks[t].n_mounts; i++)
			if (job->tasks[t].mounts[i].source)
				strv_push(&names, job->tasks[t].mounts[i].source);
	return strv_join(&names, ",");
}

/* The command as it runs: the spec's process, on one line. */
static char *command_text(const struct ctrd_container *c)
{
	_cleanup_json_ json *spec = NULL;
	_cleanup_strv_ struct strv args = { 0 };

	if (json_parse(buf_str(&c->spec.value), c->spec.value.len, &spec, NULL) >= 0)
		json_get_strv(json_get_object(spec, "process"), "args", &args);
	return strv_join(&args, " ");
}

/* What its network says, or that of the job whose network it is in. */
static int result_of(const struct core *c, const char *ns, const struct record *rec, struct cni_result *ret)
{
	_cleanup_free_ char *owner = NULL;

	if (!rec->job || !rec->job->network)
		return -ERR_NOT_FOUND;
	if (!job_joins(rec->job))
		return cni_cached_result(&c->conf.cni, rec->job->network, rec->c.id, "eth0", ret, NULL);
	owner = netshare_owner(c, ns, rec->c.id);
	return cni_first_result(&c->conf.cni, owner, ret, NULL);
}

static void row_address(const struct core *c, const char *ns, const struct record *rec, struct job_row *row)
{
	struct cni_result result = { 0 };

	if (result_of(c, ns, rec, &result) < 0)
		return;
	if (result.n_ips)
		row->ip = mem_strndup(result.ips[0].address, strcspn(result.ips[0].address, "/"));
	cni_result_done(&result);
}

static void row_state(const struct record *rec, const struct ctrd_process *p, struct job_row *row)
{
	const char *began = dict_get(&rec->c.labels, RECORD_STARTED);

	if (p) {
		row->pid = p->pid;
		row->state = p->status == CTRD_RUNNING   ? JOB_RUNNING
			     : p->status == CTRD_STOPPED ? JOB_EXITED
			     : p->status == CTRD_CREATED ? JOB_CREATED
			     : p->status == CTRD_UNKNOWN ? JOB_UNKNOWN
							 : JOB_PAUSED;
		row->exit_code = (int)p->exit_status;
		row->exited_at = p->status == CTRD_STOPPED ? p->exited_at : 0;
		row->started_at = started_at(p->pid);
	} else if (record_exit(rec, &row->exit_code, &row->exited_at)) {
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

static void row_fill(const struct core *c, const char *ns, const struct record *rec, const struct ctrd_process *p,
		     struct job_row *row)
{
	*row = (struct job_row){ .ns = mem_strdup(ns),
				 .name = mem_strdup(rec->name),
				 .id = mem_strdup(rec->c.id),
				 .image = mem_strdup(rec->c.image),
				 .command = command_text(&rec->c),
				 .runtime = mem_strdup(rec->c.runtime),
				 .network = mem_strdup(rec->job ? rec->job->network : NULL),
				 .created_at = rec->c.created_at,
				 .ports = rec->job ? ports_text(rec->job) : mem_strdup(""),
				 .mounts = rec->job ? mounts_text(rec->job) : mem_strdup(""),
				 .size = -1 };
	dict_add(&row->labels, &rec->c.labels);
	row_state(rec, p, row);
	row_address(c, ns, rec, row);
}

static const struct ctrd_process *task_of(const struct ctrd_processes *tasks, const char *id)
{
	for (size_t i = 0; i < tasks->n; i++)
		if (!strcmp(tasks->v[i].id, id))
			return &tasks->v[i];
	return NULL;
}

/* Filters, as `docker ps --filter` has them. */

static bool match_label(const struct job_row *row, const char *value)
{
	_cleanup_free_ char *key = mem_strndup(value, strcspn(value, "="));
	const char *has = dict_get(&row->labels, key), *wants = strchr(value, '=');

	return has && (!wants || !strcmp(has, wants + 1));
}

static bool match_image(const struct job_row *row, const char *value)
{
	struct ref ref = { 0 };
	bool same = ref_parse(value, &ref, NULL) >= 0 && !strcmp(ref.name, row->image);

	ref_done(&ref);
	return same;
}

static bool match_name(const struct job_row *row, const char *value)
{
	regex_t name;
	bool met;

	if (regcomp(&name, value, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	met = regexec(&name, row->name, 0, NULL, 0) == 0;
	regfree(&name);
	return met;
}

static bool match_id(const struct job_row *row, const char *value) { return !strncmp(row->id, value, strlen(value)); }
static bool match_status(const struct job_row *row, const char *value) { return !strcmp(job_state_name(row->state), value); }
static bool match_network(const struct job_row *row, const char *value) { return row->network && !strcmp(row->network, value); }
static bool match_exited(const struct job_row *row, const char *value)
{
	return row->state == JOB_EXITED && row->exit_code == (int)strtol(value, NULL, 10);
}

static int check_name(const char *value, struct err *err)
{
	regex_t name;
	char why[100];
	int r = regcomp(&name, value, REG_EXTENDED | REG_NOSUB);

	(void)regerror(r, &name, why, sizeof why);
	if (r)
		return err_set(err, ERR_INVALID, "filter \"name=%.80s\": %s", value, why);
	regfree(&name);
	return 0;
}

static int check_status(const char *value, struct err *err)
{
	for (size_t i = 0; i < N_STATES; i++)
		if (!strcmp(state_names[i], value))
			return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "filter \"status=%.80s\": there is no such status", value),
			"there are created, running, paused, exited and unknown");
}

static int check_exited(const char *value, struct err *err)
{
	if (*value && strspn(value, "0123456789") == strlen(value))
		return 0;
	return err_set(err, ERR_INVALID, "filter \"exited=%.80s\": not an exit status", value);
}

static const struct {
	const char *key;
	bool (*match)(const struct job_row *, const char *value);
	int (*check)(const char *value, struct err *err); /* NULL: whatever it is */
} filters[] = {
	{ "name", match_name, check_name },       { "id", match_id, NULL },          { "status", match_status, check_status },
	{ "label", match_label, NULL },           { "ancestor", match_image, NULL }, { "network", match_network, NULL },
	{ "exited", match_exited, check_exited },
};
enum { N_FILTERS = sizeof filters / sizeof *filters };

static int filter_index(const char *text, size_t *ret, struct err *err)
{
	size_t n = strcspn(text, "=");
	int r;

	for (size_t i = 0; text[n] && i < N_FILTERS; i++)
		if (strlen(filters[i].key) == n && !strncmp(filters[i].key, text, n)) {
			*ret = i;
			return 0;
		}
	r = err_set(err, ERR_INVALID, "filter \"%.80s\": not KEY=VALUE of a known key", text);
	return err_hint(err, r, "keys are name, id, status, label, ancestor, network, exited");
}

/* Values of one key are alternatives; keys add up. */
static int filter_row(const struct job_row *row, const struct strv *f, struct err *err)
{
	bool asked[N_FILTERS] = { 0 }, met[N_FILTERS] = { 0 };

	for (size_t i = 0; f && i < f->n; i++) {
		size_t k;
		int r = filter_index(f->v[i], &k, err);

		if (r < 0)
			return r;
		asked[k] = true;
		met[k] |= filters[k].match(row, strchr(f->v[i], '=') + 1);
	}
	for (size_t k = 0; k < N_FILTERS; k++)
		if (asked[k] && !met[k])
			return 0;
	return 1;
}

static bool asks_status(const struct strv *f)
{
	for (size_t i = 0; f && i < f->n; i++)
		if (!strncmp(f->v[i], "status=", 7) || !strncmp(f->v[i], "exited=", 7))
			return true;
	return false;
}

static int check_filters(const struct strv *f, struct err *err)
{
	size_t k = 0;

	for (size_t i = 0; f && i < f->n; i++) {
		int r = filter_index(f->v[i], &k, err);

		if (r >= 0 && filters[k].check)
			r = filters[k].check(strchr(f->v[i], '=') + 1, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What was never complete is no job yet, and a --rm job that has ended is one no more. */
static bool is_listed(const struct record *rec, const struct job_row *row)
{
	return row->state == JOB_RUNNING || row->state == JOB_PAUSED || row->state == JOB_UNKNOWN ||
	       dict_get(&rec->c.labels, RECORD_COMPLETE) != NULL;
}

static bool rec_has_layer(const struct record *rec) { return rec->c.snapshotter && rec->c.snapshot_key && *rec->c.snapshot_key; }

static bool has_record(const struct records *recs, const char *id)
{
	for (size_t i = 0; i < recs->n; i++)
		if (!strcmp(recs->v[i].c.id, id))
			return true;
	return false;
}

/* Claims that nobody works on, and that came to no record. */
static size_t count_claims(struct core *c, const struct records *recs, const struct ctx *ctx)
{
	_cleanup_(ctrd_leases_done) struct ctrd_leases leases = { 0 };
	size_t n = 0;

	if (leases_list(c->ctrd, "labels.\"" CLAIM_JOB "\"", ctx, &leases, NULL) < 0)
		return 0;
	for (size_t i = 0; i < leases.n; i++) {
		const char *name = dict_get(&leases.v[i].labels, CLAIM_JOB), *id = dict_get(&leases.v[i].labels, CLAIM_ID);

		n += name && id && !has_record(recs, id) && !claim_locked(c, name);
	}
	return n;
}

static int list_namespace(struct core *c, const char *ns, const struct job_filter *f, const struct ctx *ctx, struct job_rows *out,
			  struct err *err)
{
	_cleanup_(records_done) struct records recs = { 0 };
	_cleanup_(ctrd_processes_done) struct ctrd_processes tasks = { 0 };
	bool all = f->all || f->last || asks_status(f->filters), counts = f->all && !strcmp(ns, c->conf.ns);
	int r = record_list(c, ctx, &recs, err);

	if (r >= 0)
		r = tasks_list(c->ctrd, ctx, &tasks, err);
	for (size_t i = 0; r >= 0 && i < recs.n; i++) {
		struct job_row row;

		row_fill(c, ns, &recs.v[i], task_of(&tasks, recs.v[i].c.id), &row);
		if (counts && !is_listed(&recs.v[i], &row) && !claim_locked(c, recs.v[i].name))
			out->left++;
		r = is_listed(&recs.v[i], &row) && (all || (row.state != JOB_EXITED && row.state != JOB_CREATED))
			    ? filter_row(&row, f->filters, err)
			    : 0;
		if (r <= 0) {
			row_done(&row);
			continue;
		}
		if (f->sizes && rec_has_layer(&recs.v[i]))
			(void)snapshots_usage(c->ctrd, recs.v[i].c.snapshotter, recs.v[i].c.snapshot_key, ctx, &row.size, NULL);
		out->v = mem_resize(out->v, (out->n + 1) * sizeof *out->v);
		out->v[out->n++] = row;
	}
	if (r >= 0 && counts)
		out->left += count_claims(c, &recs, ctx);
	return r < 0 ? r : 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct job_row *x = a, *y = b;

	return (x->created_at < y->created_at) - (x->created_at > y->created_at);
}

static int list_all(struct core *c, const struct job_filter *f, const struct ctx *ctx, struct job_rows *out, struct err *err)
{
	_cleanup_(ctrd_namespaces_done) struct ctrd_namespaces ns = { 0 };
	_cleanup_free_ char *own = mem_strdup(ctrd_namespace(c->ctrd));
	int r = namespaces_list(c->ctrd, ctx, &ns, err);

	for (size_t i = 0; r >= 0 && i < ns.n; i++) {
		ctrd_set_namespace(c->ctrd, ns.v[i].name);
		r = list_namespace(c, ns.v[i].name, f, ctx, out, err);
	}
	ctrd_set_namespace(c->ctrd, own);
	return r;
}

int job_list(struct core *c, const struct job_filter *f, const struct ctx *ctx, struct job_rows *ret, struct err *err)
{
	struct job_rows rows = { 0 };
	int r = check_filters(f->filters, err);

	if (r >= 0)
		r = f->all_namespaces ? list_all(c, f, ctx, &rows, err) : list_namespace(c, c->conf.ns, f, ctx, &rows, err);
	if (r < 0) {
		job_rows_done(&rows);
		return r;
	}
	if (rows.n)
		qsort(rows.v, rows.n, sizeof *rows.v, newest_first);
	while (f->last && rows.n > f->last)
		row_done(&rows.v[--rows.n]);
	*ret = rows;
	return 0;
}

int job_count_elsewhere(struct core *c, const struct ctx *ctx, size_t *ret_n, char **ret_ns, struct err *err)
{
	_cleanup_(job_rows_done) struct job_rows rows = { 0 };
	const struct job_filter all = { .all = true, .all_namespaces = true };
	const char *first = NULL;
	size_t n = 0;
	int r = job_list(c, &all, ctx, &rows, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < rows.n; i++) {
		if (!strcmp(rows.v[i].ns, c->conf.ns))
			continue;
		first = first ? first : rows.v[i].ns;
		n++;
	}
	*ret_n = n;
	if (ret_ns)
		*ret_ns = mem_strdup(first);
	return 0;
}

static void put_time(json *o, const char *key, int64_t at)
{
	char text[CLOCK_TEXT];

	if (at)
		json_put_str(o, key, clock_rfc3339(at, text));
}

static json *state_json(const struct job_row *row)
{
	json *o = json_new_object();

	json_put_str(o, "status", job_state_name(row->state));
	json_put_int(o, "pid", row->state == JOB_RUNNING || row->state == JOB_PAUSED ? row->pid : 0);
	if (row->state == JOB_EXITED)
		json_put_int(o, "exit_code", row->exit_code);
	put_time(o, "created_at", row->created_at);
	put_time(o, "started_at", row->started_at);
	put_time(o, "exited_at", row->exited_at);
	return o;
}

/* The 24 of 10.89.0.5/24. */
static int prefix_of(const struct cni_result *r)
{
	const char *slash = r->n_ips ? strchr(r->ips[0].address, '/') : NULL;

	return slash ? (int)strtol(slash + 1, NULL, 10) : 0;
}

static json *network_json(const struct core *c, const struct record *rec, const struct job_row *row)
{
	json *o = json_new_object();
	_cleanup_free_ char *netns = record_netns(rec->c.id);
	_cleanup_strv_ struct strv others = { 0 };
	struct cni_result result = { 0 };

	json_put_str(o, "name", row->network);
	json_put_str(o, "netns", file_exists(netns) ? netns : NULL);
	json_put_str(o, "ip", row->ip);
	json_put_str(o, "ports", row->ports);
	netshare_names(c, row->ns, rec->c.id, &others);
	if (others.n)
		json_put_strv(o, "shared_with", &others);
	if (row->ip && result_of(c, row->ns, rec, &result) >= 0) {
		json_put_str(o, "mac", result.mac);
		json_put_str(o, "bridge", result.bridge);
		json_put_str(o, "gateway", result.n_ips ? result.ips[0].gateway : NULL);
		json_put_int(o, "prefix", prefix_of(&result));
		cni_result_done(&result);
	}
	return o;
}

static json *inspect_json(const struct core *c, const struct record *rec, const struct job_row *row)
{
	json *o = json_new_object(), *spec = NULL;
	_cleanup_free_ char *log = record_log_path(c, rec->c.id);

	json_put_str(o, "id", row->id);
	json_put_str(o, "name", row->name);
	json_put_str(o, "namespace", row->ns);
	json_put_str(o, "image", row->image);
	json_put_str(o, "runtime", row->runtime);
	json_put_str(o, "snapshotter", rec->c.snapshotter);
	json_put(o, "state", state_json(row));
	json_put(o, "network", network_json(c, rec, row));
	json_put_str(o, "log_path", file_exists(log) ? log : NULL);
	json_put_dict(o, "labels", &rec->c.labels);
	if (rec->job)
		json_put(o, "job", job_to_json(rec->job));
	if (json_parse(buf_str(&rec->c.spec.value), rec->c.spec.value.len, &spec, NULL) >= 0)
		json_put(o, "spec", spec);
	return o;
}

int job_inspect(struct core *c, const char *name, const struct ctx *ctx, json **ret, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	struct ctrd_process p = { 0 };
	struct job_row row;
	int r = record_find(c, name, ctx, &rec, err), task;

	if (r < 0)
		return r;
	task = tasks_get(c->ctrd, rec.c.id, NULL, ctx, &p, err);
	if (task < 0 && task != -ERR_NOT_FOUND)
		return task;
	err_clear(err);
	row_fill(c, c->conf.ns, &rec, task < 0 ? NULL : &p, &row);
	*ret = inspect_json(c, &rec, &row);
	row_done(&row);
	ctrd_process_done(&p);
	return 0;
}
