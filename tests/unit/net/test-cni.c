/* Chains of plugins that are small scripts: each notes its name and its command, keeps what it was given, and answers what the
 * test says. */
#include "test.h"
#include "cni.h"
#include "cni-cache.h"
#include "cni-net.h"
#include "file.h"
#include "mem.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESULT "echo '{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.2.3/24\"}]}'"
#define ADDED "a ADD\nb ADD\nc ADD\n"
#define DELETED "c DEL\nb DEL\na DEL\n"

struct world {
	char dir[32];
	struct loop *loop;
	struct cni_conf conf;
	struct cni_net *net;
};

static const struct cni_attach at = { .container_id = "x-1", .netns = "/none", .ifname = "eth0" };

static char *path_of(const struct world *w, const char *name) { return mem_printf("%s/%s", w->dir, name); }

/* @add and @del: what it does on ADD (and CHECK) and on DEL. */
static void plugin(const struct world *w, const char *name, const char *add, const char *del)
{
	_cleanup_free_ char *path = path_of(w, name);
	_cleanup_free_ char *text =
		mem_printf("#!/bin/sh\ncat >%s/in.%s.$CNI_COMMAND\nenv >%s/env.%s.$CNI_COMMAND\n"
			   "echo %s $CNI_COMMAND >>%s/ran\nif [ $CNI_COMMAND = DEL ]; then :\n%s\nelse :\n%s\nfi\n",
			   w->dir, name, w->dir, name, name, w->dir, del, add);

	assert_int_equal(file_write(path, text, strlen(text), 0755, NULL), 0);
}

static void parse(struct world *w, const char *list)
{
	struct err err = ERR_INIT;

	cni_net_free(w->net);
	w->net = NULL;
	assert_int_equal(cni_net_parse(list, strlen(list), "t.conflist", &w->net, &err), 0);
}

static struct world *world_new(void)
{
	struct world *w = mem_new(struct world);

	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(w->dir, sizeof w->dir, "/tmp/test-cni.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->conf = (struct cni_conf){ .path = w->dir, .conf_dir = w->dir, .cache_dir = w->dir };
	w->loop = loop_new();
	plugin(w, "a", RESULT, "");
	plugin(w, "b", RESULT, "");
	plugin(w, "c", RESULT, "");
	parse(w, "{\"cniVersion\":\"1.0.0\",\"name\":\"t\",\"plugins\":[{\"type\":\"a\"},{\"type\":\"b\"},{\"type\":\"c\"}]}");
	return w;
}

static void world_free(struct world *w)
{
	cni_net_free(w->net);
	loop_free(w->loop);
	assert_int_equal(file_remove_tree(w->dir, NULL), 0);
	free(w);
}

static int add(struct world *w, const struct cni_attach *attach, int64_t ms, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, ms);
	struct cni_result res = { 0 };
	struct cni_op *op = NULL;
	int r = cni_add_begin(w->loop, &w->conf, w->net, attach, &op, err);

	if (r >= 0)
		r = cni_add_end(op, &ctx, &res, err);
	if (r >= 0)
		assert_string_equal(res.ips[0].address, "10.1.2.3/24");
	cni_result_done(&res);
	return r;
}

static char *contents(const struct world *w, const char *name)
{
	_cleanup_free_ char *path = path_of(w, name);
	struct buf text = { 0 };

	(void)file_read(path, 1 << 20, &text, NULL);
	return buf_take(&text);
}

/* What ran since the last time. */
static void assert_ran(const struct world *w, const char *want)
{
	_cleanup_free_ char *ran = contents(w, "ran"), *path = path_of(w, "ran");

	(void)unlink(path);
	assert_string_equal(ran, want);
}

static bool cached(const struct world *w)
{
	_cleanup_free_ char *path = path_of(w, "results/t-x-1-eth0");

	return file_exists(path);
}

static json *input(const struct world *w, const char *plugin_and_verb)
{
	_cleanup_free_ char *name = mem_printf("in.%s", plugin_and_verb), *text = contents(w, name);
	json *j = NULL;

	assert_int_equal(json_parse(text, strlen(text), &j, NULL), 0);
	return j;
}

/* Failing at any plugin, in any way, deletes the whole chain in reverse order, and says who failed and why. */
struct failure {
	const char *who, *does, *error, *hint, *ran;
};

#define AT_A "a ADD\n" DELETED
#define AT_B "a ADD\nb ADD\n" DELETED
#define AT_C ADDED DELETED
#define FLOOD "network t: plugin b: it writes without end: killed after 1048576 bytes"
static const struct failure failures[] = {
	{ "a", "echo oops >&2; exit 3", "network t: plugin a: exit status 3: oops", "", AT_A },
	{ "b", "echo oops >&2; exit 3", "network t: plugin b: exit status 3: oops", "", AT_B },
	{ "c", "echo oops >&2; exit 3", "network t: plugin c: exit status 3: oops", "", AT_C },
	{ "b", "exit 1", "network t: plugin b: exit status 1", "", AT_B },
	{ "b", "kill -9 $$", "network t: plugin b: killed by signal 9 (Killed)", "", AT_B },
	{ "b", "printf 'one\\n  two\\n' >&2; exit 2", "network t: plugin b: exit status 2: one two", "", AT_B },
	{ "b", "echo '{\"code\":11,\"msg\":\"later\",\"details\":\"busy\"}'; exit 1", "network t: plugin b: later: busy", "",
	  AT_B },
	{ "b", "echo '{\"code\":100,\"msg\":\"no\",\"details\":\"\"}'; exit 1", "network t: plugin b: no", "", AT_B },
	{ "b", "echo '{\"code\":100,\"msg\":\"\"}'; echo hm >&2; exit 1", "network t: plugin b: exit status 1: hm", "", AT_B },
	{ "b", "printf '{\"code\":100,\"msg\":\"one\\\\ntwo\"}'; exit 1", "network t: plugin b: one two", "", AT_B },
	{ "b", "echo '{\"code\":999,\"msg\":\"exec: \\\"iptables\\\": executable file not found in $PATH\"}'; exit 1", NULL,
	  "apt-get install iptables", AT_B },
	{ "b", "echo '[]'", "network t: plugin b: its result is not an object", "", AT_B },
	{ "b", "echo garbage", NULL, "", AT_B },
	{ "b", ":", NULL, "", AT_B },
	{ "b", "echo '{}{}'", NULL, "", AT_B },
	{ "c", "echo '{\"ips\":[{\"address\":\"nonsense\"}]}'",
	  "network t: result: address \"nonsense\" is not an address with a prefix length", "", AT_C },
	{ "b", "head -c 1048576 /dev/zero | tr '\\000' ' '", "network t: plugin b: its result is longer than 1048576 bytes", "",
	  AT_B },
	{ "b", "head -c 2000000 /dev/zero | tr '\\000' ' '", FLOOD, "", AT_B },
	{ "b", "head -c 2000000 /dev/zero >&2; exit 4", FLOOD, "", AT_B },
	{ "b", "exec yes", FLOOD, "", AT_B },
	{ "b", "trap '' TERM; yes >&2 & while :; do echo x; done", FLOOD, "", AT_B },
	{ "b", "exec sleep 60", "network t: plugin b: timed out", "", AT_B },
	{ "b", "sleep 60 & wait", "network t: plugin b: timed out", "", AT_B },
};

static void any_failure_deletes_the_chain(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		const struct failure *f = &failures[i];
		struct world *w = world_new();
		struct err err = ERR_INIT;

		plugin(w, f->who, f->does, "");
		assert_true(add(w, &at, strstr(f->does, "sleep") ? 700 : 30000, &err) < 0);
		if (f->error)
			assert_string_equal(err.msg, f->error);
		assert_non_null(strstr(err.msg, "network t: "));
		assert_string_equal(err.hint, f->hint);
		assert_ran(w, f->ran);
		assert_false(cached(w));
		world_free(w);
	}
}

static void codes_are_kept(void **state)
{
	static const struct {
		int cni, want;
	} rows[] = {
		{ 11, ERR_UNAVAILABLE }, { 7, ERR_INVALID }, { 4, ERR_INVALID }, { 1, ERR_UNIMPLEMENTED }, { 999, ERR_INTERNAL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct world *w = world_new();
		_cleanup_free_ char *does = mem_printf("echo '{\"code\":%d,\"msg\":\"m\"}'; exit 1", rows[i].cni);

		plugin(w, "a", does, "");
		assert_int_equal(add(w, &at, 30000, NULL), -rows[i].want);
		world_free(w);
	}
}

/* A plugin that is not installed was never begun, so that it cannot delete is no failure of the rollback. */
static void a_missing_plugin(void **state)
{
	struct world *w = world_new();
	_cleanup_free_ char *path = path_of(w, "b");
	_cleanup_free_ char *want = mem_printf("network t: plugin b: not found in %s", w->dir);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(chmod(path, 0644), 0); /* as good as missing */
	assert_int_equal(add(w, &at, 30000, &err), -ERR_NOT_FOUND);
	assert_string_equal(err.msg, want);
	assert_non_null(strstr(err.hint, "containernetworking-plugins"));
	assert_ran(w, "a ADD\nc DEL\na DEL\n");
	assert_false(cached(w));
	world_free(w);
}

/* What the rollback could not delete stays known, and is deleted later. */
static void a_rollback_that_fails(void **state)
{
	struct world *w = world_new();
	struct err err = ERR_INIT;

	(void)state;
	plugin(w, "c", "echo no >&2; exit 1", "");
	plugin(w, "b", RESULT, "exit 1");
	assert_true(add(w, &at, 30000, &err) < 0);
	assert_string_equal(err.msg, "network t: plugin c: exit status 1: no");
	assert_ran(w, ADDED "c DEL\nb DEL\nb DEL\na DEL\n");
	assert_true(cached(w));
	plugin(w, "b", RESULT, "");
	assert_int_equal(cni_del_cached(w->loop, &w->conf, "x-1", NULL, NULL, NULL), 0);
	assert_ran(w, DELETED);
	assert_false(cached(w));
	world_free(w);
}

/* Whoever takes no configuration of this version says so to a DEL as well: it has nothing to delete. */
static void a_version_that_is_rejected(void **state)
{
	const char *no = "echo '{\"code\":1,\"msg\":\"incompatible CNI versions\",\"details\":\"config is 1.0.0\"}'; exit 1";
	struct world *w = world_new();
	struct err err = ERR_INIT;

	(void)state;
	plugin(w, "b", no, no);
	assert_int_equal(add(w, &at, 30000, &err), -ERR_UNIMPLEMENTED);
	assert_string_equal(err.msg, "network t: plugin b: incompatible CNI versions: config is 1.0.0");
	assert_ran(w, "a ADD\nb ADD\nc DEL\nb DEL\na DEL\n");
	assert_false(cached(w));
	plugin(w, "b", RESULT, no); /* and where davit was killed before it could delete */
	assert_int_equal(add(w, &at, 30000, NULL), 0);
	assert_int_equal(cni_del_cached(w->loop, &w->conf, "x-1", NULL, NULL, NULL), 0);
	assert_false(cached(w));
	world_free(w);
}

static void a_failing_del_goes_on(void **state)
{
	struct world *w = world_new();
	struct err err = ERR_INIT;

	(void)state;
	plugin(w, "b", RESULT, "echo stuck >&2; exit 1");
	assert_int_equal(add(w, &at, 30000, NULL), 0);
	assert_ran(w, ADDED);
	assert_true(cni_del_cached(w->loop, &w->conf, "x-1", NULL, NULL, &err) < 0);
	assert_string_equal(err.msg, "network t: plugin b: exit status 1: stuck");
	assert_ran(w, "c DEL\nb DEL\nb DEL\na DEL\n"); /* it is asked twice */
	assert_true(cached(w));
	world_free(w);
}

/* As the bridge's, when somebody has flushed its rules: the first call has done what comes before them. */
static void a_del_that_takes_two(void **state)
{
	struct world *w = world_new();
	_cleanup_free_ char *once = mem_printf("[ -e %s/once ] || { touch %s/once; exit 1; }", w->dir, w->dir);

	(void)state;
	plugin(w, "b", RESULT, once);
	assert_int_equal(add(w, &at, 30000, NULL), 0);
	assert_ran(w, ADDED);
	assert_int_equal(cni_del_cached(w->loop, &w->conf, "x-1", NULL, NULL, NULL), 0);
	assert_ran(w, "c DEL\nb DEL\nb DEL\na DEL\n");
	assert_false(cached(w));
	world_free(w);
}

static void a_hanging_del_leaves_the_others_time(void **state)
{
	struct world *w = world_new();
	const struct ctx ctx = ctx_within(NULL, 3000);
	struct err err = ERR_INIT;

	(void)state;
	plugin(w, "c", RESULT, "exec sleep 60");
	assert_int_equal(add(w, &at, 30000, NULL), 0);
	assert_ran(w, ADDED);
	assert_int_equal(cni_del_cached(w->loop, &w->conf, "x-1", NULL, &ctx, &err), -ERR_DEADLINE);
	assert_string_equal(err.msg, "network t: plugin c: timed out");
	assert_ran(w, DELETED);
	assert_true(cached(w));
	world_free(w);
}

#define CHAIN \
	"{\"cniVersion\":\"1.0.0\",\"name\":\"t\",\"plugins\":[{\"type\":\"a\"},{\"type\":\"portmap\"},{\"type\":\"firewall\"}]}"
/* Ends once the other one has begun, so never where they run one after the other. */
#define MEETS(other) "until grep -qs '^" other " '$CNI_COMMAND ran; do sleep 0.01; done\n"

static struct world *world_of_neighbours(const char *portmap, const char *firewall)
{
	struct world *w = world_new();
	_cleanup_free_ char *one = mem_printf("cd %s\n" MEETS("firewall") "%s", w->dir, portmap);
	_cleanup_free_ char *two = mem_printf("cd %s\n" MEETS("portmap") "%s", w->dir, firewall);

	plugin(w, "portmap", one, one);
	plugin(w, "firewall", two, two);
	parse(w, CHAIN);
	return w;
}

static size_t lines(const struct world *w, const char *line)
{
	_cleanup_free_ char *ran = contents(w, "ran");
	size_t n = 0;

	for (const char *here = ran; (here = strstr(here, line)); here += strlen(line))
		n++;
	return n;
}

/* portmap and firewall build on the first plugin, not on each other; both are given its result, and both come before its DEL. */
static void neighbours_run_side_by_side(void **state)
{
	struct world *w = world_of_neighbours(RESULT, RESULT);
	_cleanup_json_ json *one = NULL, *two = NULL;
	_cleanup_free_ char *ran = NULL;

	(void)state;
	assert_int_equal(add(w, &at, 30000, NULL), 0);
	one = input(w, "portmap.ADD");
	two = input(w, "firewall.ADD");
	assert_non_null(json_get_object(one, "prevResult"));
	assert_true(json_object_equal(json_get(one, "prevResult"), json_get(two, "prevResult")));
	assert_int_equal(cni_del_cached(w->loop, &w->conf, "x-1", NULL, NULL, NULL), 0);
	ran = contents(w, "ran");
	assert_memory_equal(ran, "a ADD\n", 6);
	assert_string_equal(ran + strlen(ran) - 6, "a DEL\n");
	assert_int_equal(lines(w, "ADD\n"), 3);
	assert_int_equal(lines(w, "DEL\n"), 3);
	assert_false(cached(w));
	world_free(w);
}

/* The one beside comes to its end, and all are deleted. */
static void a_failing_neighbour(void **state)
{
	struct world *w = world_of_neighbours("if [ $CNI_COMMAND = ADD ]; then echo oops >&2; exit 3; fi",
					      "sleep 0.2; echo firewall ended >>ran; " RESULT);
	struct err err = ERR_INIT;
	_cleanup_free_ char *ran = NULL;

	(void)state;
	assert_int_equal(add(w, &at, 30000, &err), -ERR_INTERNAL);
	assert_string_equal(err.msg, "network t: plugin portmap: exit status 3: oops");
	ran = contents(w, "ran");
	assert_true(strstr(ran, "firewall ended\n") < strstr(ran, "DEL\n"));
	assert_string_equal(ran + strlen(ran) - 6, "a DEL\n");
	assert_int_equal(lines(w, "DEL\n"), 3);
	assert_false(cached(w));
	world_free(w);
}

/* Whichever of them ends last: a result that was changed is not lost to one that was handed on. */
static void a_neighbour_that_changes_the_result(void **state)
{
	static const char *const last[] = { "", "sleep 0.2\n" };
	const char *changed =
		"echo '{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.2.3/24\"}],\"dns\":{\"domain\":\"d\"}}'";

	(void)state;
	for (int i = 0; i < 2; i++) {
		_cleanup_free_ char *one = mem_printf("%s%s", last[i], changed), *two = mem_printf("%s" RESULT, last[1 - i]);
		struct world *w = world_of_neighbours(one, two);
		struct cni_result res = { 0 };

		assert_int_equal(add(w, &at, 30000, NULL), 0);
		assert_int_equal(cni_cached_result(&w->conf, "t", "x-1", "eth0", &res, NULL), 0);
		assert_string_equal(json_get_str(json_get_object(res.raw, "dns"), "domain"), "d");
		cni_result_done(&res);
		world_free(w);
	}
}

#define PORTS \
	"{\"cniVersion\":\"1.0.0\",\"name\":\"t\",\"plugins\":[{\"type\":\"a\"}," \
	"{\"type\":\"b\",\"capabilities\":{\"portMappings\":true}},{\"type\":\"c\"}]}"
static struct port web = { .host = 80, .inside = 8080, .proto = PORT_TCP };
static const struct cni_attach attach_web = {
	.container_id = "x-1", .netns = "/none", .ifname = "eth0", .ports = &web, .n_ports = 1
};

/* What forwards no ports need not wait for them; what comes behind in the chain does. */
static void held_ports(void **state)
{
	struct world *w = world_new();
	struct cni_attach held = attach_web;
	struct cni_result res = { 0 };
	struct cni_op *op = NULL;

	(void)state;
	parse(w, PORTS);
	held.hold_ports = true;
	assert_int_equal(cni_add_begin(w->loop, &w->conf, w->net, &held, &op, NULL), 0);
	for (int i = 0; i < 20; i++) {
		const struct ctx tick = ctx_within(NULL, 10);

		(void)loop_turn(w->loop, &tick, NULL);
	}
	assert_ran(w, "a ADD\n");
	assert_false(cni_op_ready(op));
	cni_add_go(op);
	assert_int_equal(cni_add_end(op, NULL, &res, NULL), 0);
	cni_result_done(&res);
	assert_ran(w, "b ADD\nc ADD\n");
	assert_int_equal(cni_add_begin(w->loop, &w->conf, w->net, &held, &op, NULL), -ERR_EXISTS);
	assert_int_equal(cni_del_cached(w->loop, &w->conf, "x-1", NULL, NULL, NULL), 0);
	assert_ran(w, DELETED);
	assert_int_equal(cni_add_begin(w->loop, &w->conf, w->net, &held, &op, NULL), 0);
	cni_op_abort(op); /* while it is held */
	assert_false(cached(w));
	world_free(w);
}

static bool was_given_ports(const struct world *w)
{
	_cleanup_json_ json *in = input(w, "b.DEL");

	return json_get(json_get_object(in, "runtimeConfig"), "portMappings");
}

/* The cache says what is still forwarded, though the rest of the DEL fails; and what was deleted is not deleted again. */
static void freed_ports(void **state)
{
	struct world *w = world_new();

	(void)state;
	parse(w, PORTS);
	plugin(w, "a", RESULT, "exit 1");
	plugin(w, "b", RESULT, "exit 1");
	assert_false(cni_has_ports(&w->conf, "x-1") || cni_is_cached(&w->conf, "x-1"));
	assert_int_equal(add(w, &attach_web, 30000, NULL), 0);
	assert_true(cni_has_ports(&w->conf, "x-1") && cni_is_cached(&w->conf, "x-1"));
	assert_true(cni_del_cached(w->loop, &w->conf, "x-1", NULL, NULL, NULL) < 0);
	assert_true(cni_has_ports(&w->conf, "x-1"));
	plugin(w, "b", RESULT, "");
	assert_true(cni_del_cached(w->loop, &w->conf, "x-1", NULL, NULL, NULL) < 0);
	assert_true(was_given_ports(w));
	assert_false(cni_has_ports(&w->conf, "x-1"));
	assert_true(cni_is_cached(&w->conf, "x-1"));
	plugin(w, "a", RESULT, "");
	assert_int_equal(cni_del_cached(w->loop, &w->conf, "x-1", NULL, NULL, NULL), 0);
	assert_false(was_given_ports(w));
	assert_false(cni_is_cached(&w->conf, "x-1"));
	world_free(w);
}

static void cancelled(void **state)
{
	struct world *w = world_new();
	struct cancel cancel = { .on = SIGINT, .fd = -1 };
	const struct ctx ctx = { .cancel = &cancel };
	struct err err = ERR_INIT;
	struct cni_result res = { 0 };
	struct cni_op *op = NULL;

	(void)state;
	plugin(w, "a", "exec sleep 60", "");
	assert_int_equal(cni_add_begin(w->loop, &w->conf, w->net, &at, &op, &err), 0);
	assert_int_equal(cni_add_end(op, &ctx, &res, &err), -ERR_CANCELLED);
	_cleanup_free_ char *ran = contents(w, "ran"); /* whether the script came to its first line is chance */
	assert_non_null(strstr(ran, DELETED));
	assert_false(cached(w));
	world_free(w);
}

static void aborted_in_the_middle(void **state)
{
	struct world *w = world_new();
	_cleanup_free_ char *pid_file = path_of(w, "pid"), *hang = mem_printf("echo $$ >%s; exec sleep 60", pid_file);
	_cleanup_free_ char *pid = NULL;
	struct cni_op *op = NULL;
	const struct ctx slice = ctx_within(NULL, 20000);

	(void)state;
	plugin(w, "b", hang, "");
	assert_int_equal(cni_add_begin(w->loop, &w->conf, w->net, &at, &op, NULL), 0);
	for (;;) { /* b writes its number before it hangs */
		struct ctx tick = ctx_within(&slice, 10);

		free(pid);
		pid = contents(w, "pid");
		if (strchr(pid, '\n'))
			break;
		assert_int_equal(ctx_check(&slice, NULL), 0);
		(void)loop_turn(w->loop, &tick, NULL);
	}
	assert_false(cni_op_ready(op));
	cni_op_abort(op);
	assert_ran(w, AT_B);
	assert_false(cached(w));
	assert_int_equal(kill((pid_t)strtol(pid, NULL, 10), 0), -1);
	world_free(w);
}

static void aborted_when_done(void **state)
{
	struct world *w = world_new();
	struct cni_op *op = NULL;

	(void)state;
	assert_int_equal(cni_add_begin(w->loop, &w->conf, w->net, &at, &op, NULL), 0);
	while (!cni_op_ready(op))
		assert_int_equal(loop_turn(w->loop, NULL, NULL), 0);
	cni_op_abort(op);
	assert_ran(w, AT_C);
	assert_false(cached(w));
	cni_op_abort(NULL);
	world_free(w);
}

/* The conflist may be gone, and its file may never have been there: the cache has what a DEL needs. */
static void deleted_from_the_cache(void **state)
{
	struct world *w = world_new();
	struct cni_result res = { 0 };

	(void)state;
	assert_int_equal(add(w, &at, 30000, NULL), 0);
	assert_true(cached(w));
	assert_int_equal(cni_cached_result(&w->conf, "t", "x-1", "eth0", &res, NULL), 0);
	assert_string_equal(res.ips[0].address, "10.1.2.3/24");
	cni_result_done(&res);
	assert_int_equal(cni_del_cached(w->loop, &w->conf, "x", NULL, NULL, NULL), 0); /* another container */
	assert_ran(w, ADDED);
	assert_int_equal(cni_del_cached(w->loop, &w->conf, "x-1", NULL, NULL, NULL), 0);
	assert_ran(w, DELETED);
	assert_false(cached(w));
	assert_int_equal(cni_del_cached(w->loop, &w->conf, "x-1", NULL, NULL, NULL), 0); /* nothing there: nothing runs */
	assert_ran(w, "");
	assert_int_equal(cni_cached_result(&w->conf, "t", "x-1", "eth0", &res, NULL), -ERR_NOT_FOUND);
	world_free(w);
}

/* The crash of a host can empty a cache file: its name says enough. */
static void deleted_from_a_damaged_cache(void **state)
{
	struct world *w = world_new();
	_cleanup_free_ char *conflist = path_of(w, "t.conflist"), *file = path_of(w, "results/t-x-1-eth0");

	(void)state;
	assert_int_equal(file_write(conflist, w->net->text.data, w->net->text.len, 0644, NULL), 0);
	assert_int_equal(add(w, &at, 30000, NULL), 0);
	assert_int_equal(truncate(file, 0), 0);
	assert_ran(w, ADDED);
	assert_int_equal(cni_del_cached(w->loop, &w->conf, "x-1", NULL, NULL, NULL), 0);
	assert_ran(w, DELETED);
	assert_false(cached(w));
	world_free(w);
}

static void refused(void **state)
{
	struct world *w = world_new();
	const struct port port = { .host = 80, .inside = 80 };
	const struct cni_attach with_port = {
		.container_id = "x-1", .netns = "/none", .ifname = "eth0", .ports = &port, .n_ports = 1
	};
	const struct cni_attach bad_id = { .container_id = "../x", .ifname = "eth0" },
				bad_if = { .container_id = "x", .ifname = "e/0" };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(add(w, &with_port, 30000, &err), -ERR_PRECONDITION);
	assert_string_equal(err.msg, "network t: it forwards no ports");
	assert_non_null(strstr(err.hint, "t.conflist"));
	assert_int_equal(add(w, &bad_id, 30000, NULL), -ERR_INVALID);
	assert_int_equal(add(w, &bad_if, 30000, NULL), -ERR_INVALID);
	assert_ran(w, "");
	assert_int_equal(add(w, &at, 30000, NULL), 0);
	err_clear(&err);
	assert_int_equal(add(w, &at, 30000, &err), -ERR_EXISTS); /* and what is attached stays so */
	assert_string_equal(err.msg, "network t: eth0 of x-1 is attached already");
	assert_ran(w, ADDED);
	assert_true(cached(w));
	world_free(w);
}

/* What plugins are given. */

#define CAPABLE \
	"{\"cniVersion\":\"%s\",\"name\":\"t\",\"plugins\":[{\"type\":\"a\",\"own\":{\"k\":1}}," \
	"{\"type\":\"b\",\"capabilities\":{\"portMappings\":true,\"bandwidth\":true}}," \
	"{\"type\":\"c\",\"capabilities\":{\"portMappings\":false,\"dns\":true}}]}"

static void assert_json(json *j, const char *want)
{
	_cleanup_buf_ struct buf text = { 0 };

	if (j)
		json_write(j, &text);
	assert_string_equal(buf_str(&text), want);
}

static void input_of_an_add(void **state)
{
	struct world *w = world_new();
	_cleanup_free_ char *list = mem_printf(CAPABLE, "1.0.0");
	const struct port ports[] = { { .host = 8080, .inside = 80 },
				      { .host_ip = (char *)"127.0.0.1", .host = 53, .inside = 5353, .proto = PORT_UDP } };
	char *options[] = { (char *)"ndots:1", NULL };
	const struct strv dns_options = { .v = options, .n = 1, .cap = 2 };
	const struct cni_attach attach = {
		.container_id = "x-1", .netns = "/none", .ifname = "eth0", .ports = ports, .n_ports = 2, .dns_options = &dns_options
	};

	(void)state;
	parse(w, list);
	plugin(w, "a", "echo '{\"ips\":[{\"address\":\"10.1.2.3/24\"}],\"a\":1}'", "");
	assert_int_equal(add(w, &attach, 30000, NULL), 0);
	_cleanup_json_ json *a = input(w, "a.ADD"), *b = input(w, "b.ADD"), *c = input(w, "c.ADD");
	assert_json(a, "{\"type\":\"a\",\"own\":{\"k\":1},\"name\":\"t\",\"cniVersion\":\"1.0.0\"}");
	assert_json(json_get(b, "capabilities"), "");
	assert_json(json_get(b, "runtimeConfig"),
		    "{\"portMappings\":[{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"tcp\"},"
		    "{\"hostPort\":53,\"containerPort\":5353,\"protocol\":\"udp\",\"hostIP\":\"127.0.0.1\"}]}");
	assert_json(json_get(b, "prevResult"), "{\"ips\":[{\"address\":\"10.1.2.3/24\"}],\"a\":1,\"cniVersion\":\"1.0.0\"}");
	assert_json(json_get(c, "runtimeConfig"), "{\"dns\":{\"options\":[\"ndots:1\"]}}");
	assert_int_equal(cni_del_cached(w->loop, &w->conf, "x-1", NULL, NULL, NULL), 0); /* the ports are remembered */
	_cleanup_json_ json *del = input(w, "b.DEL");
	assert_int_equal(json_len(json_get_array(json_get_object(del, "runtimeConfig"), "portMappings")), 2);
	world_free(w);
}

static void prev_result_by_version(void **state)
{
	static const struct {
		const char *version;
		bool in_del;
	} rows[] = {
		{ "0.1.0", false }, { "0.2.0", false }, { "0.3.0", false }, { "0.3.1", false },
		{ "0.4.0", true },  { "1.0.0", true },  { "1.1.0", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct world *w = world_new();
		_cleanup_free_ char *list = mem_printf(CAPABLE, rows[i].version);

		parse(w, list);
		assert_int_equal(add(w, &at, 30000, NULL), 0);
		assert_int_equal(cni_del_cached(w->loop, &w->conf, "x-1", NULL, NULL, NULL), 0);
		_cleanup_json_ json *first = input(w, "a.ADD"), *second = input(w, "b.ADD"), *del = input(w, "a.DEL");
		assert_null(json_get(first, "prevResult"));
		assert_non_null(json_get(second, "prevResult"));
		assert_int_equal(json_get(del, "prevResult") != NULL, rows[i].in_del);
		assert_string_equal(json_get_str(del, "cniVersion"), rows[i].version);
		world_free(w);
	}
}

static void assert_env(const char *env, const char *line, bool there)
{
	_cleanup_strv_ struct strv lines = { 0 };

	strv_split(&lines, env, "\n");
	assert_int_equal(strv_has(&lines, line), there);
}

static void environment(void **state)
{
	struct world *w = world_new();
	const struct cni_attach attach = { .container_id = "x-1", .netns = "/none", .ifname = "eth0", .args = "IP=10.1.2.3;MAC=x" };
	_cleanup_free_ char *path = mem_printf("CNI_PATH=%s", w->dir);

	(void)state;
	assert_int_equal(setenv("CNI_ARGS", "of=ours", 1), 0);
	assert_int_equal(setenv("CNI_OTHER", "x", 1), 0);
	assert_int_equal(setenv("DAVIT_KEPT", "y", 1), 0);
	assert_int_equal(add(w, &attach, 30000, NULL), 0);
	assert_int_equal(cni_del_cached(w->loop, &w->conf, "x-1", "/gone", NULL, NULL), 0);
	_cleanup_free_ char *env = contents(w, "env.b.ADD"), *del = contents(w, "env.b.DEL");
	assert_env(env, "CNI_COMMAND=ADD", true);
	assert_env(env, "CNI_CONTAINERID=x-1", true);
	assert_env(env, "CNI_NETNS=/none", true);
	assert_env(env, "CNI_IFNAME=eth0", true);
	assert_env(env, path, true);
	assert_env(env, "CNI_ARGS=IP=10.1.2.3;MAC=x", true);
	assert_env(env, "CNI_OTHER=x", false);
	assert_env(env, "DAVIT_KEPT=y", true);
	assert_non_null(strstr(env, ":/usr/sbin:/sbin"));
	assert_env(del, "CNI_NETNS=", true); /* its namespace is gone */
	assert_env(del, "CNI_ARGS=IP=10.1.2.3;MAC=x", true);
	assert_int_equal(unsetenv("CNI_ARGS") | unsetenv("CNI_OTHER"), 0);
	world_free(w);
}

static void checks(void **state)
{
	struct world *w = world_new();
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(add(w, &at, 30000, NULL), 0);
	assert_ran(w, ADDED);
	assert_int_equal(cni_check(w->loop, &w->conf, w->net, &at, NULL, &err), 0);
	assert_ran(w, "a CHECK\nb CHECK\nc CHECK\n");
	_cleanup_json_ json *first = input(w, "a.CHECK");
	assert_non_null(json_get(first, "prevResult"));
	plugin(w, "b", "echo '{\"code\":100,\"msg\":\"no address\"}'; exit 1", "");
	assert_true(cni_check(w->loop, &w->conf, w->net, &at, NULL, &err) < 0);
	assert_string_equal(err.msg, "network t: plugin b: no address");
	assert_ran(w, "a CHECK\nb CHECK\n"); /* what is found amiss is not deleted */
	assert_true(cached(w));
	parse(w, "{\"cniVersion\":\"0.4.0\",\"name\":\"t\",\"disableCheck\":\"True\",\"plugins\":[{\"type\":\"a\"}]}");
	assert_int_equal(cni_check(w->loop, &w->conf, w->net, &at, NULL, NULL), 0);
	parse(w, "{\"cniVersion\":\"0.3.1\",\"name\":\"t\",\"plugins\":[{\"type\":\"a\"}]}");
	assert_int_equal(cni_check(w->loop, &w->conf, w->net, &at, NULL, NULL), -ERR_UNIMPLEMENTED);
	assert_ran(w, "");
	world_free(w);
}

RUN_TESTS("cni", cmocka_unit_test(any_failure_deletes_the_chain), cmocka_unit_test(codes_are_kept),
	  cmocka_unit_test(a_missing_plugin), cmocka_unit_test(a_rollback_that_fails), cmocka_unit_test(a_version_that_is_rejected),
	  cmocka_unit_test(a_failing_del_goes_on), cmocka_unit_test(a_hanging_del_leaves_the_others_time),
	  cmocka_unit_test(cancelled), cmocka_unit_test(aborted_in_the_middle), cmocka_unit_test(aborted_when_done),
	  cmocka_unit_test(deleted_from_the_cache), cmocka_unit_test(deleted_from_a_damaged_cache), cmocka_unit_test(refused),
	  cmocka_unit_test(input_of_an_add), cmocka_unit_test(prev_result_by_version), cmocka_unit_test(environment),
	  cmocka_unit_test(checks), cmocka_unit_test(neighbours_run_side_by_side), cmocka_unit_test(a_failing_neighbour),
	  cmocka_unit_test(a_neighbour_that_changes_the_result), cmocka_unit_test(held_ports), cmocka_unit_test(freed_ports),
	  cmocka_unit_test(a_del_that_takes_two))
