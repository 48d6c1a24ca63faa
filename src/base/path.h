/* Paths as text; nothing here looks at the file system. */
#pragma once
#include "attr.h"
#include <stdbool.h>

/* @path without "//", "/./" and a "/" at the end, ".." taken lexically (as in a container's root: never above "/").
 * A relative one is taken below @cwd (absolute; NULL: "/"). The caller frees. */
char *path_clean(const char *path, const char *cwd);
/* Is @path @folder, or below it? Both are clean. */
bool path_begins(const char *path, const char *folder);
