/* Go's templates, as --format and -f of Docker's commands have them, in the subset that scripts use:
 *
 *   {{.Names}} {{.State.Status}} {{$x.Name}} {{(index .Mounts 0).Source}}   fields, of objects as deep as they go
 *   {{if}} {{else if}} {{else}} {{with}} {{range}} {{range $k, $v := .Labels}} {{break}} {{continue}} {{end}}
 *   {{$x := .Id}} {{$x = "y"}}                          variables
 *   {{.Names | lower | printf "%-20s"}}                 pipes: what stands before is the last argument
 *   and or not eq ne lt le gt ge len index slice print printf println json split join lower upper title pad truncate
 *   {{- .Id -}}                                         cut white space around; {{/ * comment * /}}
 *
 * An object is ranged over by its sorted keys. What a template may cost is bounded: its length, its depth, the steps it takes and
 * what it writes. Errors name the position and, for a field, those there are. */
#pragma once
#include "json.h"
#include <stdbool.h>
#include <stddef.h>

struct template;

/* A function that a template can call. Takes @n values, borrowed; *ret is the caller's. The error says what is wrong, without a
 * position. */
struct template_call {
	const char *name;
	int (*call)(void *state, json *const *v, size_t n, json **ret, struct err *err);
	size_t min, max; /* how many values it takes */
};
/* How a template is written, where it is not one of Docker's. */
struct template_style {
	const char *open, *close;          /* "{{" and "}}" */
	bool plain;                        /* outside of actions "\n" is two characters */
	bool any_field;                    /* a field that an object has not is nothing */
	const struct template_call *calls; /* before those of all */
	size_t n_calls;
	void *state;        /* of the calls */
	size_t steps, work; /* that it may take, of bytes that it may look at; counted down; 0: none are left */
};

enum { TEMPLATE_MAX = 64 << 10, TEMPLATE_OUT_MAX = 16 << 20 };

/* -ERR_INVALID. "\t" and "\n" that a shell left as they are mean tab and newline. */
int template_parse(const char *text, struct template **ret, struct err *err);
/* The same in another style, borrowed as long as the template lives. */
int template_parse_style(const char *text, struct template_style *, struct template **ret, struct err *err);
void template_free(struct template *);
DEFINE_CLEANUP(struct template, template_free)
/* Are the fields that it asks of the object at its top among those of @fields? So a wrong one is told of an empty list, too. */
int template_check(const struct template *, json *fields, struct err *err);
/* Append what it makes of @data (borrowed). What was written before an error stays in @out. */
int template_run(const struct template *, json *data, struct buf *out, struct err *err);
