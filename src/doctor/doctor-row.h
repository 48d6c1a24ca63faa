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
/* A CNI plugin's answer to VERSION; false when it gives none. */
bool doctor_ask_cni(const struct doctor *, const char *program, struct strv *versions);
