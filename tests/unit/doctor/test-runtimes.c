/* Shims and engines of a machine that is a folder. */
#include "test.h"
#include "mem.h"
#include "runtimes.h"
#include "test-folder.h"
#include <stdlib.h>

static int runtimes_setup(void **state)
{
	assert_int_equal(setenv("PATH", "/own/bin:relative", 1), 0);
	*state = test_folder_new("runtimes", "x");
	return 0;
}

static void put_script(const struct test_folder *f, const char *path, const char *says)
{
	_cleanup_free_ char *full = mem_printf("%s%s", f->dir, path), *folder = mem_strdup(full), *text = NULL;

	text = says ? mem_printf("#!/bin/sh\nprintf '%%s\\n' '%s'\n", says) : mem_strdup("");
	*strrchr(folder, '/') = '\0';
	assert_int_equal(file_mkdirs(folder, 0755, NULL), 0);
	assert_int_equal(file_write(full, text, strlen(text), 0755, NULL), 0);
}

static void find_all(const struct test_folder *f, struct found_runtimes *ret)
{
	const struct ctx ctx = ctx_none();

	runtimes_find(f->dir, NULL, &ctx, ret);
}

/* @why "": it can run. */
static void has_row(const struct found_runtimes *l, const char *name, const char *version, const char *path, const char *why)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct found_runtime *f = &l->v[i];

		if (strcmp(f->name, name) != 0)
			continue;
		assert_string_equal(f->version ? f->version : "", version);
		assert_string_equal(f->path, path);
		assert_int_equal(f->engine, strncmp(name, "io.containerd.", 14) != 0);
		if (*why ? !f->why || !strstr(f->why, why) : f->why != NULL)
			fail_msg("%s: %s", name, f->why ? f->why : "runs");
		assert_true(!f->why || f->remedy || strstr(f->why, "version"));
		return;
	}
	fail_msg("no %s", name);
}

static void finds_none_on_a_bare_machine(void **state)
{
	_cleanup_(found_runtimes_done) struct found_runtimes l = { 0 };

	find_all(*state, &l);
	assert_int_equal(l.n, 0);
}

static void says_why_one_cannot_run(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_(found_runtimes_done) struct found_runtimes l = { 0 };

	put_script(f, "/usr/bin/containerd-shim-runc-v2", "containerd-shim-runc-v2:\n  Version:  1.6.20\n  Revision: x");
	put_script(f, "/usr/bin/containerd-shim-davit-v2", "containerd-shim-davit-v2 0.1.0");
	put_script(f, "/usr/bin/containerd-shim-runsc-v1", NULL);
	put_script(f, "/usr/bin/containerd-shim-kata-v2", "  Version:  3.2.0");
	put_script(f, "/own/bin/containerd-shim-mine-v3", NULL);
	put_script(f, "/usr/bin/containerd-shim", NULL);
	put_script(f, "/usr/bin/kata-runtime", "kata-runtime  : 3.2.0");
	put_script(f, "/usr/bin/youki", NULL);
	find_all(f, &l);
	assert_int_equal(l.n, 7);
	has_row(&l, "io.containerd.runc.v2", "1.6.20", "/usr/bin/containerd-shim-runc-v2", "no program runc");
	has_row(&l, "io.containerd.davit.v2", "0.1.0", "/usr/bin/containerd-shim-davit-v2", "neither runc nor crun");
	has_row(&l, "io.containerd.runsc.v1", "", "/usr/bin/containerd-shim-runsc-v1", "no program runsc");
	has_row(&l, "io.containerd.kata.v2", "3.2.0", "/usr/bin/containerd-shim-kata-v2", "no configuration.toml");
	has_row(&l, "io.containerd.mine.v3", "", "/own/bin/containerd-shim-mine-v3", "containerd does not look there");
	has_row(&l, "kata-runtime", "3.2.0", "/usr/bin/kata-runtime", "no configuration.toml");
	has_row(&l, "youki", "", "/usr/bin/youki", "does not tell its version");
	found_runtimes_done(&l);
	put_script(f, "/etc/kata-containers/configuration.toml", NULL);
	put_script(f, "/usr/local/bin/runc", "runc version 1.1.5+ds1");
	put_script(f, "/usr/bin/runc", "runc version 1.0.0");
	put_script(f, "/usr/bin/runsc", "runsc version release-20240101.0");
	find_all(f, &l);
	has_row(&l, "io.containerd.runc.v2", "1.6.20", "/usr/bin/containerd-shim-runc-v2", "");
	has_row(&l, "io.containerd.davit.v2", "0.1.0", "/usr/bin/containerd-shim-davit-v2", "");
	has_row(&l, "io.containerd.runsc.v1", "", "/usr/bin/containerd-shim-runsc-v1", "");
	has_row(&l, "io.containerd.kata.v2", "3.2.0", "/usr/bin/containerd-shim-kata-v2", "no /dev/kvm");
	has_row(&l, "runc", "1.1.5+ds1", "/usr/local/bin/runc", "");
	found_runtimes_done(&l);
	put_script(f, "/dev/kvm", NULL);
	put_script(f, "/dev/vhost-vsock", NULL);
	find_all(f, &l);
	has_row(&l, "io.containerd.kata.v2", "3.2.0", "/usr/bin/containerd-shim-kata-v2", "");
	has_row(&l, "kata-runtime", "3.2.0", "/usr/bin/kata-runtime", "");
}

static void crun_needs_hugetlb_on_version_1(void **state)
{
	const struct test_folder *f = *state;

	put_script(f, "/usr/bin/crun", "crun version 1.8.1");
	put_script(f, "/usr/bin/containerd-shim-davit-v2", NULL);
	for (int mounted = 0; mounted < 2; mounted++) {
		_cleanup_(found_runtimes_done) struct found_runtimes l = { 0 };

		put_script(f, mounted ? "/sys/fs/cgroup/hugetlb/cgroup.procs" : "/sys/fs/cgroup/memory/cgroup.procs", NULL);
		find_all(f, &l);
		has_row(&l, "crun", "1.8.1", "/usr/bin/crun", mounted ? "" : "hugetlb mounted");
		has_row(&l, "io.containerd.davit.v2", "", "/usr/bin/containerd-shim-davit-v2", mounted ? "" : "hugetlb mounted");
	}
}

#define T(test) cmocka_unit_test_setup_teardown(test, runtimes_setup, test_folder_teardown)
RUN_TESTS("runtimes", T(finds_none_on_a_bare_machine), T(says_why_one_cannot_run), T(crun_needs_hugetlb_on_version_1))
