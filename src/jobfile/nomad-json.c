/* Nomad's JSON, as its API has it and `nomad job run -output` and `nomad job inspect` print it, into the tree that HCL gives
 * (hcl.h): keys in capitals become those of a job file, lists of objects with a name become blocks with a label. Go writes every
 * key, so what is null, empty, zero or false is as though absent, but for the few rows where zero says something. Source: struct
 * tags of the types in Nomad's api/jobs.go, tasks.go, resources.go, services.go. */
#include "nomad.h"
#include "mem.h"
#include <ctype.h>
#include <string.h>

enum json_form {
	AS_VALUE,
	AS_BLOCK,
	AS_BLOCKS,   /* a list of them */
	AS_LABELLED, /* the same, each with a label: its member @label */
	AS_NAMED,    /* an object whose members are blocks, their names labels */
	AS_NOTHING,  /* what a server keeps there */
};

struct json_block;
struct json_key {
	const char *json, *hcl; /* NULL: the same in small letters, words parted by "_" */
	enum json_form form;
	const struct json_block *block; /* of what is in it. NULL: nothing there is called otherwise */
	const char *label;
	bool zero; /* zero, false or an empty text says something */
};
struct json_block {
	const struct json_key *keys;
	size_t n;
	bool raw; /* keys that people chose, and values */
};

#define JSON_BLOCK(rows) \
	{ \
		.keys = rows, .n = sizeof rows / sizeof *rows \
	}

/* clang-format off */
static const struct json_block json_raw = { .raw = true };

#define JSON_PLACEMENT \
	{ "Constraints", "constraint", .form = AS_BLOCKS }, { "Affinities", "affinity", .form = AS_BLOCKS }, \
	{ "Spreads", "spread", .form = AS_BLOCKS }

static const struct json_key json_port_keys[] = { { "Label", .form = AS_NOTHING }, { "Value", .hcl = "static" } };
static const struct json_block json_port = JSON_BLOCK(json_port_keys);

static const struct json_key json_network_keys[] = {
	{ "ReservedPorts", "port", .form = AS_LABELLED, .block = &json_port, .label = "Label" },
	{ "DynamicPorts", "port", .form = AS_LABELLED, .block = &json_port, .label = "Label" },
	{ "DNS", "dns", .form = AS_BLOCK },
	{ "MBits", .hcl = "mbits" },
	{ "CNI", "cni", .form = AS_BLOCK },
};
static const struct json_block json_network = JSON_BLOCK(json_network_keys);

static const struct json_key json_restart_keys[] = {
	{ "Attempts", .zero = true }, { "Delay", .zero = true },
};
static const struct json_block json_restart = JSON_BLOCK(json_restart_keys);

static const struct json_key json_check_keys[] = {
	{ "PortLabel", .hcl = "port" },
	{ "TaskName", .hcl = "task" },
	{ "GRPCService", .hcl = "grpc_service" },
	{ "GRPCUseTLS", .hcl = "grpc_use_tls" },
	{ "TLSServerName", .hcl = "tls_server_name" },
	{ "TLSSkipVerify", .hcl = "tls_skip_verify" },
	{ "CheckRestart", .form = AS_BLOCK },
	{ "Header", .block = &json_raw },
};
static const struct json_block json_check = JSON_BLOCK(json_check_keys);

static const struct json_key json_service_keys[] = {
	{ "PortLabel", .hcl = "port" },
	{ "TaskName", .hcl = "task" },
	{ "Checks", "check", .form = AS_BLOCKS, .block = &json_check },
	{ "CheckRestart", .form = AS_BLOCK },
	{ "Connect", .form = AS_BLOCK },
	{ "Weights", .form = AS_BLOCK },
	{ "Identity", .form = AS_BLOCK },
};
static const struct json_block json_service = JSON_BLOCK(json_service_keys);

static const struct json_key json_device_keys[] = {
	{ "Name", .form = AS_NOTHING }, { "Constraints", "constraint", .form = AS_BLOCKS },
	{ "Affinities", "affinity", .form = AS_BLOCKS },
};
static const struct json_block json_device = JSON_BLOCK(json_device_keys);

static const struct json_key json_resources_keys[] = {
	{ "MemoryMB", .hcl = "memory" },
	{ "MemoryMaxMB", .hcl = "memory_max" },
	{ "SecretsMB", .hcl = "secrets" },
	{ "DiskMB", .hcl = "disk" },
	{ "Networks", "network", .form = AS_BLOCKS, .block = &json_network },
	{ "Devices", "device", .form = AS_LABELLED, .block = &json_device, .label = "Name" },
	{ "NUMA", "numa", .form = AS_BLOCK },
};
static const struct json_block json_resources = JSON_BLOCK(json_resources_keys);

static const struct json_key json_logs_keys[] = {
	{ "MaxFileSizeMB", .hcl = "max_file_size" }, { "Enabled", .zero = true },
};
static const struct json_block json_logs = JSON_BLOCK(json_logs_keys);

static const struct json_key json_template_keys[] = {
	{ "SourcePath", .hcl = "source" },
	{ "DestPath", .hcl = "destination" },
	{ "EmbeddedTmpl", .hcl = "data", .zero = true },
	{ "LeftDelim", .hcl = "left_delimiter" },
	{ "RightDelim", .hcl = "right_delimiter" },
	{ "Envvars", .hcl = "env" },
	{ "ErrMissingKey", .hcl = "error_on_missing_key" },
	{ "ChangeMode", .form = AS_NOTHING }, /* Go writes its default */
	{ "ChangeScript", .form = AS_BLOCK },
	{ "Wait", .form = AS_BLOCK },
};
static const struct json_block json_template = JSON_BLOCK(json_template_keys);

static const struct json_key json_mount_keys[] = { { "SELinuxLabel", .hcl = "selinux_label" } };
static const struct json_block json_mount = JSON_BLOCK(json_mount_keys);

static const struct json_key json_task_keys[] = {
	{ "Name", .form = AS_NOTHING },
	{ "Config", .form = AS_BLOCK, .block = &json_raw },
	{ "Env", .form = AS_BLOCK, .block = &json_raw },
	{ "Meta", .form = AS_BLOCK, .block = &json_raw },
	{ "Lifecycle", .form = AS_BLOCK },
	{ "Resources", .form = AS_BLOCK, .block = &json_resources },
	{ "RestartPolicy", "restart", .form = AS_BLOCK, .block = &json_restart },
	{ "LogConfig", "logs", .form = AS_BLOCK, .block = &json_logs },
	{ "Templates", "template", .form = AS_BLOCKS, .block = &json_template },
	{ "VolumeMounts", "volume_mount", .form = AS_BLOCKS, .block = &json_mount },
	{ "Services", "service", .form = AS_BLOCKS, .block = &json_service },
	{ "Artifacts", "artifact", .form = AS_BLOCKS },
	{ "DispatchPayload", .form = AS_BLOCK },
	{ "CSIPluginConfig", "csi_plugin", .form = AS_BLOCK },
	{ "Vault", .form = AS_BLOCK },
	{ "Consul", .form = AS_BLOCK },
	{ "Schedule", .form = AS_BLOCK },
	{ "Identity", "identity", .form = AS_BLOCK },
	{ "Identities", "identity", .form = AS_BLOCKS },
	{ "Actions", "action", .form = AS_LABELLED, .label = "Name" },
	{ "ScalingPolicies", "scaling", .form = AS_LABELLED, .label = "Type" },
	{ "Secrets", "secret", .form = AS_LABELLED, .label = "Name" },
	JSON_PLACEMENT,
};
static const struct json_block json_task = JSON_BLOCK(json_task_keys);

static const struct json_key json_volume_keys[] = { { "Name", .form = AS_NOTHING }, { "MountOptions", .form = AS_BLOCK } };
static const struct json_block json_volume = JSON_BLOCK(json_volume_keys);

static const struct json_key json_group_keys[] = {
	{ "Name", .form = AS_NOTHING },
	{ "Count", .zero = true },
	{ "Meta", .form = AS_BLOCK, .block = &json_raw },
	{ "Tasks", "task", .form = AS_LABELLED, .block = &json_task, .label = "Name" },
	{ "Networks", "network", .form = AS_BLOCKS, .block = &json_network },
	{ "Volumes", "volume", .form = AS_NAMED, .block = &json_volume },
	{ "RestartPolicy", "restart", .form = AS_BLOCK, .block = &json_restart },
	{ "Services", "service", .form = AS_BLOCKS, .block = &json_service },
	{ "Disconnect", .form = AS_BLOCK },
	{ "ReschedulePolicy", "reschedule", .form = AS_BLOCK },
	{ "EphemeralDisk", .form = AS_BLOCK },
	{ "Update", .form = AS_BLOCK },
	{ "Migrate", .form = AS_BLOCK },
	{ "Scaling", .form = AS_BLOCK },
	{ "Consul", .form = AS_BLOCK },
	JSON_PLACEMENT,
};
static const struct json_block json_group = JSON_BLOCK(json_group_keys);

static const struct json_key json_job_keys[] = {
	{ "ID", .hcl = "id" },
	{ "Meta", .form = AS_BLOCK, .block = &json_raw },
	{ "TaskGroups", "group", .form = AS_LABELLED, .block = &json_group, .label = "Name" },
	{ "ParameterizedJob", "parameterized", .form = AS_BLOCK },
	{ "Periodic", .form = AS_BLOCK },
	{ "Multiregion", .form = AS_BLOCK },
	{ "Update", .form = AS_BLOCK },
	{ "Migrate", .form = AS_BLOCK },
	{ "Reschedule", .form = AS_BLOCK },
	{ "UI", "ui", .form = AS_BLOCK },
	JSON_PLACEMENT,
	{ "Stop", .form = AS_NOTHING }, { "ParentID", .form = AS_NOTHING }, { "Dispatched", .form = AS_NOTHING },
	{ "DispatchIdempotencyToken", .form = AS_NOTHING }, { "Payload", .form = AS_NOTHING },
	{ "ConsulNamespace", .form = AS_NOTHING }, { "VaultNamespace", .form = AS_NOTHING },
	{ "NomadTokenID", .form = AS_NOTHING }, { "Status", .form = AS_NOTHING }, { "StatusDescription", .form = AS_NOTHING },
	{ "Stable", .form = AS_NOTHING }, { "Version", .form = AS_NOTHING }, { "SubmitTime", .form = AS_NOTHING },
	{ "CreateIndex", .form = AS_NOTHING }, { "ModifyIndex", .form = AS_NOTHING }, { "JobModifyIndex", .form = AS_NOTHING },
	{ "VersionTag", .form = AS_NOTHING },
};
static const struct json_block json_job = JSON_BLOCK(json_job_keys);
/* clang-format on */

struct json_in {
	struct tree *out;
	struct node_place at; /* what an error is about */
	struct err *err;
};

static int json_wants(struct json_in *in, const struct node *v, const char *what)
{
	in->at = v->at;
	return err_set(in->err, ERR_INVALID, "%.80s: wants %s", v->key ? v->key : "this", what);
}

/* A member of @parent, with @key of the place that @from has. NULL: the tree is full. */
static struct node *json_node(struct json_in *in, struct node *parent, const struct node *from, enum node_kind kind,
			      const char *key)
{
	struct node *n = tree_add(in->out, parent, kind, from->at);

	if (!n) {
		(void)tree_full(in->err);
		return NULL;
	}
	n->key = key;
	n->key_at = from->key ? from->key_at : from->at;
	return n;
}

/* "KillTimeout" is kill_timeout, "CPU" is cpu. NULL: the tree is full. */
static const char *json_small(struct json_in *in, const char *key)
{
	char *name = tree_room(in->out, 2 * strlen(key) + 1), *p = name;

	if (!name) {
		(void)tree_full(in->err);
		return NULL;
	}
	for (const char *s = key; *s; s++) {
		if (s > key && isupper((unsigned char)*s) && islower((unsigned char)s[-1]))
			*p++ = '_';
		*p++ = (char)tolower((unsigned char)*s);
	}
	*p = '\0';
	return name;
}

static bool json_says_nothing(const struct node *v, bool zero)
{
	switch (v->kind) {
	case NODE_NULL: return true;
	case NODE_BOOL: return !zero && !v->yes;
	case NODE_NUMBER: return !zero && !strcmp(v->text, "0");
	case NODE_TEXT: return !zero && !*v->text;
	case NODE_LIST:
	case NODE_MAP: break;
	}
	return !v->n;
}

static int json_body(struct json_in *in, const struct json_block *, const struct node *from, struct node *to);

/* The value itself: what is below it is shared. */
static int nomad_json_value(struct json_in *in, const struct node *v, struct node *parent, const char *key)
{
	struct node *n = json_node(in, parent, v, v->kind, key);

	if (!n)
		return -ERR_EXHAUSTED;
	n->n = v->n;
	n->last = v->last;
	if (v->kind == NODE_BOOL)
		n->yes = v->yes;
	else if (v->kind == NODE_TEXT || v->kind == NODE_NUMBER)
		n->text = v->text;
	else if (v->kind >= NODE_LIST)
		n->first = v->first;
	return 0;
}

/* A block of the type @type; @label: its one label, with its place; NULL: none. */
static int json_put_block(struct json_in *in, const struct json_block *b, const struct node *v, struct node *parent,
			  const char *type, const struct node *label, const char *name)
{
	struct node *n;

	if (v->kind != NODE_MAP)
		return json_wants(in, v, "an object");
	n = json_node(in, parent, v, NODE_MAP, type);
	if (n && label) {
		n->block = true;
		n->labels = 1;
		n = json_node(in, n, label, NODE_MAP, name);
	}
	if (!n)
		return -ERR_EXHAUSTED;
	if (label)
		n->key_at = label->kind == NODE_TEXT ? label->at : label->key_at;
	n->block = true;
	return json_body(in, b, v, n);
}

static const struct node *nomad_json_member(const struct node *map, const char *key)
{
	const struct node *found = NULL;

	for (const struct node *m = map->kind == NODE_MAP ? map->first : NULL; m; m = m->next)
		if (!strcasecmp(m->key, key))
			found = m;
	return found;
}

static int json_put_labelled(struct json_in *in, const struct json_key *k, const struct node *v, struct node *parent,
			     const char *type)
{
	const struct node *label = nomad_json_member(v, k->label);

	if (!label || label->kind != NODE_TEXT || !*label->text) {
		in->at = v->at;
		return err_set(in->err, ERR_INVALID, "%s: wants objects with a %s", k->json, k->label);
	}
	return json_put_block(in, k->block, v, parent, type, label, label->text);
}

static int json_put_many(struct json_in *in, const struct json_key *k, const struct node *v, struct node *parent, const char *type)
{
	int r = 0;

	if (v->kind != (k->form == AS_NAMED ? NODE_MAP : NODE_LIST))
		return json_wants(in, v, k->form == AS_NAMED ? "an object" : "a list of objects");
	for (const struct node *m = v->first; m && r >= 0; m = m->next)
		r = k->form == AS_LABELLED ? json_put_labelled(in, k, m, parent, type)
					   : json_put_block(in, k->block, m, parent, type, k->form == AS_NAMED ? m : NULL, m->key);
	return r;
}

static int json_put_key(struct json_in *in, const struct json_key *k, const struct node *m, struct node *to)
{
	const char *key = k && k->hcl ? k->hcl : json_small(in, m->key);

	if (!key)
		return -ERR_EXHAUSTED;
	switch (k ? k->form : AS_VALUE) {
	case AS_VALUE: return nomad_json_value(in, m, to, key);
	case AS_BLOCK: return json_put_block(in, k->block, m, to, key, NULL, NULL);
	case AS_BLOCKS:
	case AS_LABELLED:
	case AS_NAMED: return json_put_many(in, k, m, to, key);
	case AS_NOTHING: break;
	}
	return 0;
}

static int json_body(struct json_in *in, const struct json_block *b, const struct node *from, struct node *to)
{
	int r = 0;

	for (const struct node *m = from->first; m && r >= 0; m = m->next) {
		const struct json_key *k = NULL;

		for (size_t i = 0; b && i < b->n && !k; i++)
			k = strcasecmp(b->keys[i].json, m->key) ? NULL : &b->keys[i];
		if (b && b->raw)
			r = nomad_json_value(in, m, to, m->key);
		else if (!json_says_nothing(m, k && k->zero))
			r = json_put_key(in, k, m, to);
	}
	return r;
}

bool nomad_json_is(const struct node *root)
{
	return root->kind == NODE_MAP && (node_get(root, "Job") || node_get(root, "TaskGroups") || node_get(root, "job"));
}

static int json_put_job(struct json_in *in, const struct node *root, struct node *to)
{
	const struct node *hcl = node_get(root, "job"), *nested = node_get(root, "Job"), *job = nested ? nested : root;
	const struct node *id = nomad_json_member(job, "ID"), *name = nomad_json_member(job, "Name");

	in->at = job->at;
	if (hcl && job == root && !node_get(root, "TaskGroups")) {
		in->at = hcl->key_at;
		return err_hint(in->err, err_set(in->err, ERR_INVALID, "job: HCL written as JSON is not read"),
				"as HCL it is, and in the form that nomad job run -output prints");
	}
	if (job->kind != NODE_MAP)
		return json_wants(in, job, "an object");
	id = id && id->kind == NODE_TEXT && *id->text ? id : name;
	if (!id || id->kind != NODE_TEXT || !*id->text)
		return err_set(in->err, ERR_INVALID, "a job wants an ID");
	return json_put_block(in, &json_job, job, to, "job", id, id->text);
}

int nomad_json_read(const struct jobfile_text *text, const struct node *root, struct jobset **ret, struct err *err)
{
	_cleanup_tree_ struct tree tree = { .file = text->file };
	struct json_in in = { .out = &tree, .at = root->at, .err = err };
	struct node *top = json_node(&in, NULL, root, NODE_MAP, NULL);
	int r = top ? json_put_job(&in, root, top) : -ERR_EXHAUSTED;

	if (r < 0)
		return tree_err(&tree, in.at, r, err);
	return nomad_from_tree(text, &tree, ret, err);
}
