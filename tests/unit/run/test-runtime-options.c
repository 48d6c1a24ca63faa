/* What the shims read, unpacked again. */
#include "test.h"
#include "options.pb-c.h"
#include "runtime-options.h"
#include "runtimeoptions.pb-c.h"

#define RUNC "io.containerd.runc.v2"

static const struct {
	const char *type;
	bool runc;
} types[] = {
	{ RUNC, true },
	{ "io.containerd.runc.v1", true },
	{ "io.containerd.davit.v2", true },
	{ "/opt/bin/containerd-shim-runc-v2", true },
	{ "/opt/bin/containerd-shim-davit-v2", true },
	{ "io.containerd.runsc.v1", false },
	{ "io.containerd.kata.v2", false },
	{ "io.containerd.run.kata.v2", false },
	{ "/opt/runc/containerd-shim-kata-v2", false },
	{ "/opt/bin/containerd-shim-runsc-v1", false },
};

static void knows_who_takes_runc_s(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (runtime_takes_runc(types[i].type) != types[i].runc)
			fail_msg("%s", types[i].type);
}

static void nothing_where_nothing_is_asked(void **state)
{
	struct dict none = { 0 };
	struct ctrd_any any = { 0 };

	(void)state;
	assert_int_equal(runtime_options_pack(RUNC, &none, &any, NULL), 0);
	assert_int_equal(runtime_options_pack("io.containerd.runsc.v1", &none, &any, NULL), 0);
	assert_null(any.type_url);
	assert_int_equal(any.value.len, 0);
}

static void packs_runc_s(void **state)
{
	_cleanup_dict_ struct dict o = { 0 };
	struct ctrd_any any = { 0 };
	Containerd__Runc__V1__Options *m;

	(void)state;
	dict_set(&o, "BinaryName", "/b");
	dict_set(&o, "SystemdCgroup", "true");
	dict_set(&o, "Root", "/r");
	dict_set(&o, "NoPivotRoot", "1");
	dict_set(&o, "NoNewKeyring", "false");
	dict_set(&o, "ShimCgroup", "/s");
	dict_set(&o, "IoUid", "4294967294");
	dict_set(&o, "IoGid", "7");
	dict_set(&o, "CriuPath", "/c");
	dict_set(&o, "CriuImagePath", "/ci");
	dict_set(&o, "CriuWorkPath", "/cw");
	assert_int_equal(runtime_options_pack(RUNC, &o, &any, NULL), 0);
	assert_string_equal(any.type_url, "containerd.runc.v1.Options");
	m = containerd__runc__v1__options__unpack(NULL, any.value.len, (uint8_t *)any.value.data);
	assert_non_null(m);
	assert_string_equal(m->binary_name, "/b");
	assert_string_equal(m->root, "/r");
	assert_string_equal(m->shim_cgroup, "/s");
	assert_string_equal(m->criu_path, "/c");
	assert_string_equal(m->criu_image_path, "/ci");
	assert_string_equal(m->criu_work_path, "/cw");
	assert_true(m->systemd_cgroup && m->no_pivot_root && !m->no_new_keyring);
	assert_int_equal(m->io_uid, 4294967294U);
	assert_int_equal(m->io_gid, 7);
	containerd__runc__v1__options__free_unpacked(m, NULL);
	ctrd_any_done(&any);
}

static const struct {
	const char *type, *key, *value, *url, *path, *body;
} others[] = {
	{ "io.containerd.kata.v2", "ConfigPath", "/k.toml", "", "/k.toml", "" },
	{ "io.containerd.kata.v2", "TypeUrl", "t", "t", "", "" },
	{ "io.containerd.runsc.v1", "ConfigPath", "/g.toml", "io.containerd.runsc.v1.options", "/g.toml", "" },
	{ "io.containerd.runsc.v1", "TypeUrl", "mine", "mine", "", "" },
	{ "/x/containerd-shim-own-v1", "ConfigBody", "a = 1\n", "", "", "a = 1\n" },
};

static void packs_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		_cleanup_dict_ struct dict o = { 0 };
		struct ctrd_any any = { 0 };
		Runtimeoptions__V1__Options *m;

		dict_set(&o, others[i].key, others[i].value);
		assert_int_equal(runtime_options_pack(others[i].type, &o, &any, NULL), 0);
		assert_string_equal(any.type_url, "runtimeoptions.v1.Options");
		m = runtimeoptions__v1__options__unpack(NULL, any.value.len, (uint8_t *)any.value.data);
		assert_non_null(m);
		assert_string_equal(m->type_url, others[i].url);
		assert_string_equal(m->config_path, others[i].path);
		assert_int_equal(m->config_body.len, strlen(others[i].body));
		assert_memory_equal(m->config_body.data, others[i].body, m->config_body.len);
		runtimeoptions__v1__options__free_unpacked(m, NULL);
		ctrd_any_done(&any);
	}
}

static const struct {
	const char *type, *key, *msg;
} wrong[] = {
	{ RUNC, "ConfigPath", "runtime option ConfigPath: not one of " RUNC },
	{ "io.containerd.davit.v2", "TypeUrl", "runtime option TypeUrl: not one of io.containerd.davit.v2" },
	{ "io.containerd.kata.v2", "BinaryName", "runtime option BinaryName: not one of io.containerd.kata.v2" },
	{ "/x/containerd-shim-own-v1", "SystemdCgroup", "runtime option SystemdCgroup: not one of /x/containerd-shim-own-v1" },
};

static void names_what_is_another_s(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		_cleanup_dict_ struct dict o = { 0 };
		struct ctrd_any any = { 0 };
		struct err err = ERR_INIT;

		dict_set(&o, wrong[i].key, "true");
		assert_int_equal(runtime_options_pack(wrong[i].type, &o, &any, &err), -ERR_INVALID);
		assert_string_equal(err.msg, wrong[i].msg);
		assert_null(any.type_url);
	}
}

RUN_TESTS("runtime-options", cmocka_unit_test(knows_who_takes_runc_s), cmocka_unit_test(nothing_where_nothing_is_asked),
	  cmocka_unit_test(packs_runc_s), cmocka_unit_test(packs_others), cmocka_unit_test(names_what_is_another_s))
