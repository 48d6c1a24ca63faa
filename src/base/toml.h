/* TOML (1.0) as far as containerd's files need it: tables, dotted and quoted keys, strings in all four forms, numbers, booleans,
 * arrays, inline tables. Dates and infinite numbers are refused. */
#pragma once
#include "json.h"

/* As a JSON tree whose keys keep their order. -ERR_INVALID names the line. The caller owns *@ret. */
int toml_parse(const char *text, size_t len, json **ret, struct err *err);

/* A header with its pairs: the lines from @begin up to @end, without blank lines and comments behind the last pair. */
struct toml_section {
	struct strv path;
	size_t begin, end;
};
struct toml_sections {
	struct toml_section *v;
	size_t n, cap;
};
void toml_sections_done(struct toml_sections *);
/* The same, and where its tables stand in the text, in their order. @sections is to be done away with after an error, too. */
int toml_parse_sections(const char *text, size_t len, struct toml_sections *sections, json **ret, struct err *err);
