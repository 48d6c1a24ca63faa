/* NuNet's ensembles (YAML, version V1) into jobs: one for each allocation, called NAME-ALLOCATION. Internal to ensemble-*.c:
 *
 *	ensemble-read.c		the file: version, allocations, subnet; what is ignored
 *	ensemble-map.c		the loop over a map's table, values, errors
 *	ensemble-table.c	the tables: which keys a map has, and what each does
 *	ensemble-allocation.c	of an allocation: executor, resources, keys, scripts, what it depends on
 *	ensemble-volume.c	its volumes
 *	ensemble-node.c		nodes and their ports
 *
 * A row of a table is keyed by the name in the file. It fills the field of the option table (job-table.h) that is so called in that
 * table's `ensemble` column, by that table's own reader; or calls a function; or has a map with keys of its own. */
#pragma once
#include "job-table.h"
#include "jobfile-form.h"
#include "jobset.h"
#include <stdbool.h>

struct ensemble;
typedef int ensemble_call(struct ensemble *, const struct node *, struct err *err);

struct ensemble_key {
	const char *key, *also;             /* @also: a second name */
	const char *fills;                  /* what the option table calls it: "execution.image" */
	ensemble_call *call;                /* what it does, where the option table's reader does not */
	const struct ensemble_block *block; /* else: it is a map with these keys */
	unsigned turn;                      /* keys of turn 0 are seen first */
};

enum { ENSEMBLE_TURNS = 3 };

struct ensemble_block {
	const char *noun; /* as errors call it */
	const struct ensemble_key *keys;
	size_t n;
	bool anchors; /* members that have no row are passed over when there are anchors in them */
};
extern const struct ensemble_block ensemble_file_block, ensemble_allocation_block, ensemble_execution_block, ensemble_params_block,
	ensemble_node_block, ensemble_port_block, ensemble_volume_block, ensemble_gpu_block, ensemble_key_block,
	ensemble_response_block;

/* What the map that is being read has said. */
struct ensemble_now {
	const char *kind, *name, *source, *target, *vendor, *allocation, *value;
	const struct node *source_at, *allocation_at;
	int64_t host, inside, index;
	bool read_only, refused;
};

struct ensemble_name {
	const char *name;
	size_t job;
	const struct node *node; /* where it is placed */
};

struct ensemble {
	const struct jobfile_text *in;
	struct tree tree, scratch; /* @scratch: values that were made of others */
	struct jobset *set;
	struct node_place at;        /* what an error is about */
	struct strv ignored;         /* keys, for the notice */
	struct ensemble_name *names; /* of all allocations, sorted */
	struct node *made;           /* a list that is put together */
	bool join, disk;
	size_t spent; /* bytes of files that were read */
	/* the allocation */
	const char *name;
	bool has_executor;
	struct job *job;
	struct task *task;
	/* the node */
	const struct node *node;
	struct ensemble_now now;
};

/* Bytes of all files that `keys` name. */
enum { ENSEMBLE_FILES_MAX = 4 << 20 };

/* ensemble-map.c */

/* Each key of @map by its row. Errors say which map, and e->at where. A null is as though absent. */
int ensemble_walk(struct ensemble *e, const struct ensemble_block *, const struct node *map, struct err *err);
/* The row of @key, also by its second name. NULL: unknown. */
const struct ensemble_key *ensemble_row(const struct ensemble_block *, const char *key);
/* The field that the option table so calls, and the shape whose it is. NULL: none. */
const struct field *ensemble_field(const char *fills, const struct shape **ret_shape);
/* @v, which the file calls @key, into that field of e->job or e->task, or of an object that these have. */
int ensemble_put(struct ensemble *e, const char *fills, const char *key, const struct node *v, struct err *err);
/* An error about @v, or about its key. Return -code. */
int ensemble_bad(struct ensemble *e, const struct node *v, struct err *err, const char *fmt, ...) _printf_(4, 5);
int ensemble_bad_key(struct ensemble *e, const struct node *v, struct err *err, const char *fmt, ...) _printf_(4, 5);
/* "WHAT is one of A, B, not "TEXT"", with the hint of a near one. */
int ensemble_bad_word(struct ensemble *e, const struct node *v, const char *what, const char *const *words, struct err *err);
/* Values. A number is a text as well, as it was written. */
int ensemble_text(struct ensemble *e, const struct node *v, const char **ret, struct err *err);
int ensemble_whole(struct ensemble *e, const struct node *v, int64_t min, int64_t max, int64_t *ret, struct err *err);
int ensemble_switch(struct ensemble *e, const struct node *v, bool *ret, struct err *err);
/* @each for each member of a list; a value that is no list is one. */
int ensemble_each(struct ensemble *e, const struct node *v, ensemble_call *each, struct err *err);
/* Where @path, relative to the file, is. -ERR_INVALID: it is no file. The caller frees. */
int ensemble_file(struct ensemble *e, const struct node *v, const char *what, char **ret, struct err *err);
/* A list of texts that is put together: begun, one more, and put into a field as ensemble_put() does. */
int ensemble_list_begin(struct ensemble *e, const struct node *from, struct err *err);
int ensemble_list_add(struct ensemble *e, const struct node *from, const char *text, struct err *err); /* copies @text */
int ensemble_list_put(struct ensemble *e, const char *fills, const char *key, struct err *err);
/* The allocation of that name. An error names the nearest. */
int ensemble_find(struct ensemble *e, const struct node *v, const char *name, struct ensemble_name **ret, struct err *err);
/* Noted once. */
void ensemble_ignore(struct ensemble *e, const char *key);

/* ensemble-read.c */
ensemble_call ensemble_version, ensemble_allocations, ensemble_edges, ensemble_join;
/* ensemble-allocation.c */
ensemble_call ensemble_executor, ensemble_type, ensemble_ram, ensemble_disk, ensemble_gpus, ensemble_execution, ensemble_runtime,
	ensemble_dns_name, ensemble_keys, ensemble_provision, ensemble_response, ensemble_depends_on, ensemble_environment;
ensemble_call ensemble_gpu_vendor, ensemble_gpu_index, ensemble_key_type, ensemble_key_files, ensemble_key_dest,
	ensemble_response_type, ensemble_response_value, ensemble_ignored;
/* ensemble-volume.c */
ensemble_call ensemble_volumes, ensemble_volume_type, ensemble_volume_name, ensemble_volume_source, ensemble_volume_target,
	ensemble_volume_read_only, ensemble_volume_glusterfs;
/* ensemble-node.c */
ensemble_call ensemble_nodes, ensemble_node_allocations, ensemble_node_ports, ensemble_node_recovery, ensemble_node_redundancy;
ensemble_call ensemble_port_public, ensemble_port_private, ensemble_port_allocation;
