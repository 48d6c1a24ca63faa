/* JSON text straight into a buffer: the runtime spec is written once per start and never read back, so no tree is made.
 * A comma goes in front of a value by itself, wherever the last byte calls for one. @key is NULL inside an array. */
#pragma once
#include "buf.h"
#include "strv.h"
#include <stdbool.h>
#include <stdint.h>

void emit_key(struct buf *, const char *key);                /* comma and key: a value of the caller's follows */
void emit_open(struct buf *, const char *key, char bracket); /* '{' or '[' */
void emit_close(struct buf *, char bracket);
void emit_str(struct buf *, const char *key, const char *value); /* NULL: left out */
void emit_int(struct buf *, const char *key, int64_t value);
void emit_uint(struct buf *, const char *key, uint64_t value);
void emit_bool(struct buf *, const char *key, bool value);
void emit_strv(struct buf *, const char *key, const struct strv *);
/* Space-separated words as an array of strings; they need no quoting. */
void emit_words(struct buf *, const char *key, const char *words);
