/* Nomad's job files into jobs: a job for each allocation, that is each instance of each group. Internal to nomad-*.c:
 *
 *	nomad-read.c	the file, its groups and their count; the notice
 *	nomad-map.c	the loop over a block's table, values, errors
 *	nomad-table.c	the tables: which keys a block has, and what each does
 *	nomad-vars.c	NOMAD_* and what stands in ${...}
 *	nomad-group.c	of a group: network, ports, volumes
 *	nomad-task.c	of a task: driver, resources, restart, meta, environment
 *	nomad-config.c	of a driver's config, what is not a row of the option table
 *	nomad-mount.c	/alloc, /local, /secrets; mounts, volumes and what lies below the task's folder
 *	nomad-template.c, nomad-service.c
 *	nomad-json.c	Nomad's own JSON into the tree that HCL gives
 *
 * A table's row is keyed by the name in the file. What it does is one of: fill a field of the option table (job-table.h), by that
 * table's own reader; call a function; go into a block of its own; be passed over, because only a cluster does it; be refused. A
 * key that no row has is looked for in the option table's `nomad` column, and else is an error: so the two cannot disagree. */
#pragma once
#include "dict.h"
#include "hcl.h"
#include "job-table.h"
#include "jobfile-form.h"
#include "jobset.h"
#include <stdbool.h>

struct nomad;
/* @v: the value of the key, or a block's body. */
typedef int nomad_call(struct nomad *, const struct node *v, struct err *err);

struct nomad_key {
	const char *key;
	const char *job, *task;          /* the key of a job's or a task's JSON form that it fills */
	nomad_call *call;                /* else what it does */
	const struct nomad_block *block; /* else: it is a block with these keys */
	const char *refused;             /* else: why davit does not take it */
	bool cluster;                    /* else: only a cluster does it */
	bool silent;                     /* else: it says nothing about a machine, and nothing is said of it */
	bool is_block, many, labelled;   /* a block; it may stand again; it has a name */
	unsigned turn;                   /* keys of turn 0 are seen first */
};

struct nomad_block {
	const char *name;   /* as errors and the `nomad` column call it: "resources" of "resources.memory" */
	const char *prefix; /* of its keys in the `nomad` column; "" for a driver's config; NULL: none of them stands there */
	const struct nomad_key *keys;
	size_t n;
};
extern const struct nomad_block nomad_job_block, nomad_group_block, nomad_task_block;
extern const struct nomad_block *const nomad_blocks[]; /* all of them; ends with NULL */

/* NAME and its value; the last of a name counts. */
struct nomad_var {
	const char *name, *value;
	size_t order;
};

struct nomad_template {
	const char *path; /* inside the container: "/local/a.conf" */
	const char *data;
	char mode[8];
};
/* A volume of the group. */
struct nomad_volume {
	const char *name, *type, *source;
	bool read_only, per_alloc;
	struct node_place at;
};
/* What the block that is being read has said: each of them takes some. */
struct nomad_now {
	const char *type, *source, *target, *mode, *text, *words[2];
	struct strv options, args;
	bool read_only, env;
	int64_t count, numbers[3];
	struct node_place at;
};
/* Whose task gave the field of the job that all tasks of a group share. */
struct nomad_shared {
	const struct field *field;
	const struct node *value;
	const char *task;
};

struct nomad {
	const struct jobfile_text *in;
	const struct tree *tree;
	struct tree scratch; /* texts and values that are made; of one allocation */
	size_t spent;        /* bytes of what was made, of all allocations */
	struct jobset *set;
	struct strv passed_over, notes;
	size_t template_steps, template_work; /* that are left for all templates of the file */
	struct node_place at;                 /* what an error is about */
	/* the job */
	const char *id, *name, *ns, *region, *datacenter;
	bool batch;
	const struct node *job_meta;
	/* the allocation */
	const char *group;
	const struct node *group_meta, *group_restart;
	int64_t count, index;
	char alloc_id[37];
	struct job *job;
	struct nomad_shared *shared;
	size_t n_shared;
	struct nomad_volume *volumes;
	size_t n_volumes;
	/* the task */
	struct task *task;
	const struct node *task_meta;
	bool named_volumes;                              /* of "volumes": a source without a slash is a volume's name */
	const char *command, *platform[3];               /* of its config: os, arch, variant */
	int64_t cpu, cores, memory, memory_max, secrets; /* as Nomad has them: MHz and MiB; 0: not given */
	struct nomad_var *vars;
	size_t n_vars, cap_vars;
	bool vars_sorted;
	struct nomad_template *templates;
	size_t n_templates, cap_templates;
	const char *service_port, *service_task;
	struct nomad_now now;
};

/* What all that is made may take, whatever counts and variables multiply. */
enum { NOMAD_SPEND_MAX = 24 << 20, NOMAD_JOBS_MAX = 1000 };

/* nomad-map.c */

/* Each key of @body by its row. Errors say which block, and @n->at where. */
int nomad_walk(struct nomad *n, const struct nomad_block *, const struct node *body, struct err *err);
/* The row, or the field of the option table, that @key of that block is; both NULL: unknown. */
const struct nomad_key *nomad_key_find(const struct nomad_block *, const char *key);
const struct field *nomad_field_find(const struct nomad_block *, const char *key);
/* The field of the job's or the task's JSON form by its key there. NULL: none. */
const struct field *nomad_field(const struct shape *, const char *key);
/* The value @v into a field of n->job or n->task, or of an object that these have, as the file calls it: @key. */
int nomad_put(struct nomad *n, const struct field *, const char *key, const struct node *v, struct err *err);

/* An error about @v, or about its key. Return -code. */
int nomad_bad(struct nomad *n, const struct node *v, struct err *err, const char *fmt, ...) _printf_(4, 5);
int nomad_bad_key(struct nomad *n, const struct node *v, struct err *err, const char *fmt, ...) _printf_(4, 5);
/* Bytes that were made: -ERR_EXHAUSTED once it is too much. */
int nomad_spend(struct nomad *n, size_t bytes, struct err *err);
/* A text that lives as long as the allocation. */
int nomad_keep(struct nomad *n, const char *text, const char **ret, struct err *err);
/* A node of @kind made of it; its text is @text, borrowed. */
int nomad_node(struct nomad *n, const struct node *from, enum node_kind, const char *text, struct node **ret, struct err *err);

/* Values. A text may be a number or a bool, as HCL has it; what stands in ${...} is put in. They live as long as the allocation.
 * A null is as though absent: these leave *ret. */
int nomad_text(struct nomad *n, const struct node *v, const char **ret, struct err *err);
int nomad_plain(struct nomad *n, const struct node *v, const char **ret, struct err *err); /* without ${...} */
int nomad_whole(struct nomad *n, const struct node *v, int64_t min, int64_t max, int64_t *ret, struct err *err);
int nomad_switch(struct nomad *n, const struct node *v, bool *ret, struct err *err);
int nomad_seconds(struct nomad *n, const struct node *v, int64_t *ret, struct err *err);
/* Each text of a list is appended. */
int nomad_texts(struct nomad *n, const struct node *v, struct strv *out, struct err *err);
/* A map's members, of a map or of a list with one map or several: calls @each for each. */
int nomad_members(struct nomad *n, const struct node *v, nomad_call *each, struct err *err);
/* @each for @v, or when it is a list for each of its members. */
int nomad_each(struct nomad *n, const struct node *v, nomad_call *each, struct err *err);
/* Noted once: only a cluster does it. */
void nomad_pass_over(struct nomad *n, const char *what);

/* nomad-vars.c */

int nomad_var_set(struct nomad *n, const char *name, const char *value, struct err *err); /* both live as long as the task */
const char *nomad_var(struct nomad *n, const char *name);                                 /* NULL: none */
/* The variables of the task that n->task is: what Nomad gives each. */
int nomad_vars_begin(struct nomad *n, struct err *err);
/* Meta of job, group and task. */
int nomad_vars_meta(struct nomad *n, struct err *err);
/* What stands in ${...} is put in, but for ports: those the core chooses. */
int nomad_expand(struct nomad *n, const struct node *where, const char *text, const char **ret, struct err *err);
/* Is it one of NOMAD_PORT_x, NOMAD_ADDR_x ...; *ret_label: its x. */
bool nomad_var_is_port(const char *name, const char **ret_label);
/* The port of the group with this label, also written as in the name of a variable. NULL: none. */
const struct port *nomad_port(const struct nomad *n, const char *label);
void nomad_alloc_id(const char *job, const char *group, int64_t index, char out[37]);

/* nomad-read.c */

/* The jobs of a tree in HCL's shape (hcl.h). */
int nomad_from_tree(const struct jobfile_text *, const struct tree *, struct jobset **ret, struct err *err);
nomad_call nomad_job_id, nomad_job_name, nomad_job_type, nomad_job_region, nomad_job_namespace, nomad_job_datacenters,
	nomad_meta_of_job, nomad_group_of_job, nomad_task_of_job, nomad_count, nomad_meta_of_group;
/* nomad-group.c */
nomad_call nomad_network_mode, nomad_port_block, nomad_volume_block;
/* nomad-task.c */
extern const struct nomad_block nomad_resources_block, nomad_restart_block;
nomad_call nomad_seen, nomad_kill_timeout, nomad_task_of_group, nomad_driver, nomad_env, nomad_cpu, nomad_cores, nomad_memory,
	nomad_memory_max, nomad_secrets, nomad_device, nomad_log_size, nomad_log_off, nomad_log_on, nomad_restart_of_group,
	nomad_restart_of_task;
/* nomad-config.c */
extern const struct nomad_block nomad_config_block, nomad_auth_block, nomad_logging_block, nomad_mount_block;
nomad_call nomad_config;
/* nomad-mount.c */
nomad_call nomad_volume_mount, nomad_mount, nomad_binds, nomad_tmpfs;
/* /alloc, /local and /secrets of the task. */
int nomad_folders(struct nomad *n, struct err *err);
/* "local/x", "secrets/x", "alloc/x" and the same as they are inside, "/local/x": the latter. NULL with 0: it is none of these. */
int nomad_task_path(struct nomad *n, const char *path, const char **ret, struct err *err);
/* nomad-template.c, nomad-service.c */
nomad_call nomad_template_block, nomad_service_block;
