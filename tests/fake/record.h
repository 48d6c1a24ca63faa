/* What the fake containerd remembers: one list of records of all kinds. */
#pragma once
#include "buf.h"
#include "dict.h"
#include "list.h"
#include "strv.h"
#include <stdint.h>
#include <sys/types.h>

enum kind { NAMESPACE, LEASE, IMAGE, CONTENT, INGEST, SNAPSHOT, CONTAINER, TASK, EXEC };

struct record {
	struct list_node node;
	enum kind kind;
	char *ns, *key; /* a snapshot's key is "SNAPSHOTTER KEY", an exec's "ID/EXEC" */
	struct dict labels;
	struct buf body; /* the packed message; the bytes of content and ingests */
	int64_t created;
	struct strv resources; /* of a lease */
	char *parent;          /* of a snapshot: "SNAPSHOTTER KEY" or NULL */
	int state;             /* of a snapshot: Snapshots__Kind; of a task or exec: Types__Status */
	const void *writer;    /* of an ingest: the call that holds its lock */
	pid_t pid;
	uint32_t exit_status;
	int64_t exited_at;
	int stdin_fd, stdout_fd; /* -1: none */
	uint32_t cols, rows;     /* of its terminal, as it was last told; 0 */
};

struct store {
	struct list_node records;
	unsigned n_pids;
};

void store_init(struct store *);
void store_done(struct store *);
struct record *store_find(struct store *, enum kind, const char *ns, const char *key); /* NULL: none */
struct record *store_add(struct store *, enum kind, const char *ns, const char *key);
void record_free(struct record *);
/* Sorted lines; no times and no pids. */
void store_dump(const struct store *, struct buf *out);
/* "sha256:" and 64 digits. */
void digest_of(const void *p, size_t n, char out[72]);

/* containerd's filters: conditions "FIELD==VALUE", "!=", "~=" (a regular expression) or a bare FIELD (is there), joined by
 * ','. @get returns a field's value or NULL. NULL or "" matches everything. */
bool filter_match(const char *filter, const char *(*get)(void *arg, const char *field), void *arg);
bool filters_match(char *const *filters, size_t n, const char *(*get)(void *arg, const char *field), void *arg);
/* Fields of a record: "id", "name", "digest", "labels.KEY". */
const char *record_field(void *record, const char *field);
