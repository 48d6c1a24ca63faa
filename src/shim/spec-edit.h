/* What the shim changes in the texts that it hands to an engine, which otherwise stay as containerd wrote them. Each returns true
 * where there is something to change: @out has the text then. */
#pragma once
#include "buf.h"
#include "spec-text.h"
#include <stdbool.h>

/* A spec whose version the engine @program refuses. crun 1.8, which Debian 12 has, takes 1.0 and 1.1 alone, by the text; containerd
 * 2.1 and later write 1.2 and 1.3. Minor versions only add members, and an engine leaves out those that it does not know, as runc
 * of the same age does: crun reads that it is 1.0.2. */
bool spec_lower_version(const char *program, struct span spec, struct buf *out);
/* The process of an exec has a terminal where the call says so, whatever its spec says. */
bool spec_set_terminal(struct span process, bool terminal, struct buf *out);
