/* davit login and logout: what Docker's configuration says of a registry is written there, or handed to its credential helper. */
#pragma once
#include "registry.h"

/* Asks the registry whether it takes @login's credential, and keeps it where docker_config_load() reads it (@login's file, or
 * Docker's). Puts "registry", "file", "helper" (where one has it now) and "wanted" (does the registry want a login at all) into
 * @result. */
int sign_in(struct session *, const char *registry, const struct login *, const struct registry_way *, json *result,
	    struct err *err);
/* Forgets it; @registry NULL: all of them. Puts the names of those that were known into the array "registries" of @result. */
int sign_out(struct session *, const char *registry, const char *file, json *result, struct err *err);
