/* Flags of the command line, from tables. One table a command drives parsing, --help (help.h), davit(1) (man.h) and
 * completion. The rules are those of Docker's users: -it, -dp 80:80, -p=80:80, --flag value, --flag=value, --switch=false;
 * "--" ends the flags; the last of a repeated flag holds unless it is a list. */
#pragma once
#include "err.h"
#include "strv.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opt;
/* Stores @value (borrowed from argv, so it lives as long as the program); a switch gets "true" or "false". */
typedef int opt_fn(const struct opt *, const char *value, void *into, struct err *err);

struct opt {
	const char *name;           /* without the dashes; NULL ends a table */
	char letter;                /* 0: none */
	const char *also;           /* a second name, or NULL */
	const char *arg;            /* what help calls its value; NULL: a switch */
	const char *help;           /* one sentence without a full stop */
	const char *topic;          /* begins a topic of the help; NULL: the one before goes on */
	const char *words;          /* what its value may be: words between blanks, or one of COMPLETE_* */
	const char *const *choices; /* the same as a list that ends with NULL */
	opt_fn *set;
	size_t at;           /* offset of the field that @set writes */
	const void *row;     /* what else @set goes by */
	bool early;          /* its letter is known before the command only */
	bool hidden;         /* parsed, but neither documented nor suggested */
	bool one_dash;       /* -name is taken as well, as Nomad's users write it */
	const char *meant;   /* words between blanks that people try in its place: it is suggested for them */
	const char *instead; /* a flag of Docker's that the command has not: its use is an error with this remedy */
};

/* One that @instead is said of; it is neither documented nor suggested. */
#define OPT_NOT_HERE(flag, letter_, remedy) \
	{ \
		flag, letter_, .instead = remedy, .hidden = true \
	}

/* What completion offers for a value or an argument beyond fixed words. */
#define COMPLETE_JOB "@job"
#define COMPLETE_IMAGE "@image"
#define COMPLETE_VOLUME "@volume"
#define COMPLETE_NETWORK "@network"
#define COMPLETE_FILE "@file"
#define COMPLETE_COMMAND "@command"

/* Where a table's values go. */
struct opt_table {
	const struct opt *opts;
	void *into;
	bool behind;                                     /* the command */
	void (*seen)(const struct opt *opt, void *into); /* told of each that is given; NULL: nobody */
};                                                       /* @opts may be NULL */

/* Parse flags from argv[*i] on, looking them up in @tables in order, until a word that is none (0), after "--" (1), or
 * the end (0). *i is then the next word. Errors name the flag and the nearest known one; @where ("run") is for the hint. */
int opt_flags(const struct opt_table *tables, size_t n, const char *where, char *const *argv, size_t *i, struct err *err);
/* The same for a whole command line: what is no flag goes to @args. @stop_at_first: the flags end at the first argument. */
int opt_parse(const struct opt_table *tables, size_t n, const char *where, bool stop_at_first, char *const *argv, size_t i,
	      struct strv *args, struct err *err);

/* Setters of plain fields. */
opt_fn opt_bool;    /* bool */
opt_fn opt_string;  /* const char *, borrowed */
opt_fn opt_list;    /* struct strv, each use adds one */
opt_fn opt_word;    /* const char *, one of @words */
opt_fn opt_seconds; /* int64_t, 0 to a year */
opt_fn opt_keys;    /* const char *, keys that detach (keys.h) */
/* For setters of other types. */
int opt_to_bool(const struct opt *, const char *value, bool *ret, struct err *err);
int opt_to_number(const struct opt *, const char *value, int64_t min, int64_t max, int64_t *ret, struct err *err);
