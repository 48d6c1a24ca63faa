/* One run of the program: global flags, the connection, standard output, and how it ends. */
#pragma once
#include "command.h"
#include "core.h"
#include "job-run.h"
#include "table.h"
#include <stdbool.h>

struct globals {
	const char *ns; /* NULL: CORE_NAMESPACE, or what a file's kind has */
	const char *address, *snapshotter, *cni_path, *cni_conf_dir, *run_dir, *data_dir;
	bool debug, json_log, version, help;
	bool no_engine; /* completion: a key press starts nothing */
};

struct cli {
	struct globals global;
	struct core_conf conf; /* made from them */
	char *file_ns;         /* containerd namespace of a file's kind; NULL: there is none */
	struct strv folders;   /* that conf names, from the root */
	struct ctx ctx;        /* cancelled by signals, no deadline */
	struct core *core;     /* NULL until cli_core() */
	int fail_code;         /* exit code of an error: EXIT_DAVIT unless the command knows better */
	bool out_closed;       /* nobody reads standard output any more: the rest is dropped */
};
enum { EXIT_DAVIT = 125 };

/* The whole program; returns the exit code. @argv begins with the program's name. */
int cli_main(char *const *argv);

/* Connect, once, starting the engine where there is no containerd. */
int cli_core(struct cli *, struct err *err);
/* Connect to one that runs; never starts one. */
int cli_core_existing(struct cli *, struct err *err);
/* All of @text to standard output. A closed pipe is no error: output is dropped from then on. */
int cli_out(struct cli *, const char *text, size_t len, struct err *err);
int cli_outf(struct cli *, struct err *err, const char *fmt, ...) _printf_(3, 4);
int cli_out_json(struct cli *, json *, struct err *err);                            /* one line */
int cli_out_pretty(struct cli *, json *, struct err *err);                          /* over several */
int cli_out_table(struct cli *, const struct table *, bool whole, struct err *err); /* @whole: cut no column */
/* On a terminal, from its top on, over what stands there: @text in place of what was painted last, cut to the terminal's lines. */
int cli_out_screen(struct cli *, const char *text, struct err *err);
/* What a prune took, or would take: a line for each of @names, behind @noun ("image ", or ""). @r is how the prune went; returned
 * when it failed, and then standard output's error says nothing. */
int cli_out_removed(struct cli *, int r, const char *noun, const struct strv *names, bool dry_run, struct err *err);
/* One line for people on standard error, "davit: ..." as an error has it, or a JSON log line with --json-log. */
void cli_notice(const struct cli *, const char *fmt, ...) _printf_(2, 3);
/* The error as one line: "davit: MESSAGE (HINT)". */
void cli_report(const struct cli *, const struct err *);
/* How run, start and exec fail: with 126 or 127 where the command of the job is to blame. @words are the command's (NULL: it
 * was not given), behind the @noun that they were written behind. Returns @r. */
int cli_fail_run(struct cli *, int r, const struct strv *words, const char *noun, struct err *err);
/* What ran in the foreground has ended, or the keys detached: the exit code. */
int cli_end_run(const struct cli *, const struct run_result *);
/* Do @one for each of @names, print the name of each that worked (unless @quiet, or it returned EACH_NOTHING: nothing was
 * to be done), report each that did not and go on.
 * Returns 0 or EXIT_DAVIT; an interrupt ends it with that error, standard output's error is returned after the last. */
enum { EACH_NOTHING = 1 };
typedef int cli_each_fn(struct cli *, const char *name, void *arg, struct err *err);
int cli_each(struct cli *, const struct strv *names, cli_each_fn *one, void *arg, bool quiet, struct err *err);
/* Of what jobs use (networks, volumes): the flag of rm, and its run, once those removals are over that go on behind other answers.
 * With --force an absent one is no error. */
struct drop_flags {
	bool force;
};
#define DROP_OPTS \
	{ \
		"force", 'f', .help = "An absent one is no error", .topic = "Flags", .set = opt_bool, \
			      .at = offsetof(struct drop_flags, force) \
	}
int cli_drop_each(struct cli *, const struct strv *names, int (*drop)(struct cli *, const char *name, struct err *err),
		  const struct drop_flags *, struct err *err);
/* What inspect prints: an array of what @one returns for each of @names, with the same way of going on; or, where @format is
 * a template, a line for each: @view then adds Docker's names to the object. */
typedef int cli_inspect_fn(struct cli *, const char *name, void *arg, json **ret, struct err *err);
struct cli_inspection {
	cli_inspect_fn *one;
	void *arg;
	const char *format;
	void (*view)(json *);
};
int cli_inspect(struct cli *, const struct strv *names, const struct cli_inspection *, struct err *err);
