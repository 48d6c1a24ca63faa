/* What a set would change here, without changing anything. */
#pragma once
#include "core.h"
#include "jobset.h"

enum set_change {
	CHANGE_CREATE,
	CHANGE_SAME,    /* it is there as the set has it */
	CHANGE_DIFFERS, /* it is there, and otherwise: in @keys */
	CHANGE_BLOCKED, /* it could not start: for @why */
	CHANGE_LEFT,    /* it is of the set of this name, and no longer in the file */
	N_CHANGES,
};
const char *set_change_name(enum set_change);

struct set_row {
	char *name;
	enum set_change change;
	struct strv keys; /* "tasks[0].memory", "ports" */
	char *why;        /* NULL: nothing is in the way */
};
struct set_rows {
	struct set_row *v;
	size_t n, cap;
};
void set_rows_done(struct set_rows *);

/* In the order of the set, then what is left. */
int set_compare(struct core *, const struct jobset *, const struct ctx *, struct set_rows *ret, struct err *err);
/* The keys in which two jobs differ, by their JSON forms; host ports that one of them leaves open differ from none that could have
 * been chosen. */
void job_differences(const struct job *wanted, const struct job *has, struct strv *out);
