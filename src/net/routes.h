/* A container's routes. */
#pragma once
#include "err.h"
#include "strv.h"

/* Plugins know nothing of each other: each interface may come with a default route, and the last to come is the first to be used.
 * In the namespace of @netns those of the first of @ifnames that has any, of each family, stay; those of the other interfaces go.
 */
int routes_one_default(const char *netns, const struct strv *ifnames, struct err *err);
