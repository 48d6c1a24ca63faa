#include "job-inspect.h"
#include "clock.h"
#include "file.h"
#include "job-row.h"
#include "netshare.h"
#include <stdlib.h>
#include <string.h>

static json *state_json(const struct job_row *row)
{
	json *o = json_new_object();

	json_put_str(o, "status", job_state_name(row->state));
	json_put_int(o, "pid", row->state == JOB_RUNNING || row->state == JOB_PAUSED ? row->pid : 0);
	if (row->state == JOB_EXITED)
		json_put_int(o, "exit_code", row->exit_code);
	json_put_time(o, "created_at", row->created_at);
	json_put_time(o, "started_at", row->started_at);
	json_put_time(o, "exited_at", row->exited_at);
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
	_cleanup_free_ char *netns = places_netns(rec->c.id);
	_cleanup_strv_ struct strv others = { 0 };
	struct cni_result result = { 0 };

	json_put_str(o, "name", row->network);
	json_put_str(o, "netns", file_exists(netns) ? netns : NULL);
	json_put_str(o, "ip", row->ip);
	json_put_str(o, "ports", row->ports);
	netshare_names(c, row->ns, rec->c.id, &others);
	if (others.n)
		json_put_strv(o, "shared_with", &others);
	if (row->ip && job_row_network(c, row->ns, rec, &result) >= 0) {
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
	_cleanup_free_ char *log = places_log(c, rec->c.id);

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
	struct task_status task;
	struct job_row row;
	int r = record_find(c, name, ctx, &rec, err);

	if (r >= 0)
		r = task_look(c, rec.c.id, ctx, &task, err);
	if (r < 0)
		return r;
	job_row_fill(c, &rec, &task, &row);
	*ret = inspect_json(c, &rec, &row);
	job_row_done(&row);
	return 0;
}
