/* A job as containerd remembers it: the container record with our labels and the job's JSON in an extension. */
#pragma once
#include "claim.h"
#include "containers.h"
#include "places.h"

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
struct ctrd_call *record_list_begin(struct core *, const struct ctx *);
int record_list_end(struct ctrd_call *, const struct ctx *, struct records *ret, struct err *err);
int record_list(struct core *, const struct ctx *, struct records *ret, struct err *err);

/* The exit that RECORD_EXIT remembers: true when there is one. */
bool record_exit(const struct record *, int *ret_code, int64_t *ret_at);
