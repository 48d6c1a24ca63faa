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
