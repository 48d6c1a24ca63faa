/* The seccomp program of a container, compiled once and kept. crun compiles the profile of a config.json anew for each container,
 * which takes most of the time of its `create`, but leaves the program in its folder (ROOT/ID/seccomp.bpf) and takes one that is
 * given (annotation run.oci.seccomp_bpf_data). So the first container's program is kept, and the next one with the same profile is
 * created from a copy of config.json that has it. An engine that leaves no program is never given one.
 *
 * A program's name is the digest of all that it is made from: the profile's text, the engine's file, the machine's libraries. */
#pragma once
#include "engine.h"
#include "spec-text.h"

enum { SECCOMP_NAME = 65 /* SHA-256, in hexadecimal */, SECCOMP_KEPT_MAX = 64 /* programs; more of them begin anew */ };
struct seccomp_kept {
	const char *folder;      /* of root's alone */
	char name[SECCOMP_NAME]; /* "": none to be kept */
	bool given;              /* the engine gets it, and need not compile */
};

/* @spec: the text of BUNDLE/config.json. Where its program is kept, @words get what makes the engine's `create` read a copy of it
 * with the program, which is written into the bundle. */
void seccomp_kept_give(struct seccomp_kept *, const char *folder, const struct engine *, const char *bundle, struct span spec,
		       struct strv *words);
/* The engine's `create` has ended: what it has compiled is kept; where it @failed, what was given is not given again. */
void seccomp_kept_take(const struct seccomp_kept *, const struct engine *, const char *id, bool failed);
