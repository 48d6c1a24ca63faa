/* Options of an overlay whose layers have long names, in fewer bytes: mount(2) takes a page of them. */
#pragma once
#include "buf.h"
#include <stdbool.h>

/* @data: options with commas; those of "lowerdir" are appended to @out as names below *@ret_parent, the folder above all of them,
 * which the caller frees and goes to before it mounts; the others as they are. False: there is no lowerdir of absolute paths with
 * such a folder. */
bool overlay_names_shorten(const char *data, char **ret_parent, struct buf *out);
