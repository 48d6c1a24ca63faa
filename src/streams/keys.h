/* The keys that detach from a terminal, as Docker has them: "ctrl-p,ctrl-q", "ctrl-a,d". */
#pragma once
#include "buf.h"
#include "err.h"

struct keys {
	unsigned char seq[16];
	size_t n, matched;
};

int keys_parse(const char *s, struct keys *ret, struct err *err);
/* Feed what was typed; what is not part of the sequence is appended to @out. 1: the sequence is complete. */
int keys_feed(struct keys *, const char *p, size_t n, struct buf *out);
