/* Runtimes on a machine that is a folder: shims and engines are empty scripts in its PATH. */
#include "test.h"
#include "runtime.h"
#include "runtimeoptions.pb-c.h"
#include "test-folder.h"

static void put(const char *dir, const char *name, mode_t mode)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", dir, name), *folder = mem_strdup(path);

	*strrchr(folder, '/') = '\0';
	assert_int_equal(file_mkdirs(folder, 0755, NULL), 0);
	assert_int_equal(file_write(path, "", 0, mode, NULL), 0);
}

static int setup(void **state)
{
	static const char *const programs[] = { "containerd-shim-runc-v2",
						"containerd-shim-kata-v2",
						"containerd-shim-runsc-v1",
						"containerd-shim-own-v3",
						"crun",
						"engine" };
	struct test_folder *f = test_folder_new("runtime", "bin");

	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
		put(f->path, programs[i], 0755);
	put(f->dir, "etc/kata-containers/configuration.toml", 0644);
	put(f->dir, "etc/mine.toml", 0644);
	assert_int_equal(setenv("PATH", f->path, 1), 0);
	*state = f;
	return 0;
}

static const struct {
	const char *name, *key, *value; /* key NULL: no option */
	const char *type, *engine, *config;
	bool vm, systemd;
} right[] = {
	{ "runc", NULL, NULL, "io.containerd.runc.v2", NULL, NULL, false, false },
	{ "crun", NULL, NULL, "io.containerd.runc.v2", "crun", NULL, false, false },
	{ "io.containerd.runc.v2", "binary_name", "engine", "io.containerd.runc.v2", "engine", NULL, false, false },
	{ "runc", "SystemdCgroup", "true", "io.containerd.runc.v2", NULL, NULL, false, true },
	{ "runc", "SystemdCgroup", "false", "io.containerd.runc.v2", NULL, NULL, false, false },
	{ "kata", NULL, NULL, "io.containerd.kata.v2", NULL, "/etc/kata-containers/configuration.toml", true, false },
	{ "io.containerd.run.kata.v2", "ConfigPath", "/etc/mine.toml", "io.containerd.run.kata.v2", NULL, "/etc/mine.toml", true,
	  false },
	{ "kata", "ConfigBody", "x", "io.containerd.kata.v2", NULL, "", true, false },
	{ "gvisor", "configpath", "/etc/mine.toml", "io.containerd.runsc.v1", NULL, "/etc/mine.toml", false, false },
	{ "io.containerd.own.v3", NULL, NULL, "io.containerd.own.v3", NULL, NULL, false, false },
};

static void finds_shim_engine_and_configuration(void **state)
{
	const char *root = ((struct test_folder *)*state)->dir;

	for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
		_cleanup_(runtime_done) struct runtime r = { 0 };
		_cleanup_dict_ struct dict options = { 0 };
		struct err err = ERR_INIT;

		if (right[i].key)
			dict_set(&options, right[i].key, right[i].value);
		if (runtime_resolve(right[i].name, &options, root, &r, &err) < 0)
			fail_msg("%s: %s", right[i].name, err.msg);
		assert_string_equal(r.type, right[i].type);
		assert_string_equal(r.engine ? r.engine : "-", right[i].engine ? right[i].engine : "-");
		assert_int_equal(r.vm, right[i].vm);
		assert_int_equal(r.systemd, right[i].systemd);
		assert_int_equal(r.options.type_url != NULL, right[i].key || right[i].engine || right[i].config);
		if (right[i].config) {
			Runtimeoptions__V1__Options *m =
				runtimeoptions__v1__options__unpack(NULL, r.options.value.len, (uint8_t *)r.options.value.data);

			assert_string_equal(m->config_path, right[i].config);
			runtimeoptions__v1__options__free_unpacked(m, NULL);
		}
	}
}

static const struct {
	const char *name, *key, *value, *says;
} wrong[] = {
	{ "rumc", NULL, NULL, "runtime rumc: no such runtime (found here: " },
	{ "io.containerd.none.v2", NULL, NULL, "runtime io.containerd.none.v2: its shim is not installed" },
	{ "/no/containerd-shim-x-v2", NULL, NULL, "runtime /no/containerd-shim-x-v2: its shim is not installed" },
	{ "runc", "BinaryName", "none-such", "runtime option BinaryName none-such: there is no such program" },
	{ "runc", "BinaryName", "/etc/passwd", "runtime option BinaryName /etc/passwd: there is no such program" },
	{ "crun", "BinaryName", "engine", "runtime option BinaryName engine: runtime crun is crun" },
	{ "runc", "ConfigPath", "/etc/mine.toml", "runtime option ConfigPath: not one of io.containerd.runc.v2" },
	{ "kata", "ConfigPath", "/etc/none.toml", "runtime option ConfigPath /etc/none.toml: there is no such file" },
	{ "kata", "SystemdCgroup", "true", "runtime option SystemdCgroup: not one of io.containerd.kata.v2" },
};

static void names_what_is_not_there(void **state)
{
	const char *root = ((struct test_folder *)*state)->dir;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct runtime r = { 0 };
		_cleanup_dict_ struct dict options = { 0 };
		struct err err = ERR_INIT;

		if (wrong[i].key)
			dict_set(&options, wrong[i].key, wrong[i].value);
		assert_true(runtime_resolve(wrong[i].name, &options, root, &r, &err) < 0);
		if (strncmp(err.msg, wrong[i].says, strlen(wrong[i].says)) != 0)
			fail_msg("%s, not %s", err.msg, wrong[i].says);
		assert_null(r.type);
	}
}

static void only_known_engines_go_down(void **state)
{
	const char *root = ((struct test_folder *)*state)->dir;
	static const struct {
		const char *name, *engine;
		bool can;
	} cases[] = { { "runc", NULL, true }, { "crun", NULL, true }, { "runc", "engine", false }, { "kata", NULL, false } };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(runtime_done) struct runtime r = { 0 };
		_cleanup_dict_ struct dict options = { 0 };

		if (cases[i].engine)
			dict_set(&options, "BinaryName", cases[i].engine);
		assert_int_equal(runtime_resolve(cases[i].name, &options, root, &r, NULL), 0);
		if (!cases[i].can)
			assert_false(r.recursive_ro); /* the others depend on the kernel, too */
	}
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, test_folder_teardown)
RUN_TESTS("runtime", CASE(finds_shim_engine_and_configuration), CASE(names_what_is_not_there), CASE(only_known_engines_go_down))
