/* The OCI engine that does the work: which one, how it is called, what it said. One process at most for an operation. */
#pragma once
#include "loop.h"
#include "reaper.h"
#include "shim-options.h"
#include "strv.h"

struct engine {
	char *program;                          /* absolute */
	char *root;                             /* of its state, the namespace in it */
	char *criu_image_path, *criu_work_path; /* NULL: not given */
	uid_t io_uid;                           /* owners of the pipes that the shim makes */
	gid_t io_gid;
	int file; /* that is run (engine-file.h); 0: the program */
	bool systemd, no_pivot, no_new_keyring;
};
void engine_done(struct engine *);

/* Without BinaryName crun where it is and works here, else runc. */
int engine_choose(const char *ns, const struct shim_options *, struct engine *ret, struct err *err);
/* Into the bundle, and from there, for `delete`. */
int engine_store(const struct engine *, const char *bundle, struct err *err);
int engine_load(const char *bundle, struct engine *ret, struct err *err);

/* One call. It is inside its owner; zeroed it is none. */
struct engine_call {
	struct reap reap;
	char *log;  /* what it logs to, as JSON lines; gone when it has ended */
	char *said; /* its last error */
	void (*ended)(void *arg, int status);
	void *arg;
};
struct engine_io {
	int in, out, err; /* -1: /dev/null */
};
/* ENGINE --root R --log BUNDLE/log-X.json --log-format json WORDS...; @io (NULL: nothing) is what the container's process gets.
 * Then @call->ended(@call->arg, its wait(2) status). */
int engine_begin(struct engine_call *, const struct engine *, struct loop *, const char *bundle, const struct strv *words,
		 const struct engine_io *, struct err *err);
/* The last error that it logged, or what became of it; -ERR_UNKNOWN. @what stands before it. */
int engine_error(const struct engine_call *, const char *what, int status, struct err *err);
void engine_call_done(struct engine_call *);
/* The same, waited for, where there is no loop. The wait(2) status, or an error. */
int engine_run(const struct engine *, const char *bundle, const struct strv *words, struct err *err);
