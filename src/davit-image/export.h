/* A root file system as a tar. What is in it is hostile, and may change meanwhile: everything is opened beneath its folder, without
 * following it, and looked at before it is read. */
#pragma once
#include "idmap.h"
#include "output.h"

/* All below the folder @rootfd (taken over; it may be O_PATH); with @base the file itself, of any kind, under that name. Owners in
 * @ids are those inside (ids->n 0: none is). Sockets, overlay's whiteouts and the kernel's own file systems are left out: no tar
 * holds them. */
int export_tree(int rootfd, const char *base, const struct idmap *ids, const struct ctx *, struct output *, struct err *err);
