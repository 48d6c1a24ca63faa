/* Tables of a TOML text replaced, and the rest left as people wrote it: comments, order, blank lines. */
#pragma once
#include "toml.h"

/* @text with the tables @path and below replaced by @tables (text, whose headers are @path and below): where the first of the old
 * ones stood, or at the end. 1: *@ret is the new text, which was read again to see that nothing else has changed. 0: @text says the
 * same already, in whatever way. -ERR_PRECONDITION: the old ones do not stand under headers of their own, so they cannot be
 * replaced. -ERR_INVALID: @text is no TOML. */
int toml_put(const char *text, size_t len, const struct strv *path, const char *tables, char **ret, struct err *err);
/* What stands at @path; NULL: nothing. Borrowed. */
json *toml_at(json *tree, const struct strv *path);
