/* Image references as Docker's users write them (the grammar of distribution/reference). */
#pragma once
#include "err.h"

struct ref {
	char *host, *path, *tag, *digest;
	char *name;
}; /* name: the full form, containerd's image name */
void ref_done(struct ref *);
/* "redis:7" is docker.io/library/redis:7; no tag is :latest unless there is a digest; localhost and hosts with . or : are
 * registries. Host and path have at most 255 bytes, a tag 128; digests are sha256. -ERR_INVALID names the reference and
 * the fault. */
int ref_parse(const char *s, struct ref *ret, struct err *err);
/* The short form for people: docker.io/library/ left out. Returns the rest of @name (borrowed). */
const char *ref_familiar(const char *name);
