/* What the commands that prune have in common. */
#pragma once
#include "cli.h"
#include "image.h"

struct prune_flags {
	bool all, volumes, dry_run, force;
};
/* Flags of each of them, for a struct with these two fields. */
#define PRUNE_OPTS(T, dry_run_field, force_field) \
	{ "dry-run", .help = "Only say what would be removed", .set = opt_bool, .at = offsetof(T, dry_run_field) }, \
	{ \
		"force", 'f', .help = "For Docker's users; nothing is asked anyway", .set = opt_bool, \
			      .at = offsetof(T, force_field), .hidden = true \
	}

/* Connect, and wait for the removals that go on behind others that were answered: what their jobs used is free then. */
int prune_open(struct cli *, struct err *err);
/* Remove those of a kind and print a line for each, with @noun in it ("image ", or ""). */
int prune_jobs(struct cli *, const struct prune_flags *, struct err *err);
int prune_images(struct cli *, const struct image_prune *, const char *noun, struct err *err);
int prune_networks(struct cli *, bool dry_run, const char *noun, struct err *err);
int prune_volumes(struct cli *, bool all, bool dry_run, const char *noun, struct err *err);
