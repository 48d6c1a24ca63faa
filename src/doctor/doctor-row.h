/* The parts of doctor: each row looks at one thing and says one line or more. For doctor*.c. */
#pragma once
#include "doctor.h"

struct doctor {
	const struct core_conf *conf;
	const char *root;
	const struct ctx *ctx;
	struct loop *loop;
	struct core *core;   /* NULL: no containerd answers */
	struct err core_err; /* and why */
	struct strv folders; /* where programs are looked for, below @root */
	const char *row;     /* name of the row at hand */
	struct checks *out;
	size_t cap;
};

struct doctor_row {
	const char *name;
	void (*look)(struct doctor *);
};
struct doctor_rows {
	const struct doctor_row *v;
	size_t n;
};
extern const struct doctor_rows doctor_containerd, doctor_net, doctor_kernel;

/* A line of the row. @remedy: a command, or NULL. */
void doctor_say(struct doctor *, enum check_level, const char *remedy, const char *fmt, ...) _printf_(4, 5);
/* @path below the root; the caller frees. doctor_shown() takes the root away again. */
char *doctor_path(const struct doctor *, const char *path);
const char *doctor_shown(const struct doctor *, const char *path);
bool doctor_has(const struct doctor *, const char *path);
/* A small file's text without blanks at its end; NULL when it cannot be read. The caller frees. */
char *doctor_read(const struct doctor *, const char *path);
/* The program's path, or NULL; the caller frees. */
char *doctor_program(const struct doctor *, const char *name);
/* What `@program @arg` prints, within 3 s: its first line that holds @word (NULL: the first), from the word on. NULL when
 * there is none. The caller frees. */
char *doctor_ask(const struct doctor *, const char *program, const char *arg, const char *word);
/* Where programs are looked for, besides those of d->folders. */
void doctor_add_folders(struct doctor *, const char *list);
void doctor_add_usual_folders(struct doctor *);
/* The names of programs containerd-shim-NAME-vN. */
void doctor_shims(const struct doctor *, struct strv *ret);
/* What @program, a shim or an engine, needs of this machine beyond being there: -ERR_PRECONDITION, with a remedy, is the first need
 * from the *@at-th on that is not met, and *@at then the next one. 0: no other is unmet. */
int doctor_need(const struct doctor *, const char *program, size_t *at, struct err *err);
/* What an engine or a shim says of itself, without its name; NULL: nothing. The caller frees. */
char *doctor_engine_version(const struct doctor *, const char *path);
char *doctor_shim_version(const struct doctor *, const char *path);
/* A CNI plugin's answer to VERSION; false when it gives none. */
bool doctor_ask_cni(const struct doctor *, const char *program, struct strv *versions);
