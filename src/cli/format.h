/* --format text or json, for the commands that have no other flags. */
#pragma once
#include "opt.h"

struct format_flags {
	const char *format;
};
extern const struct opt format_opts[];
void format_init(void *flags); /* text */
bool format_is_json(const void *flags);
