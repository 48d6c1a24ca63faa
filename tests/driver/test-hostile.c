/* Whatever a client sends to any method: an error of gRPC's or a clean end, never a crash, a hang or growth. containerd is away.
 * Given the name of a method (or a part of one), only that. */
#include "driver-rig.h"
#include "hostile.h"
#include "mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 24, STREAM_MS = 400, GROWTH_KIB = RIG_GROWTH_KIB, HUGE_KIB = 4 << 20 >> 10 };

struct asked {
	struct grpc_call *call;
	char *name;
};

struct volley {
	struct rig *rig;
	const struct host_method *method;
	const struct hostile_word *words;
	struct asked v[AT_ONCE];
	unsigned n, total;
};

/* A stream that is held open is fine, and so is an answer; what would say that the plugin is gone is not. */
static void judge(const struct volley *v, const char *name, int r, const struct err *err)
{
	if (r == -ERR_DEADLINE && v->method->streams != HOST_UNARY)
		return;
	if (r == -ERR_UNAVAILABLE || r == -ERR_CANCELLED || r == -ERR_DEADLINE)
		fail_msg("%s: %s: %s; it said: %s", v->method->path, name, err->msg, buf_str(child_err(v->rig->host.child)));
}

static void volley_end(struct volley *v)
{
	for (unsigned i = 0; i < v->n; i++) {
		const struct ctx ctx = ctx_within(NULL, RIG_CALL_MS);
		struct err err = ERR_INIT;

		judge(v, v->v[i].name, rig_finish(v->v[i].call, &ctx, &err), &err);
		grpc_call_free(v->v[i].call);
		free(v->v[i].name);
	}
	v->n = 0;
}

static void volley_add(void *arg, const char *name, const struct buf *message)
{
	struct volley *v = arg;
	const struct ctx ctx = ctx_within(NULL, v->method->streams == HOST_UNARY ? RIG_CALL_MS : STREAM_MS);

	v->v[v->n++] =
		(struct asked){ rig_begin(v->rig->host.grpc, v->method, buf_str(message), message->len, &ctx), mem_strdup(name) };
	v->total++;
	if (v->n == AT_ONCE || message->len > HUGE_KIB << 10)
		volley_end(v);
}

/* Half-closed without a message, and with two. */
static void counts(struct volley *v)
{
	static const struct ctx endless = { 0 };
	_cleanup_buf_ struct buf plain = { 0 };

	hostile_plain(v->method->request, v->words, &plain);
	for (unsigned n = 0; n <= 2; n += 2) {
		const struct ctx ctx = ctx_within(&endless, v->method->streams == HOST_UNARY ? RIG_CALL_MS : STREAM_MS);
		_cleanup_(grpc_call_freep) struct grpc_call *call = grpc_start(v->rig->host.grpc, v->method->path, NULL, &ctx);
		struct err err = ERR_INIT;
		int r;

		for (unsigned i = 0; i < n; i++)
			grpc_send(call, buf_str(&plain), plain.len, false);
		grpc_send_end(call);
		r = rig_finish(call, &ctx, &err);
		judge(v, n ? "two messages" : "no message", r, &err);
		if (r >= 0 && v->method->streams == HOST_UNARY && n == 0 && !strstr(v->method->path, "/plugin."))
			fail_msg("%s: no message: taken for one", v->method->path);
	}
}

/* What an honest client would say, but for one thing at a time: what is amiss is seen where it is used, not at the door. */

#define WORD(field, text) \
	{ \
		field, text, sizeof(text) - 1, false \
	}

enum { WORDS_MAX = 24 };

static const struct hostile_word start_words[WORDS_MAX] = {
	{ "id", "0b2a4f6e-0000-4000-8000-000000000000/x/", 39, true },
	WORD("alloc_dir", ""),
	WORD("msgpack_driver_config", "\x81\xa5image\xa1x"),
	WORD("stdout_path", "/dev/null"),
	WORD("stderr_path", "/dev/null"),
	WORD("propagation_mode", "private"),
	WORD("task_path", "/x"),
	WORD("host_path", "/dev/null"),
	WORD("cgroup_permissions", "rw"),
	WORD("servers", "192.0.2.1"),
	WORD("path", "/proc/self/ns/net"),
	WORD("cpuset_cpus", "0"),
};

static const struct hostile_word recover_words[WORDS_MAX] = {
	WORD("id", "y"),
	WORD("driver_state", "\x87" HOSTILE_STATE "\xa4"
			     "boot\xa1x"),
};

static const struct {
	const char *method;
	const struct hostile_word *words;
	const char *answer; /* where nothing is amiss */
} honest[] = {
	{ "StartTask", start_words, "containerd" },
	{ "RecoverTask", recover_words, "the host has booted since" },
};

static void comes_as_far_as(const struct volley *v, const char *answer)
{
	const struct ctx ctx = ctx_within(NULL, RIG_CALL_MS);
	_cleanup_buf_ struct buf plain = { 0 };
	struct grpc_call *call;
	struct err err = ERR_INIT;

	hostile_plain(v->method->request, v->words, &plain);
	call = rig_begin(v->rig->host.grpc, v->method, buf_str(&plain), plain.len, &ctx);
	(void)rig_finish(call, &ctx, &err);
	grpc_call_free(call);
	if (!strstr(err.msg, answer))
		fail_msg("%s: an honest request: \"%s\", and not \"%s\"", v->method->path, err.msg, answer);
}

/* The options again: SetConfig was among the methods. */
static void be_honest(struct volley *v, const char *alloc_dir, struct hostile_word words[WORDS_MAX])
{
	const char *name = host_method_name(v->method);

	rig_set_config(v->rig, RIG_ELSEWHERE, sizeof RIG_ELSEWHERE - 1, true);
	for (size_t i = 0; i < sizeof honest / sizeof *honest; i++) {
		if (strcmp(name, honest[i].method) != 0)
			continue;
		for (size_t k = 0; k < WORDS_MAX; k++) {
			words[k] = honest[i].words[k];
			if (words[k].field && !strcmp(words[k].field, "alloc_dir"))
				words[k] = (struct hostile_word){ "alloc_dir", alloc_dir, strlen(alloc_dir), false };
		}
		v->words = words;
		comes_as_far_as(v, honest[i].answer);
	}
}

/* The first time pays for what is made once. */
static void each_request(struct rig *rig, const struct host_method *m, const char *alloc_dir)
{
	struct volley v = { .rig = rig, .method = m };
	struct hostile_word words[WORDS_MAX];
	struct rig_usage before, after;

	be_honest(&v, alloc_dir, words);
	for (unsigned pass = 0; pass < 2; pass++) {
		if (pass < 2)
			before = rig_usage(rig);
		hostile_each(&(struct hostile){ m->request, v.words, volley_add, &v });
		volley_end(&v);
		counts(&v);
		rig_check(rig, rig->host.grpc, m->path);
	}
	after = rig_usage(rig);
	print_message("%s: %u requests, %ld KiB more, %ld threads\n", m->path, v.total, after.rss_kib - before.rss_kib,
		      after.threads);
	if (after.rss_kib - before.rss_kib > GROWTH_KIB)
		fail_msg("%s: it has grown from %ld to %ld KiB", m->path, before.rss_kib, after.rss_kib);
	if (after.fds > before.fds + 8) /* workers' connections come and go */
		fail_msg("%s: %ld descriptors, %ld before", m->path, after.fds, before.fds);
}

static void is_unharmed(void **state)
{
	const char *only = getenv("METHOD"), *alloc_dir = rig_alloc_dir(*state, "x");

	for (unsigned i = 0; i < host_n_methods; i++)
		if (strcmp(host_methods[i].path, "/plugin.GRPCController/Shutdown") != 0 &&
		    (!only || strstr(host_methods[i].path, only)))
			each_request(*state, &host_methods[i], alloc_dir);
}

/* What nobody serves. */
static void refuses_unknown_methods(void **state)
{
	static const char *const paths[] = {
		"/",
		"/x",
		"/plugin.GRPCController/Shutdown2",
		"/hashicorp.nomad.plugins.drivers.proto.Driver/",
		"/hashicorp.nomad.plugins.drivers.proto.Driver/StartTasks",
		"/hashicorp.nomad.plugins.drivers.proto.Driver/StartTask/x",
		"/hashicorp.nomad.plugins.drivers.proto.driver/StartTask",
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
		"//StartTask",
	};
	struct rig *rig = *state;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		const struct ctx ctx = ctx_within(NULL, RIG_CALL_MS);
		_cleanup_(grpc_call_freep) struct grpc_call *call = grpc_start(rig->host.grpc, paths[i], NULL, &ctx);
		struct err err = ERR_INIT;

		grpc_send(call, "x", 1, true);
		if (rig_finish(call, &ctx, &err) != -ERR_UNIMPLEMENTED)
			fail_msg("%s: %s", paths[i], err.msg);
	}
}

/* Even the call that ends it. */
static void ends_by_noise(void **state)
{
	struct rig *rig = *state;
	const struct host_method *m = host_method_find("/plugin.GRPCController/Shutdown");
	const struct ctx ctx = ctx_within(NULL, HOST_END_MS);
	_cleanup_(grpc_call_freep) struct grpc_call *call = rig_begin(rig->host.grpc, m, "\xff\xff\xff", 3, &ctx);
	struct err err = ERR_INIT;
	int r = rig_finish(call, &ctx, &err);

	if (r < 0 && r != -ERR_INVALID && r != -ERR_UNAVAILABLE)
		fail_msg("%s", err.msg);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

RUN_TESTS("hostile", WITH_RIG(refuses_unknown_methods), WITH_RIG(ends_by_noise), WITH_RIG(is_unharmed))
