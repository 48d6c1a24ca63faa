/* What every verb works with: the connection to containerd, where the image is to run, and a lease that keeps what is
 * being made from containerd's collector. */
#pragma once
#include "ctrd.h"
#include "platform.h"
#include "progress.h"

struct session {
	struct loop *loop;
	struct ctrd *plain, *ctrd; /* without a lease; under it */
	struct ctx ctx;
	char *snapshotter, *lease;
	bool own_lease;
	struct platform platform;
	bool platform_asked;       /* by name; else it is the host's */
	struct progress *progress; /* borrowed */
	const struct strv *mark;   /* labels of an image record that is new; borrowed */
	struct strv open_ingests;  /* refs that an interrupted verb leaves to the next one */
};

struct session_spec {
	const char *address, *ns, *platform;
	const char *snapshotter; /* NULL: the namespace's default */
	const char *lease;       /* NULL: one of our own */
	const char *own_lease;   /* what that is called; NULL: any name */
	const struct strv *mark; /* KEY=VALUE: what new image records are labelled with; NULL: nothing */
};

/* Connects and takes the lease. @ctx is copied. */
int session_open(struct session *, const struct session_spec *, const struct ctx *, struct err *err);
/* Without containerd: for what only talks to registries. */
void session_open_alone(struct session *, const struct ctx *);
/* Gives our own lease back. Ingests still open pass to a lease that lives a day, for the next attempt to go on from. */
void session_close(struct session *);
/* Wait without an event: the time between two attempts. */
int session_pause(struct session *, int64_t ms, struct err *err);
