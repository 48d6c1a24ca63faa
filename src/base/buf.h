/* The one growable byte buffer. A zeroed struct is an empty one. What it holds is always followed by a NUL
 * that does not count. */
#pragma once
#include "attr.h"
#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *data; /* NULL while nothing was ever added: use buf_str() for a string */
	size_t len, cap;
};

void buf_done(struct buf *);            /* frees the bytes; the buffer is empty and usable again */
void buf_reset(struct buf *);           /* forgets the bytes, keeps the room */
char *buf_room(struct buf *, size_t n); /* room for n more bytes behind the end; then buf_grew() */
void buf_grew(struct buf *, size_t n);
void buf_add(struct buf *, const void *p, size_t n);
void buf_adds(struct buf *, const char *s);
void buf_addc(struct buf *, char c);
void buf_addf(struct buf *, const char *fmt, ...) _printf_(2, 3);
void buf_vaddf(struct buf *, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void buf_drop(struct buf *, size_t n);   /* forgets the first n bytes */
void buf_cut(struct buf *, size_t len);  /* keeps the first len bytes */
char *buf_take(struct buf *);            /* hands the bytes over as a string (never NULL); the caller frees */
const char *buf_str(const struct buf *); /* never NULL */

#define _cleanup_buf_ _cleanup_(buf_done)
