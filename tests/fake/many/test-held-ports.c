/* A job takes over the port of one that has ended, while its image is pulled for longer than any step may take: what waits for the
 * task by then (the port, the plugin that forwards it) has not used up its time. */
#include "test.h"
#include "claim.h"
#include "fake.h"
#include "file.h"
#include "job-remove.h"
#include "job-run.h"
#include "log.h"
#include "mem.h"
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP_MS = 2500, PORT = 18099 };
#define PULL_S "4"
#define PLUGIN \
	"#!/bin/sh\ncat >/dev/null\necho \"$CNI_COMMAND $CNI_CONTAINERID\" >>\"$TRAIL\"\n" \
	"[ $CNI_COMMAND = DEL ] || echo '{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.9.9.2/24\"}]}'\n"
#define NETWORK \
	"{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"plugins\":[{\"type\":\"plug\"}," \
	"{\"type\":\"plug\",\"capabilities\":{\"portMappings\":true}}]}"

static void put(const char *dir, const char *name, const char *text, mode_t mode)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int run_named(struct core *core, const char *name, enum pull_policy pull, char **ret_id, struct err *err)
{
	const struct run_opts opts = { .mode = RUN_DETACHED, .quiet = true };
	_cleanup_(job_freep) struct job *job = job_new();
	struct run_result res = { 0 };
	struct port *p = job_add_port(job);
	int r;

	job->network = mem_strdup("net");
	job->name = mem_strdup(name);
	p->host = p->inside = PORT;
	job->tasks[0].image = mem_strdup("x");
	job->tasks[0].user = mem_strdup("0:0");
	job->tasks[0].pull = pull;
	job->tasks[0].log = JOB_LOG_NONE;
	r = job_run(core, job, &opts, NULL, &res, err);
	*ret_id = r < 0 ? NULL : mem_strdup(res.id);
	run_result_done(&res);
	return r;
}

static void a_long_pull_uses_up_nobodys_time(const char *dir, struct loop *loop)
{
	_cleanup_free_ char *run = mem_printf("%s/run", dir), *data = mem_printf("%s/data", dir),
			    *trail = mem_printf("%s/trail", dir), *pulled = mem_printf("%s/pulled", dir), *old = NULL, *new = NULL;
	_cleanup_(fake_freep) struct fake *fake = NULL;
	struct core_conf conf = { .ns = FAKE_NS,
				  .run_dir = run,
				  .data_dir = data,
				  .snapshotter = "overlayfs",
				  .call_ms = STEP_MS,
				  .cni = { dir, dir, data } };
	_cleanup_buf_ struct buf seen = { 0 };
	struct core *core;
	struct err err = ERR_INIT;

	put(dir, "plug", PLUGIN, 0755);
	put(dir, "net.conflist", NETWORK, 0644);
	assert_int_equal(setenv("TRAIL", trail, true), 0);
	assert_int_equal(setenv("PULLED", pulled, true), 0);
	assert_int_equal(setenv("PULLS", "1", true), 0);
	assert_int_equal(setenv("SLOW", PULL_S, true), 0);
	assert_int_equal(fake_start(loop, &fake, &err), 0);
	assert_int_equal(fake_seed_image(fake, FAKE_NS, "docker.io/library/x:latest", &err), 0);
	conf.address = fake_address(fake);
	assert_int_equal(core_open(&conf, &core, &err), 0);
	if (run_named(core, "old", PULL_NEVER, &old, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(fake_exit(fake, FAKE_NS, old, NULL, 0, &err), 0);
	if (run_named(core, "new", PULL_ALWAYS, &new, &err) < 0)
		fail_msg("%s", err.msg);
	/* old: ADD, ADD; new: the first ADD; then DEL, DEL of old; and new's ADD that forwards the port. */
	assert_true(file_read(trail, 4096, &seen, &err) >= 0);
	{
		_cleanup_free_ char *want =
			mem_printf("ADD %s\nADD %s\nADD %s\nDEL %s\nDEL %s\nADD %s\n", old, old, new, old, old, new);

		assert_string_equal(buf_str(&seen), want);
	}
	assert_int_equal(job_remove(core, "new", true, true, NULL, &err), 0);
	assert_int_equal(job_remove(core, "old", true, true, NULL, &err), 0);
	core_free(core);
}

static void held_ports(void **state)
{
	char dir[] = "/tmp/davit-held-XXXXXX";
	_cleanup_(loop_freep) struct loop *loop = loop_new();

	(void)state;
	log_init(LOG_ERROR, false);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0) {
		print_message("SKIPPED: network namespaces (not root)\n");
		skip();
	}
	assert_non_null(mkdtemp(dir));
	a_long_pull_uses_up_nobodys_time(dir, loop);
	(void)file_remove_tree(dir, NULL);
}

RUN_TESTS("held-ports", cmocka_unit_test(held_ports))
