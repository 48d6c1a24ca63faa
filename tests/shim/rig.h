/* A test rig for containerd-shim-davit-v2, without a containerd: the program itself ($DAVIT_SHIM), driven over ttrpc; an engine
 *that does as it is told (stand-in-engine.c, $DAVIT_ENGINE); and the event service of a containerd, which keeps what it hears. All
 *on one loop: whoever waits turns it.
 *
 *	struct rig *r = rig_new();                                   // a /run of its own: what is made is gone with it;
 *	                                                             // RIG_TEST() and RIG_TESTS() do it for a test
 *	rig_make(r, &(struct rig_box){ .id = "c", .args = "\"sleep\", \"100\"" });
 *	assert_int_equal(rig_serve(r, "c"), 0);                      // the action "start", and a connection to what it started
 *	assert_true(rig_create(r, "c") > 1);
 *	rig_order(r, "c", "start", "fail no such file");             // stand-in-engine.c has what it can be told
 *	assert_int_equal(rig_ask(r, "Start", "c", ""), -ERR_UNKNOWN);
 *	assert_string_equal(r->err.msg, "OCI runtime start failed: no such file");
 *	rig_expect(r, "create c");                                   // the events, in their order
 *	assert_string_equal(rig_calls(r, "c"), "create start");
 *	rig_free(r);                                                 // Shutdown; see there
 *
 * A test program is process 1 of a namespace: the shim and, when it is killed, what it leaves become its children. A call has
 *RIG_MS. As another user than root it makes itself a user namespace; where it may not, it ends with 77: skipped.
 * RIG_TEST=test_one build/asan/tests/shim/test-shim-life runs one test; meson.build has what else it wants of its environment. */
#pragma once
#include "test.h"
#include "pb.h"
#include "shim.pb-c.h"
#include "strv.h"
#include "ttrpc-server.h"
#include "ttrpc.h"
#include <sys/types.h>

enum { RIG_MS = 20000, RIG_BOXES = 64, RIG_LEFT = 64 };

/* A container as containerd would have it made: all but @id may be zero. */
struct rig_box {
	const char *id;
	const char *args;        /* of its process, as JSON strings: "\"exit\", \"3\""; NULL: sleep for ever */
	const char *annotations; /* JSON members */
	const char *in, *out, *err;
	bool terminal;
	bool own_pids;            /* a PID namespace: its execs end with it, and SIGTERM does nothing to its first */
	const char *options_type; /* type_url of @options; NULL: runc Options of the stand-in and of this state folder */
	const void *options;
	size_t options_len;
};

struct rig_event {
	char *text; /* as rig_events() has it */
	char *topic;
	pid_t pid;
	int64_t exited_at; /* wall ns */
};

struct rig {
	char *top; /* folder of all, on a tmpfs */
	struct loop *loop;
	struct ttrpc_server *server; /* of events; NULL while it is away */
	struct ttrpc *client;        /* the last connection to the shim */
	char *address;               /* what `start` printed */
	pid_t shim;
	struct ttrpc_call *left[RIG_LEFT]; /* rig_leave() */
	size_t n_left;
	struct rig_box boxes[RIG_BOXES];
	size_t n_boxes;
	struct rig_event *events;
	size_t n_events;
	int log; /* the FIFO of the last bundle: what the shim writes to stderr */
	struct buf logged;
	struct err err;       /* of the last call */
	struct arena answers; /* of all calls; rig_forget() */
	char *said;           /* what rig_events() and such gave last */
};

#define RIG_TESTS(name, ...) \
	int main(void) \
	{ \
		const struct CMUnitTest tests_[] = { __VA_ARGS__ }; \
		return rig_main(name, tests_, sizeof tests_ / sizeof *tests_); \
	}
int rig_main(const char *name, const struct CMUnitTest *, size_t n);
/* A test that has a rig for its state. */
#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)
int rig_setup(void **state);
int rig_teardown(void **state);
struct rig *rig_new(void);
/* A bundle for it, with its log FIFO. Its texts stay the caller's. */
void rig_make(struct rig *, const struct rig_box *);
char *rig_path(struct rig *, const char *id, const char *file); /* in its bundle; the caller frees */
void rig_write(struct rig *, const char *id, const char *file, const char *text);
/* What @verb of the engine does for this container from now on; NULL: what an engine does. */
void rig_order(struct rig *, const char *id, const char *verb, const char *order);
const char *rig_calls(struct rig *, const char *id); /* the engine's verbs so far, a space between them; borrowed until the next */
void rig_forget_calls(struct rig *, const char *id);

/* Run the shim with @action as containerd does: in the bundle, with its flags. What it printed, stdout and stderr as one, is
 * appended to @out, up to their end: who keeps them open makes this fail after RIG_MS. The exit status, or -ERR_DEADLINE. */
int rig_action(struct rig *, const char *id, const char *action, struct buf *out);
/* "start", and a connection; 0, or what rig_action() said. Known boxes of its group share the connection. */
int rig_serve(struct rig *, const char *id);
struct ttrpc *rig_connect(struct rig *); /* another connection: the caller frees */
/* "delete": the answer, or NULL. */
const Shim__DeleteResponse *rig_delete_action(struct rig *, const char *id);
void rig_kill_shim(struct rig *); /* SIGKILL, and collected; the connection is dropped */
/* The connection is closed, as containerd does behind Shutdown; then its wait(2) status; -ERR_DEADLINE. */
int rig_await_shim(struct rig *);
bool rig_running(pid_t);                       /* no zombie */
void rig_events_away(struct rig *, bool away); /* the event service stops, and comes back */

/* A call of @method with @request. @answer NULL: it has none; else *@ret lives until rig_forget(). 0 or -code. */
int rig_call(struct rig *, const char *method, const ProtobufCMessage *request, const ProtobufCMessageDescriptor *answer,
	     const void *ret);
/* The same, not waited for; then, in any order, its answer. */
struct ttrpc_call *rig_begin(struct rig *, const char *method, const ProtobufCMessage *request);
struct ttrpc_call *rig_begin_process(struct rig *, const char *method, const char *id, const char *exec_id);
int rig_end(struct rig *, struct ttrpc_call *, const ProtobufCMessageDescriptor *answer, const void *ret);
/* One whose answer is not waited for: it is given up when the shim has ended. */
void rig_leave(struct rig *, struct ttrpc_call *);
void rig_forget(struct rig *); /* answers, and the events so far: those that are under way come yet, unless rig_expect() saw them */

/* Methods whose request is an id and an exec id. */
int rig_ask(struct rig *, const char *method, const char *id, const char *exec_id);
int rig_create(struct rig *, const char *id); /* the pid, or -code */
struct ttrpc_call *rig_begin_create(struct rig *, const char *id);
int rig_start(struct rig *, const char *id, const char *exec_id); /* the pid, or -code */
int rig_exec(struct rig *, const char *id, const char *exec_id, const char *args);
int rig_kill(struct rig *, const char *id, const char *exec_id, int sig);
int rig_wait(struct rig *, const char *id, const char *exec_id);                         /* the exit status, or -code */
int rig_delete(struct rig *, const char *id, const char *exec_id);                       /* the exit status, or -code */
const Shim__StateResponse *rig_state(struct rig *, const char *id, const char *exec_id); /* NULL: r->err */
/* serve, Create and Start. */
void rig_up(struct rig *, const char *id);

/* "create c, start c, exec-added c e, exec-started c e, exit c e 3, exit c c 137, delete c c 137, paused c, oom c": of all since
 * rig_forget(), or with another text of those of one container. Borrowed until the next such text. */
const char *rig_events(struct rig *);
/* Until they are these; fails with both after RIG_MS. */
void rig_expect(struct rig *, const char *events);
/* Turn the loop until @done(@arg), within RIG_MS; false: it never was. */
bool rig_until(struct rig *, bool (*done)(void *arg), void *arg);
void rig_pause(struct rig *, int ms);

/* Deletes what is still there, then Shutdown: the shim ends with 0 and has unlinked its socket, no sanitizer has written to its
 * log, nothing is left below /run that is mounted, and no process. Anything else fails the test. */
void rig_free(struct rig *);
