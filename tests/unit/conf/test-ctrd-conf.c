#include "test.h"
#include "test-folder.h"
#include "ctrd-conf.h"
#include "mem.h"
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static int ctrd_conf_setup(void **state)
{
	*state = test_folder_new("ctrd-conf", "config.toml");
	return 0;
}

static void put_file(const struct test_folder *f, const char *name, const char *text)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", f->dir, name);

	assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
}

static void load_or_fail(const struct test_folder *f, struct ctrd_conf *ret)
{
	struct err err = ERR_INIT;

	if (ctrd_conf_load(f->path, ret, &err) < 0)
		fail_msg("%s", err.msg);
}

static void reads_imports_in_containerd_s_order(void **state)
{
	const struct test_folder *f = *state;
	static const char *const order[] = { "config.toml", "b.toml", "d/1.toml", "d/2.toml", "z.toml" };
	_cleanup_free_ char *d = mem_printf("%s/d", f->dir);
	_cleanup_(ctrd_conf_done) struct ctrd_conf c = { 0 };

	assert_int_equal(file_mkdirs(d, 0755, NULL), 0);
	put_file(f, "config.toml", "version = 2\nimports = ['b.toml', './d/*.toml', 'config.toml', 'none/*.toml']\n");
	put_file(f, "b.toml", "imports = ['z.toml', 'config.toml']\n");
	put_file(f, "d/2.toml", "");
	put_file(f, "d/1.toml", "imports = ['../b.toml']");
	put_file(f, "z.toml", "");
	load_or_fail(f, &c);
	assert_int_equal(c.n, sizeof order / sizeof *order);
	for (size_t i = 0; i < c.n; i++)
		assert_string_equal(c.v[i].path + strlen(f->dir) + 1, order[i]);
	assert_int_equal(ctrd_conf_version(&c), 2);
}

static void says_what_cannot_be_read(void **state)
{
	const struct test_folder *f = *state;
	struct ctrd_conf c = { 0 };
	struct err err = ERR_INIT;

	put_file(f, "config.toml", "imports = ['b.toml']\n");
	assert_int_equal(ctrd_conf_load(f->path, &c, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, "imports of "));
	assert_non_null(strstr(err.msg, "b.toml: No such file"));
	err_clear(&err);
	put_file(f, "b.toml", "\n[a\n");
	assert_int_equal(ctrd_conf_load(f->path, &c, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, "b.toml: line 2: "));
}

static void knows_the_form(void **state)
{
	const struct test_folder *f = *state;
	static const struct {
		const char *text, *cri; /* NULL: not known */
		unsigned version;
	} cases[] = {
		{ "", "cri", 1 },
		{ "version = 1", "cri", 1 },
		{ "version = 2", "io.containerd.grpc.v1.cri", 2 },
		{ "version = 3", "io.containerd.cri.v1.runtime", 3 },
		{ "version = 4", "io.containerd.cri.v1.runtime", 4 },
		{ "version = 5", NULL, 5 },
		{ "version = 99999999999", NULL, UINT32_MAX },
	};
	_cleanup_(ctrd_conf_done) struct ctrd_conf none = { 0 };

	load_or_fail(f, &none);
	assert_int_equal(none.n, 0);
	assert_int_equal(ctrd_conf_version(&none), 0);
	assert_null(ctrd_conf_holder(&none));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(ctrd_conf_done) struct ctrd_conf c = { 0 };
		const char *cri = NULL;

		put_file(f, "config.toml", cases[i].text);
		load_or_fail(f, &c);
		assert_int_equal(ctrd_conf_version(&c), cases[i].version);
		assert_int_equal(ctrd_conf_cri(cases[i].version, &cri, NULL), cases[i].cri ? 0 : -ERR_UNIMPLEMENTED);
		if (cases[i].cri)
			assert_string_equal(cri, cases[i].cri);
		assert_ptr_equal(ctrd_conf_holder(&c), &c.v[0]);
	}
}

static void sees_a_cri_plugin_that_is_off(void **state)
{
	const struct test_folder *f = *state;
	static const struct {
		const char *text, *word;
	} cases[] = {
		{ "disabled_plugins = ['cri']", "cri" },
		{ "version = 2\ndisabled_plugins = ['cri']", NULL },
		{ "version = 2\ndisabled_plugins = ['x', 'io.containerd.grpc.v1.cri']", "io.containerd.grpc.v1.cri" },
		{ "version = 3\ndisabled_plugins = ['io.containerd.cri.v1.images']", "io.containerd.cri.v1.images" },
		{ "version = 3\ndisabled_plugins = ['io.containerd.grpc.v1.cri']", "io.containerd.grpc.v1.cri" },
		{ "version = 3\ndisabled_plugins = [1]", NULL },
		{ "version = 9\ndisabled_plugins = ['cri']", NULL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(ctrd_conf_done) struct ctrd_conf c = { 0 };
		const char *word, *file = NULL;

		put_file(f, "config.toml", cases[i].text);
		load_or_fail(f, &c);
		word = ctrd_conf_cri_off(&c, &file);
		assert_int_equal(!word, !cases[i].word);
		if (word) {
			assert_string_equal(word, cases[i].word);
			assert_string_equal(file, f->path);
		}
	}
}

static void knows_whose_word_is_the_last(void **state)
{
	const struct test_folder *f = *state;
	_cleanup_(ctrd_conf_done) struct ctrd_conf c = { 0 };
	json *systemd;

	put_file(f, "config.toml", "version = 2\nimports = ['b.toml', 'c.toml']\n[plugins.'io.containerd.grpc.v1.cri']\n");
	put_file(f, "b.toml", "[plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.runc.options]\nSystemdCgroup = true\n");
	put_file(f, "c.toml", "[plugins.other]\n");
	load_or_fail(f, &c);
	assert_ptr_equal(ctrd_conf_holder(&c), &c.v[1]);
	systemd = ctrd_conf_of_runtime(&c, "runc", "options.SystemdCgroup");
	assert_true(systemd && json_object_get_boolean(systemd));
	assert_null(ctrd_conf_of_runtime(&c, "crun", "options.SystemdCgroup"));
}

/* A process with that command line, which ends with @hold. */
static pid_t start_with(const char *script, const char *one, const char *two, int hold[2])
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(hold[0], 0);
		(void)execl("/bin/sh", "sh", script, one, two, NULL);
		_exit(1);
	}
	(void)close(ready[1]);
	(void)close(hold[0]);
	assert_int_equal(read(ready[0], &c, 1), 0); /* it is the shell now */
	(void)close(ready[0]);
	return pid;
}

static void sees_the_flag_of_a_process(void **state)
{
	const struct test_folder *f = *state;
	static const char *const lines[][3] = {
		{ "--config", "/a.toml", "/a.toml" }, { "-c", "/b.toml", "/b.toml" },   { "--config=/c.toml", "x", "/c.toml" },
		{ "-c=/d.toml", "x", "/d.toml" },     { "--log-level", "debug", NULL }, { "x", "--config", NULL },
	};

	put_file(f, "config.toml", "read x\n");
	assert_null(ctrd_conf_named(0));
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		_cleanup_free_ char *named = NULL;
		int hold[2];
		const pid_t pid = start_with(f->path, lines[i][0], lines[i][1], hold);

		named = ctrd_conf_named(pid);
		(void)close(hold[1]);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_int_equal(!named, !lines[i][2]);
		if (named)
			assert_string_equal(named, lines[i][2]);
	}
}

#define T(test) cmocka_unit_test_setup_teardown(test, ctrd_conf_setup, test_folder_teardown)
RUN_TESTS("ctrd-conf", T(reads_imports_in_containerd_s_order), T(says_what_cannot_be_read), T(knows_the_form),
	  T(sees_a_cri_plugin_that_is_off), T(knows_whose_word_is_the_last), T(sees_the_flag_of_a_process))
