/* Which jobs use a volume: their records say so. */
#pragma once
#include "core.h"

/* Names of the jobs that use volume @name. */
int volume_users(struct core *, const char *name, const struct ctx *, struct strv *ret, struct err *err);
/* The first of them that is not @job, or NULL. */
int volume_other_user(struct core *, const char *name, const char *job, const struct ctx *, char **ret, struct err *err);
