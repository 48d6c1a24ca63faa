/* A driver that was started for a test, in a folder of its own, with containerd away: whatever it is asked, it answers. */
#pragma once
#include "test.h"
#include "host-methods.h"
#include "plugin-host.h"
#include <stdbool.h>

enum { RIG_CALL_MS = 20000 };

struct rig {
	struct loop *loop;
	struct host host;
	char dir[40];
	struct strv env;
};

/* For cmocka: *state is a rig whose plugin runs. */
int rig_setup(void **state);
/* It still runs; then GRPCController.Shutdown, the end within two seconds with status 0 (a sanitizer's word is another), a log that
 * is JSON in each line, and nothing left in its folder. */
int rig_teardown(void **state);
/* The same without a plugin: a test starts what it needs, with rig.env. */
int rig_setup_only(void **state);
int rig_teardown_only(void **state);
void rig_start(struct rig *);

/* Is it alive, and does it answer on this connection? */
void rig_check(struct rig *, struct grpc *, const char *what);

/* What the plugin may hold more than before. A thread sanitizer remembers who touched what: its shadows are no growth of ours. */
#ifdef __SANITIZE_THREAD__
#define RIG_GROWTH_KIB (256 << 10)
#else
#define RIG_GROWTH_KIB (24 << 10)
#endif

/* What the kernel says of it. */
struct rig_usage {
	long rss_kib, threads, fds;
};
struct rig_usage rig_usage(const struct rig *);
/* Waits until it has no more descriptors than @fds: what others close it hears of in its own time. */
void rig_until_closed(struct rig *, long fds);

/* A call that was begun and sent. */
struct grpc_call *rig_begin(struct grpc *, const struct host_method *, const void *msg, size_t len, const struct ctx *);
/* To the end of a call's answers: its status, negative as err.h has it. */
int rig_finish(struct grpc_call *, const struct ctx *, struct err *err);
/* The answer of a unary call with a request of no fields; it fails the test on an error. */
const ProtobufCMessage *rig_ask(struct rig *, const char *method, const ProtobufCMessage *request, struct arena *a);

/* SetConfig with the plugin's options in msgpack, with or without what Nomad says of itself. */
void rig_set_config(struct rig *, const void *config, size_t len, bool nomad);
/* {"containerd_addr": "/nonexistent/containerd.sock"} */
#define RIG_ELSEWHERE \
	"\x81\xaf" \
	"containerd_addr\xbc/nonexistent/containerd.sock"
/* The folders of an allocation, as the agent makes them; below the rig's. */
char *rig_alloc_dir(const struct rig *, const char *task);
