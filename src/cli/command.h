/* A command: its words, flags and function. commands.c lists them; a command's own file defines it. */
#pragma once
#include "opt.h"

struct cli;

enum { ARGS_ANY = 1 << 30 };

struct command {
	const char *group; /* "image" of "image load", or NULL */
	const char *name;
	const char *usage;                             /* what stands behind the name */
	const char *summary;                           /* one line, for lists */
	const char *text;                              /* paragraphs for help and davit(1), or NULL */
	const char *examples;                          /* command lines, "# ..." comments, or NULL */
	const struct opt *opts;                        /* or NULL */
	struct opt *(*make_opts)(void);                /* instead, where other tables say them; the caller frees */
	const char *words;                             /* what completion offers as arguments */
	size_t min, max;                               /* number of arguments */
	bool stop_at_first;                            /* flags end at the first argument: the rest is another program's */
	size_t size;                                   /* of the struct that the flags fill, zeroed before */
	void (*init)(void *opts), (*done)(void *opts); /* or NULL */
	void (*seen)(const struct opt *, void *opts);  /* told of each flag that is given, before its value; or NULL */
	/* Returns the exit code (>= 0) or an error. */
	int (*run)(struct cli *, void *opts, const struct strv *args, struct err *err);
	const struct command *const *sub; /* a group's commands, ended by NULL; a group has nothing but names */
};

extern const struct command *const commands[]; /* ended by NULL */
extern const struct opt global_opts[];         /* cli.c: flags that stand before or after any command */

/* The command @name of @list (NULL: there are none). -ERR_NOT_FOUND suggests the nearest; @group is NULL at the top. */
int command_find(const struct command *const *list, const char *group, const char *name, const struct command **ret,
		 struct err *err);
/* What is done instead of a command of Docker's that davit has not (a command of ours when *ret_ours, else a remedy), or NULL. */
const char *command_elsewhere(const char *word, bool *ret_ours);
/* Flags and arguments from argv[i] on into @opts (of cmd->size, initialised) and @global. The number of arguments is not
 * looked at: that is command_check_args(), once --help is out of the way. */
int command_parse(const struct command *, void *global, char *const *argv, size_t i, void *opts, struct strv *args,
		  struct err *err);
int command_check_args(const struct command *, const struct strv *args, struct err *err);
/* Its flags, ended by one without a name, whichever way it has them. */
struct opt *command_opts(const struct command *);
/* "image load"; the caller frees. */
char *command_path(const struct command *);
