/* Inside the layer: one ADD, DEL or CHECK as it runs, and the programs that it is made of. */
#pragma once
#include "cni-cache.h"
#include "cni-plan.h"
#include "cni.h"

enum cni_verb { CNI_ADD, CNI_DEL, CNI_CHECK };

struct cni_program {
	struct cni_op *op;
	const struct cni_place *at;
	struct child *child; /* while it runs */
	json *given;         /* the result that an ADD handed to it */
	bool begun, ended;
	bool failed;
	bool again; /* its DEL runs for the second time */
	bool added; /* an ADD has started it */
};

struct cni_op {
	struct loop *loop;
	enum cni_verb verb;
	char *path, *cache_dir;
	json *list; /* the network's configuration */
	char *version;
	struct cni_entry *entry; /* what is cached: names, capability arguments, the result so far */
	int lock_fd;
	struct cni_place *places;
	struct cni_program *programs; /* in step with the places */
	size_t n, n_begun, n_running;
	bool cached; /* the entry is in the cache */
	bool held;   /* what forwards ports waits for cni_add_go() */
	bool done;
	bool thorough; /* a failing program does not end a DEL, and one that hangs not the time of the others */
	bool undoing;  /* the DEL of an ADD that failed: plugins that it did not start have nothing to delete */
	int r;
	struct err err;
};

/* Takes @entry over. */
struct cni_op *cni_op_new(struct loop *, const struct cni_conf *, const struct cni_net *, enum cni_verb, struct cni_entry *entry,
			  int lock_fd);
void cni_op_free(struct cni_op *); /* kills what runs */
DEFINE_CLEANUP(struct cni_op, cni_op_free)
/* Starts what has nothing left to wait for; the loop goes on from there. */
void cni_op_run(struct cni_op *);
/* Until all of it has ended. Returns what failed first. */
int cni_op_wait(struct cni_op *, const struct ctx *, struct err *err);
/* Removes its entry from the cache. */
int cni_op_forget(const struct cni_op *, struct err *err);
/* The DEL of an ADD that did not come to its end. What it leaves stays in the cache, for cni_del_cached(). */
void cni_op_undo(struct cni_op *);
