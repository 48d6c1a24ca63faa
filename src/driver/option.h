/* Options as Nomad gives them to a driver, by tables: what the job or the agent's file calls each, its type, where its value goes,
 * its default, what is allowed, from which driver it is known, and what is made of it. Reading, the schema that Nomad asks for, and
 * the tables of docs/nomad.md are loops over these tables; a new option is a new row in driver-conf.c or task-conf.c.
 * A value may come in any form that HCL makes of it: a block as a map or as a list of one, blocks as a list, numbers and switches
 * as texts. What is null was not said. */
#pragma once
#include "buf.h"
#include "err.h"
#include "hclspec.pb-c.h"
#include "pb.h"
#include "tree.h"
#include <stdbool.h>
#include <stdint.h>

enum option_type {
	OPTION_TEXT,   /* char *; an empty one was not said */
	OPTION_BOOL,   /* bool */
	OPTION_NUMBER, /* int64_t */
	OPTION_INT,    /* int */
	OPTION_SPAN,   /* int64_t ns, of a duration in Go's words: "1h30m", "0.5s" */
	OPTION_SIZE,   /* int64_t bytes, of a number or a text such as "64m" */
	OPTION_TEXTS,  /* struct strv */
	OPTION_DICT,   /* struct dict, of list(map(string)): the maps as one */
	OPTION_BLOCK,  /* at most one block; @nested is read into the struct at @at */
	OPTION_BLOCKS, /* any number of blocks; @read is called for each */
	OPTION_ANY,    /* of any form; @read reads it */
};
enum option_support { OPTION_SUPPORTED, OPTION_MAPPED, OPTION_REFUSED };
/* Who else has it. */
enum { FROM_DAVIT = 0, FROM_ROBLOX = 1, FROM_DOCKER = 2, FROM_PODMAN = 4 };
enum { OPTION_NOWHERE = UINT16_MAX }; /* as @at: the value is looked at and passed over */

struct option {
	const char *name; /* NULL: the end of the table */
	enum option_type type : 8;
	enum option_support support : 8;
	unsigned char from;
	bool required;
	uint16_t at;           /* offset in what is read into */
	uint16_t has;          /* of a bool that tells that it was said; 0: none */
	int64_t min, max;      /* of numbers, sizes and ns; both 0: from 0 on */
	const char *value;     /* the default; of texts its words */
	const char *otherwise; /* what docs say of the default where @value is not it */
	const char *words;     /* "a|b": the only texts allowed */
	const struct option *nested;
	/* Instead of what the type says; @into is what the table is read into. -ERR_INVALID, without the option's name. */
	int (*read)(const struct node *, void *into, struct err *err);
	int (*check)(const char *text, const char *value, struct err *err); /* each text, or key and value */
	const char *doc; /* what it is; of a MAPPED one what is made of it, of a REFUSED one why */
};

/* The defaults of all rows. */
void option_defaults(const struct option *rows, void *into);
/* The members of @map. Unknown ones are errors. -ERR_INVALID: "option NAME: cause". */
int option_read(const struct option *rows, const struct node *map, void *into, struct err *err);
/* Frees what the rows hold, but for what a read() made. */
void option_done(const struct option *rows, void *from);
/* What Nomad shall check values by. @lax: it takes any value for each, and leaves it to us to find what is wrong. */
const Hclspec__Spec *option_schema(const struct option *rows, bool lax, struct arena *);
/* A table in Markdown. */
void option_table(const struct option *rows, struct buf *out);

/* For read(): each in the form of its type, -ERR_INVALID with the cause. */
int option_text(const struct node *, const char **ret, struct err *err); /* borrowed */
int option_bool(const struct node *, bool *ret, struct err *err);
int option_number(const struct node *, int64_t min, int64_t max, int64_t *ret, struct err *err);
/* Calls @each for each member of a list, or for @n itself. */
int option_each(const struct node *n, int (*each)(const struct node *, void *into, struct err *), void *into, struct err *err);
/* Within a block of one of BLOCKS: as option_read(), but the cause begins with NAME alone. */
int option_block(const struct option *rows, const struct node *map, void *into, struct err *err);

/* A duration as Go's time.ParseDuration() has it: "300ms", "-1.5h", "2h45m", "0"; units ns, us, µs, ms, s, m, h. */
int option_span(const char *text, int64_t *ret_ns, struct err *err);
