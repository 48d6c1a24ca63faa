/* A list in the form of a template: a line for each row, or a table of the cells between its tabs. */
#pragma once
#include "cli.h"
#include "template.h"

struct listing {
	struct template *t;
	json *fields;      /* each field's title; owned */
	bool table;        /* "table {{.A}}\t{{.B}}" */
	struct strv lines; /* of a table */
};

/* Setter of a flag --format whose value is one of its words or a template. */
opt_fn opt_format;
/* Is it a template, and not a word? */
bool format_is_template(const char *format);
/* @fields is taken over. A field that is none of them is an error now. */
int listing_open(struct listing *, const char *format, json *fields, struct err *err);
/* A row: the fields that @row lacks are nothing. */
int listing_add(struct listing *, struct cli *, json *row, struct err *err);
int listing_close(struct listing *, struct cli *, bool whole, struct err *err); /* prints the table */
void listing_done(struct listing *);
/* Titles as "ID" for "ID", from a list of "Field=TITLE" and "field" between blanks: a bare one is its own in upper case. */
json *listing_fields(const char *list);

/* The lists of what has a name and a table of its own: networks, volumes. */
struct listing_flags {
	bool quiet, no_trunc;
	const char *format;
	struct strv filters;
};
void listing_flags_init(void *);
void listing_flags_done(void *);
/* The flags of such a list: @help is --filter's, @add_filter checks its value and adds it to the filters. */
#define LIST_OPTS(filter_help, add_filter) \
	{ "quiet", 'q', .help = "Only names", .topic = "Flags", .set = opt_bool, .at = offsetof(struct listing_flags, quiet) }, \
		{ "no-trunc", .help = "Never cut a column", .set = opt_bool, .at = offsetof(struct listing_flags, no_trunc) }, \
		{ "filter", 'f', .arg = "KEY=VALUE", .help = filter_help, .set = add_filter }, \
	{ \
		"format", .arg = "FORM", .help = "table, json (a line each), names, or a template such as '{{.Name}}'", \
			  .words = "table json names", .set = opt_format, .at = offsetof(struct listing_flags, format) \
	}
/* Has it what "label=KEY" or "label=KEY=VALUE" asks for? */
bool list_suits_label(const struct dict *labels, const char *filter);

struct list_kind {
	const char *fields; /* of a template, as listing_fields() has them */
	int (*table)(struct cli *, const void *rows, bool whole, struct err *err);
	const char *(*name)(const void *rows, size_t i);
	json *(*object)(struct cli *, const void *rows, size_t i);
	void (*view)(json *); /* adds what a template may ask for besides */
};
/* Is the template one? To be asked before anything is looked up. */
int list_open(const struct listing_flags *, const struct list_kind *, struct listing *ret, struct err *err);
int list_print(struct cli *, const struct listing_flags *, const struct list_kind *, struct listing *, const void *rows, size_t n,
	       struct err *err);
