/* What a shim asks of its config.json, found in the text itself: a tree of it would cost more time than all the rest of `start`,
 * and heap that a shim has for as long as its container lives. The engine is who checks the text. */
#pragma once
#include <stddef.h>

struct span {
	const char *at;
	size_t len;
};
enum span_found { SPAN_ABSENT, SPAN_FOUND, SPAN_UNSURE };

/* The value of @key in the object that the text @object is, as it stands there. Case does not count, as it does not for runc.
 * SPAN_UNSURE: that is no object, or a name of it is not plain ASCII, so that it may be @key: who asks goes the long way. */
enum span_found span_get(struct span object, const char *key, struct span *ret);
/* The same along @keys, up to NULL. */
enum span_found span_path(struct span object, const char *const *keys, struct span *ret);
/* What is between the quotes of a string without escapes. SPAN_UNSURE: it is none. */
enum span_found span_string(struct span value, struct span *ret);
