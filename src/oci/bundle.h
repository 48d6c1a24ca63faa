/* A bundle: a folder with a runtime spec, config.json, that is run as it stands, but for what only davit can know. */
#pragma once
#include "json.h"
#include "spec.h"

enum { BUNDLE_SPEC_MAX = 4 << 20 };

/* Its config.json, with the paths that it has below the bundle made absolute: of the root file system, which must be there, and
 * the sources of binds. The caller owns *@ret. Errors are one line that names the bundle. */
int bundle_read(const char *dir, json **ret, struct err *err);
/* Is its network the job's? @netns: the job has a namespace; @none: nothing is in it. */
int bundle_check_network(json *spec, bool netns, bool none, struct err *err);

struct bundle_in {
	const char *id, *ns; /* for the cgroup */
	const char *cgroup;  /* somebody else's; NULL: davit's own */
	bool systemd;
	const char *netns;              /* path; NULL: the host's */
	const struct strv *args;        /* instead of its own; empty: none */
	const struct dict *annotations; /* davit's own, over the bundle's */
	bool tty;
	struct spec_console console;
};
/* What its container gets. Changes @spec; appends the text to @out. */
int bundle_spec(json *spec, const struct bundle_in *, struct buf *out, struct err *err);
