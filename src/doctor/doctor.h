/* What this machine has and lacks for running jobs. */
#pragma once
#include "core.h"

enum check_level { CHECK_OK, CHECK_WARNING, CHECK_ERROR };
struct check {
	char *name, *text, *remedy;
	enum check_level level;
}; /* remedy: a command, or NULL */
struct checks {
	struct check *v;
	size_t n;
};
void checks_done(struct checks *);
/* Never fails: what cannot be looked at is a line of its own. Files are looked up below @root ("" for the host), for tests. */
void doctor_run(const struct core_conf *, const char *root, const struct ctx *, struct checks *ret);
