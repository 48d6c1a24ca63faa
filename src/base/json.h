/* JSON over json-c: strict parsing with bounds, typed getters that name the key, and short builders.
 * Trees are reference counted without atomics: none is shared between threads. */
#pragma once
#include "err.h"
#include "buf.h"
#include "dict.h"
#include "strv.h"
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct json_object json; /* json-c's own type, under a bearable name */

static inline void json_freep(json **j)
{
	if (*j)
		(void)json_object_put(*j);
}
#define _cleanup_json_ _cleanup_(json_freep)

/* Strict JSON in UTF-8 with nothing behind it, at most 64 deep, without NUL in any text or key (no string is ever cut short).
 * -ERR_EXHAUSTED: its values would take more than 64 MiB of memory. The error names line and column.
 * The caller owns *@ret: json_freep() or json_object_put(). */
int json_parse(const char *data, size_t len, json **ret, struct err *err);

/* Getters: borrowed, NULL (or the default) when the key is absent, null, or of another type. @obj may be NULL. */
json *json_get(json *obj, const char *key);
json *json_get_object(json *obj, const char *key);
json *json_get_array(json *obj, const char *key);
const char *json_get_str(json *obj, const char *key);
int64_t json_get_int(json *obj, const char *key, int64_t otherwise);
bool json_get_bool(json *obj, const char *key, bool otherwise);
size_t json_len(json *array); /* 0 when NULL */
json *json_at(json *array, size_t i);
const char *json_text(json *str);                                 /* of a string, else NULL */
void json_get_strv(json *obj, const char *key, struct strv *out); /* adds the strings of an array */
void json_get_dict(json *obj, const char *key, struct dict *out); /* sets the string members of an object */

/* Builders take over the value; NULL values of json_put_str are left out. */
void json_put(json *obj, const char *key, json *value);
void json_put_str(json *obj, const char *key, const char *value);
void json_put_time(json *, const char *key, int64_t at); /* RFC 3339; 0 is left out */
void json_put_int(json *obj, const char *key, int64_t value);
void json_put_bool(json *obj, const char *key, bool value);
void json_put_strv(json *obj, const char *key, const struct strv *); /* always, [] when empty */
void json_put_dict(json *obj, const char *key, const struct dict *);
json *json_new_object(void);
json *json_new_array(void);
json *json_new_str(const char *); /* bytes that are not UTF-8 become U+FFFD: what we write can be read */
void json_append(json *array, json *value);

/* Text of a tree: compact, or for people. Appended to @out. */
void json_write(json *, struct buf *out);
void json_write_pretty(json *, struct buf *out);
/* @s as a JSON string literal with quotes, without making a tree. Bytes that are not UTF-8 become U+FFFD; a NUL is \u0000, which
 * others read and json_parse() refuses. */
void json_quote(struct buf *out, const char *s, size_t len);
