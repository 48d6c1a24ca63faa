/* Who uses a network: davit's jobs of every namespace, by their claims, whether they run or not, and whatever else has an
 * attachment in CNI's cache. */
#pragma once
#include "core.h"

struct network_user {
	char *ns, *job; /* NULL: not a job of davit's */
	char *id;       /* of the container */
	char *ip, *ip6; /* with their prefix length; NULL: not attached now */
	char *mac;
};
struct network_users {
	struct network_user *v;
	size_t n, cap;
};
void network_users_done(struct network_users *);
int network_users(struct core *, const char *network, const struct ctx *, struct network_users *ret, struct err *err);
/* Names of the jobs, those of other namespaces with "NS/", and "container ID". */
void network_users_names(const struct core *, const struct network_users *, struct strv *ret);
/* Removes a network that nobody uses: -ERR_PRECONDITION names who does; else as network_remove(). */
int network_drop(struct core *, const char *network, const struct ctx *, struct err *err);
/* All of davit's networks that nobody uses but the default one. Adds their names to @removed, also when it fails. */
int network_prune(struct core *, bool dry_run, const struct ctx *, struct strv *removed, struct err *err);
