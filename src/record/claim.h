/* The claim: what makes a job's name its own, and says what a killed davit left.
 *
 * It has two halves. A lease in containerd, its id made from the name, exists as long as the job does: a second one of
 * that name is refused by containerd itself, and its labels say which network namespace, ports and files the job has.
 * A lock on RUN/NS/NAME.lock is held by whoever is changing the job right now, and counts as held while a CNI plugin that such a
 * one has started, and noted there, goes on without it: a claim whose lock is free, and whose
 * job neither runs nor is complete, was left by a davit that died, and is prey for reconcile.h. */
#pragma once
#include "core.h"
#include "job.h"
#include "labels.h"
#include "leases.h"

/* The lock of one job; waits for another davit that is removing this very job (its lock file says so), at most 10 s;
 * -ERR_EXISTS when one is starting it. @wait: wait for whatever is done with it, as stop and rm do. */
int claim_lock(const struct core *, const char *name, bool wait, const struct ctx *, int *ret_fd, struct err *err);
/* Tell those who wait that the job is going away. */
void claim_lock_removing(int fd);
/* Is its removal under way, by whoever holds the lock? */
bool claim_is_removing(const struct core *, const char *name);
/* Removals that go on behind `run --rm` are waited for: for who asks what such a job still holds. */
void claim_await_removals(const struct core *, const struct ctx *);
/* Close and unlink. */
void claim_unlock(const struct core *, const char *name, int fd);
/* True when somebody holds it now. */
bool claim_locked(const struct core *, const char *name);

/* "davit-job-NAME"; the caller frees. */
char *claim_lease_id(const char *name);
/* The id that the claim of @name is for; NULL: there is no claim. The caller frees. */
int claim_find_id(struct core *, const char *name, const struct ctx *, char **ret_id, struct err *err);
/* Does the claim of @name stand, and is it for @id? */
int claim_is_for(struct core *, const char *name, const char *id, const struct ctx *, struct err *err);
/* Text of CLAIM_PORTS; the caller frees. */
char *claim_ports_text(const struct port *, size_t n);
/* Host ports, whatever their address and protocol. */
struct claim_ports {
	uint16_t *v;
	size_t n, cap;
};
void claim_ports_done(struct claim_ports *);
void claim_ports_add(struct claim_ports *, uint16_t host);
/* Those of all claims, of every namespace. */
int claim_ports(struct core *, const struct ctx *, struct claim_ports *ret, struct err *err);
/* Claims of any namespace that name one of our ports: those of jobs that have ended too. */
struct claim_clash {
	struct ctrd_lease lease;
	char *ns;
	size_t port;
};
struct claim_clashes {
	struct claim_clash *v;
	size_t n, cap;
};
void claim_clashes_done(struct claim_clashes *);
/* @older: only claims older than @own_lease, so that of two that are made at once just one gives way. */
int claim_find_clashes(struct core *, const char *own_lease, bool older, const struct port *, size_t n, const struct ctx *,
		       struct claim_clashes *ret, struct err *err);
