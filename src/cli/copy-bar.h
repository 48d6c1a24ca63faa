/* How far a copy has come, on a terminal's line of its own: "[======              ] 412MB of 1.02GB", of what nobody knows the size
 * of the bytes alone. Drawn once some have been copied and more are to come, at most ten times a second, and wiped at the end. */
#pragma once
#include "buf.h"
#include <stdbool.h>
#include <stdint.h>

struct copy_bar {
	int fd;             /* -1: nothing is drawn */
	int64_t total;      /* bytes; < 0: not known */
	int64_t done, next; /* next: when it is drawn again; 0: it is not there yet */
	bool color;
};

/* What is no terminal gets nothing. */
void copy_bar_init(struct copy_bar *, int fd, int64_t total);
/* @n more bytes. */
void copy_bar_add(struct copy_bar *, int64_t n);
void copy_bar_done(struct copy_bar *);
/* What is drawn in @columns, of which the last stays free. */
void copy_bar_text(const struct copy_bar *, unsigned columns, struct buf *out);
