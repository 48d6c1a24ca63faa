/* A job as containerd remembers it: the container record with our labels and the job's JSON in an extension. */
#pragma once
#include "claim.h"
#include "containers.h"

struct record {
	struct ctrd_container c;
	const char *name; /* the job's; borrowed from the labels */
	struct job *job;  /* NULL when the extension is missing or unreadable */
};
void record_done(struct record *);

struct records {
	struct record *v;
	size_t n;
};
void records_done(struct records *);

/* By the job's name, the container's id, or a unique beginning of the id. -ERR_NOT_FOUND suggests the nearest name. */
int record_find(struct core *, const char *what, const struct ctx *, struct record *ret, struct err *err);
/* Every job of the connection's namespace. */
int record_list(struct core *, const struct ctx *, struct records *ret, struct err *err);

/* Paths of a container's own folders; the caller frees. */
char *record_run_dir(const struct core *, const char *id);   /* RUN/NS/ID: FIFOs */
char *record_files_dir(const struct core *, const char *id); /* DATA/files/NS/ID: resolv.conf, hosts, hostname */
char *record_log_dir(const struct core *, const char *id);   /* DATA/logs/NS/ID */
char *record_log_path(const struct core *, const char *id);  /* DATA/logs/NS/ID/log */
char *record_netns(const char *id);                          /* NETNS_DIR/ID */
/* The exit that RECORD_EXIT remembers: true when there is one. */
bool record_exit(const struct record *, int *ret_code, int64_t *ret_at);
