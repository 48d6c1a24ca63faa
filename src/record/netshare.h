/* A network namespace that several jobs are in: --network container:JOB. It is made by one job, its owner, and lives until the last
 * of them has ended, whichever that is: then CNI's DEL runs, once.
 *
 * Each job that joins has the namespace bound to a file of its own (places_netns()), so that what its record says stays true.
 * RUN/NS/ID.net says of a job whose network it is in ("OWNER\nNAME\n"); that of the owner is there as soon as somebody has
 * joined, says when the owner itself has left, and is the lock under which one joins and leaves. All of it is in /run, as the
 * namespaces are. Without such a file a network is nobody else's, which costs a look at the file and nothing more. */
#pragma once
#include "job-over.h"
#include "record.h"

/* The id of the job whose network @id is in: @id itself unless it has joined. The caller frees. */
char *netshare_owner(const struct core *, const char *ns, const char *id);
/* Names of the others in @id's network, sorted; ended ones that nobody has settled too. */
void netshare_names(const struct core *, const char *ns, const char *id, struct strv *ret);

/* Ids of those who have joined the network that @id owns. */
void netshare_ids(const struct core *, const char *ns, const char *id, struct strv *ret);

/* Puts @id, job @name, into the network of @other, which must be running: -ERR_PRECONDITION. */
int netshare_join(struct core *, const char *id, const char *name, const char *other, const char *other_name, const struct ctx *,
		  struct err *err);
/* 1 when somebody else is in the network that @id owns: its task is there, or its davit is at work. *ret_name (may be NULL):
 * who, to be freed. 0 also for a job that has joined another. */
int netshare_is_kept(struct core *, const char *id, const struct ctx *, char **ret_name, struct err *err);
/* A job whose network others have kept starts again. 1: it is in it again, 0: there is none any more. */
int netshare_return(struct core *, const char *id, const struct ctx *, struct err *err);
/* A job is over: its namespace goes, and with the last one the network. 1: it stays for others. */
int netshare_leave(struct core *, const struct job_over *, const struct ctx *, struct err *err);
/* A job has another name. */
int netshare_rename(const struct core *, const char *id, const char *name, const struct ctx *, struct err *err);
/* Has anybody joined @id, or @id somebody? */
bool netshare_is_shared(const struct core *, const char *id);
