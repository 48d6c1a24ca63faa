#include "test.h"
#include "buf.h"
#include "options.pb-c.h"
#include "pb.h"
#include "runtimeoptions.pb-c.h"
#include "shim-options.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As containerd 1.7 and 2.2 write the table of a runtime: the one with double quotes, the other with single ones. */
static void reads_what_containerd_sends(void **state)
{
	static const char *const rows[] = {
		"BinaryName = \"/usr/bin/crun\"\nCriuImagePath = \"\"\nIoGid = 2\nIoUid = 1\nNoPivotRoot = true\nRoot = "
		"\"/run/r\"\n"
		"ShimCgroup = \"/shims\"\nSystemdCgroup = false\n",
		"BinaryName = '/usr/bin/crun'\nIoGid = 2\nIoUid = 1\nNoPivotRoot = true\nRoot = '/run/r'\nShimCgroup = '/shims'\n",
		"# ours\n\n  binaryname=\"/usr/bin/crun\"# c\r\n\"Root\" = '/run/r'\nList = [\n  'x',\n]\nIoUid=1\nIoGid=2 # c\n"
		"NoPivotRoot = true # c\nShimCgroup = '/shims'\n[more]\nIoUid = 'x'\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(shim_options_done) struct shim_options o = { 0 };

		assert_int_equal(shim_options_toml(rows[i], strlen(rows[i]), &o, NULL), 0);
		assert_string_equal(o.binary_name, "/usr/bin/crun");
		assert_string_equal(o.root, "/run/r");
		assert_string_equal(o.shim_cgroup, "/shims");
		assert_int_equal(o.io_uid, 1);
		assert_int_equal(o.io_gid, 2);
		assert_true(o.no_pivot_root);
		assert_false(o.systemd_cgroup || o.no_new_keyring);
	}
}

static void says_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "BinaryName = crun", "line 1" },
		{ "\nBinaryName = \"crun", "line 2" },
		{ "BinaryName =", "line 1" },
		{ "BinaryName = 1", "BinaryName: not a string" },
		{ "IoUid = -1", "IoUid: not a number of a user or group" },
		{ "IoUid = 4294967295", "IoUid: not a number of a user or group" },
		{ "IoGid = '1'", "IoGid: not a number of a user or group" },
		{ "SystemdCgroup = \"true\"", "SystemdCgroup: not a boolean" },
		{ "BinaryName = 'crun'\nNoPivotRoot = 1", "NoPivotRoot: not a boolean" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct shim_options o = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(shim_options_toml(rows[i].text, strlen(rows[i].text), &o, &err), -ERR_INVALID);
		assert_non_null(strstr(err.msg, rows[i].says));
		assert_null(o.binary_name);
	}
}

static void check_binary(const char *type, const ProtobufCMessage *msg, const char *binary)
{
	_cleanup_(shim_options_done) struct shim_options o = { 0 };
	_cleanup_buf_ struct buf data = { 0 };

	pb_pack(msg, &data);
	assert_int_equal(shim_options_parse(type, data.data, data.len, &o, NULL), 0);
	if (binary)
		assert_string_equal(o.binary_name, binary);
	else
		assert_null(o.binary_name);
}

static void takes_either_message(void **state)
{
	char name[] = "crun", body[] = "BinaryName = 'crun'", path[] = "/tmp/options.XXXXXX", gone[] = "/no/such.toml", none[] = "";
	const int fd = mkstemp(path);
	Containerd__Runc__V1__Options runc = CONTAINERD__RUNC__V1__OPTIONS__INIT;
	Runtimeoptions__V1__Options other = RUNTIMEOPTIONS__V1__OPTIONS__INIT;
	struct shim_options o;
	_cleanup_buf_ struct buf data = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	runc.binary_name = name;
	check_binary("containerd.runc.v1.Options", &runc.base, "crun");
	check_binary("some.other.Options", &runc.base, NULL);
	check_binary(NULL, &runc.base, NULL);
	runc.binary_name = none;
	check_binary("containerd.runc.v1.Options", &runc.base, NULL);
	check_binary("runtimeoptions.v1.Options", &other.base, NULL);
	other.config_body.data = (uint8_t *)body;
	other.config_body.len = strlen(body);
	check_binary("runtimeoptions.v1.Options", &other.base, "crun");
	assert_int_equal(write(fd, "BinaryName = 'runc'", 19), 19);
	(void)close(fd);
	other.config_path = path;
	check_binary("runtimeoptions.v1.Options", &other.base, "runc");
	(void)unlink(path);
	other.config_path = gone;
	pb_pack(&other.base, &data);
	assert_int_equal(shim_options_parse("runtimeoptions.v1.Options", data.data, data.len, &o, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, gone));
	assert_int_equal(shim_options_parse("containerd.runc.v1.Options", "\xff", 1, &o, NULL), -ERR_DATA_LOSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_containerd_sends),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(takes_either_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
