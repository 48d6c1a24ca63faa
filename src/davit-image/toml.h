/* TOML (1.0) as far as containerd's hosts.toml needs it: tables, dotted and quoted keys, strings in all four forms,
 * integers, booleans, arrays, inline tables. Floats and dates are refused. */
#pragma once
#include "json.h"

/* As a JSON tree whose keys keep their order. -ERR_INVALID names the line. The caller owns *@ret. */
int toml_parse(const char *text, size_t len, json **ret, struct err *err);
