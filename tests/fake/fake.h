/* A fake containerd in a program of its own, for tests: it keeps its state in memory, and fails, hangs or breaks off at
 * the call that it is told to. Rollback torture with it:
 *
 *	fake_start(loop, &fake, &err);
 *	fake_seed_image(fake, "davit", "docker.io/library/x:latest", &err);
 *	fake_dump(fake, &before, &err);
 *	for (n = 1;; n++) {
 *		fake_reset(fake, &err);
 *		fake_fault(fake, &err, "%u:fail", n);
 *		... the procedure, over a connection of its own to fake_address() ...
 *		fake_dump(fake, &after, &err);       must equal @before when the procedure failed
 *		if (fake_count(fake) < n) break;     the fault was not reached: it succeeded, and all calls had their turn
 *	}
 *
 * It behaves as containerd does, except: nothing is ever collected as garbage (what a procedure leaves stays visible),
 * processes are only pretended, pids are above every real one (or all $FAKE_PID), mounts name folders that do not exist. It takes
 * $FAKE_STREAMS calls at once on a connection, where that is set. */
#pragma once
#include "buf.h"
#include "err.h"
#include "loop.h"

struct fake;

/* For tests of what looks at the machine's own cgroups: there is no job of such a namespace. */
#define FAKE_NS "davit-fake"

/* Starts the program and waits until it listens, on a socket in a fresh folder. */
int fake_start(struct loop *, struct fake **ret, struct err *err);
void fake_free(struct fake *); /* ends it and removes the folder */
DEFINE_CLEANUP(struct fake, fake_free)
const char *fake_address(const struct fake *);
/* SIGKILL, as a containerd that crashes. */
void fake_crash(struct fake *);
/* Hangs from now on, with whatever it was asked; or goes on. */
void fake_hang(struct fake *, bool);

/* Adds a fault "WHERE:WHAT". WHERE is the number of a call, counted from 1 since fake_reset(), or the end of its method
 * ("Tasks/Create": every such call). WHAT: fail[=STATUS] (a gRPC status, 14 by itself), hang, drop (the connection),
 * delay=MS; gather=N (served once N such calls are open at a time); raw=HEX answers OK with these bytes; after-fail and after-drop
 * do what was asked first, and lose the answer. */
int fake_fault(struct fake *, struct err *err, const char *fmt, ...) _printf_(3, 4);
/* Forgets the faults and the calls made; the state stays. */
int fake_reset(struct fake *, struct err *err);
/* Calls since the reset, "NUMBER METHOD" a line. */
int fake_calls(struct fake *, struct buf *ret, struct err *err);
unsigned fake_count(struct fake *); /* how many; 0 when it cannot be asked */
/* The state as sorted lines without times and pids. */
int fake_dump(struct fake *, struct buf *ret, struct err *err);
/* Forgets everything: state, faults, calls, programs. */
int fake_clear(struct fake *, struct err *err);

/* An image of one layer, unpacked for overlayfs, whose command is "true". */
int fake_seed_image(struct fake *, const char *ns, const char *name, struct err *err);
/* What process @key ("ID", "ID/EXEC"; "*" any task, any "*" "/" "*" exec) does once it is started: ends with @what as its exit
 * status, or "run" until it is killed (as by default), or "ignore" every signal but KILL, or "deaf": it takes its time with that,
 * until fake_exit(). @output (may be NULL) goes to
 * its stdout, when that is a FIFO. */
int fake_program(struct fake *, const char *key, const char *what, const char *output, struct err *err);
/* A running process ends now. @exec_id NULL: the task. */
int fake_exit(struct fake *, const char *ns, const char *id, const char *exec_id, unsigned status, struct err *err);
