/* Against trees of files that look like hosts with and without AppArmor; the parser is a shell script. */
#include "test.h"
#include "apparmor.h"
#include "child.h"
#include "file.h"
#include "mem.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENABLED "/sys/module/apparmor/parameters/enabled"
#define PROFILES "/sys/kernel/security/apparmor/profiles"
#define PARSER "/usr/sbin/apparmor_parser"

static char root[64];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof root, "/tmp/davit-test-apparmor-XXXXXX");
	assert_non_null(mkdtemp(root));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return file_remove_tree(root, NULL);
}

static void put(const char *path, const char *text, mode_t mode)
{
	_cleanup_free_ char *full = mem_printf("%s%s", root, path), *folder = mem_strdup(full);

	*strrchr(folder, '/') = '\0';
	assert_int_equal(file_mkdirs(folder, 0755, NULL), 0);
	assert_int_equal(file_write(full, text, strlen(text), mode, NULL), 0);
}

static void knows_the_host(void **state)
{
	(void)state;
	assert_int_equal(apparmor_state(root), APPARMOR_OFF);
	put(ENABLED, "N\n", 0644);
	assert_int_equal(apparmor_state(root), APPARMOR_OFF);
	put(ENABLED, "Y\n", 0644);
	assert_int_equal(apparmor_state(root), APPARMOR_UNSEEN);
	put(PROFILES, "", 0644);
	assert_int_equal(apparmor_state(root), APPARMOR_ON);
}

static void reads_the_list(void **state)
{
	static const struct {
		const char *name;
		int loaded;
	} rows[] = {
		{ "davit-default", 1 },
		{ "davit", 0 },
		{ "default", 0 },
		{ "/usr/bin/man", 1 },
		{ "with blank", 1 },
		{ "with", 0 },
		{ "nested//child", 1 },
		{ "last", 1 },
		{ "", 0 },
		{ "enforce", 0 },
		{ "davit-default (enforce)", 0 },
		{ "tricky (x)", 1 },
		{ "tricky", 0 },
	};

	(void)state;
	assert_int_equal(apparmor_loaded(root, "x", NULL), -ERR_NOT_FOUND);
	put(PROFILES,
	    "davit-default (enforce)\n/usr/bin/man (complain)\nwith blank (enforce)\nnested//child (unconfined)\ntricky (x) "
	    "(kill)\nlast (enforce)",
	    0644);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (apparmor_loaded(root, rows[i].name, NULL) != rows[i].loaded)
			fail_msg("%s", rows[i].name);
}

static void choose(const char *asked, bool privileged, int want, const char *profile, const char *says)
{
	struct task t = { .apparmor = mem_strdup(asked ? asked : ""), .privileged = privileged };
	const char *got = "untouched";
	struct err err = ERR_INIT;
	int r;

	if (!asked) {
		free(t.apparmor);
		t.apparmor = NULL;
	}
	r = apparmor_choose(root, &t, &got, &err);
	assert_int_equal(r, want);
	if (r >= 0 && profile)
		assert_string_equal(got, profile);
	else if (r >= 0)
		assert_null(got);
	if (says && !strstr(err.msg, says))
		fail_msg("%s", err.msg);
	free(t.apparmor);
}

static void chooses(void **state)
{
	(void)state;
	choose(NULL, false, 0, NULL, NULL);
	choose("unconfined", false, 0, NULL, NULL);
	choose("mine", false, -ERR_PRECONDITION, NULL, "apparmor profile mine: this host has no AppArmor");
	put(ENABLED, "Y\n", 0644);
	choose(NULL, false, 0, NULL, NULL); /* nothing could set one */
	choose("mine", true, -ERR_PRECONDITION, NULL, "apparmor profile mine: this host has no AppArmor");
	put(PROFILES, "mine (enforce)\n", 0644);
	choose(NULL, false, 0, "davit-default", NULL);
	choose(NULL, true, 0, NULL, NULL);
	choose("mine", true, 0, "mine", NULL);
	choose("mine", false, 0, "mine", NULL);
	choose("davit-default", true, 0, "davit-default", NULL);
	choose("unconfined", false, 0, NULL, NULL);
	choose("yours", false, -ERR_PRECONDITION, NULL, "apparmor profile yours: not loaded");
}

static void loads(void **state)
{
	_cleanup_(loop_freep) struct loop *loop = loop_new();
	_cleanup_free_ char *seen = mem_printf("%s/seen", root);
	_cleanup_buf_ struct buf text = { 0 }, want = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(apparmor_load(root, loop, NULL, &err), -ERR_NOT_FOUND);
	assert_string_equal(err.hint, "apt-get install apparmor");
	put(PARSER, "#!/bin/sh\n[ \"$*\" = -Kr ] || exit 9\ncat >\"${0%/usr/*}/seen\"\n", 0755);
	put("/etc/apparmor.d/abi/3.0", "", 0644);
	assert_int_equal(apparmor_load(root, loop, NULL, NULL), 0);
	assert_int_equal(file_read(seen, 65536, &text, NULL), 0);
	apparmor_text(root, &want);
	assert_string_equal(buf_str(&text), buf_str(&want));
	assert_memory_equal(text.data, "abi <abi/3.0>,\nprofile davit-default flags=", 43);
	put(PARSER, "#!/bin/sh\ncat >/dev/null; echo 'no permission' >&2; exit 1\n", 0755);
	err_clear(&err);
	assert_int_equal(apparmor_load(root, loop, NULL, &err), -ERR_PRECONDITION);
	assert_non_null(strstr(err.msg, "no permission"));
}

/* The parser of this machine takes it, with and without what it says of its age. */
static void compiles(void **state)
{
	_cleanup_(loop_freep) struct loop *loop = loop_new();
	_cleanup_free_ char *parser = apparmor_parser("");
	_cleanup_buf_ struct buf text = { 0 };

	(void)state;
	if (!parser) {
		print_message("skip: no apparmor_parser program (package apparmor)\n");
		skip();
	}
	for (int i = 0; i < 2; i++) {
		struct child_spec spec = { .path = parser, .argv = (char *[]){ parser, (char[]){ "-QK" }, NULL }, .err_max = 4096 };
		_cleanup_(child_freep) struct child *child = NULL;

		buf_reset(&text);
		apparmor_text(i ? "" : root, &text);
		spec.input = buf_str(&text);
		spec.input_len = text.len;
		assert_int_equal(child_start(loop, &spec, &child, NULL), 0);
		if (child_wait(child, NULL, NULL) != 0)
			fail_msg("%s", buf_str(child_err(child)));
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
RUN_TESTS("apparmor", CASE(knows_the_host), CASE(reads_the_list), CASE(chooses), CASE(loads), CASE(compiles))
