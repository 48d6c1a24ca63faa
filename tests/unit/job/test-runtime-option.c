#include "test.h"
#include "check.h"
#include "runtime-option.h"

static const struct {
	const char *name, *value, *msg, *hint; /* msg NULL: taken */
} cases[] = {
	{ "BinaryName", "crun", NULL, NULL },
	{ "BinaryName", "/usr/bin/crun", NULL, NULL },
	{ "binary_name", "crun", NULL, NULL },
	{ "binary-name", "crun", NULL, NULL },
	{ "BinaryName", "bin/crun", "invalid runtime option BinaryName \"bin/crun\": neither a program's name nor an absolute path",
	  "" },
	{ "BinaryName", "", "invalid runtime option BinaryName \"\": neither a program's name nor an absolute path", "" },
	{ "SystemdCgroup", "true", NULL, NULL },
	{ "SystemdCgroup", "FALSE", NULL, NULL },
	{ "SystemdCgroup", "1", NULL, NULL },
	{ "SystemdCgroup", "yes", "invalid runtime option SystemdCgroup \"yes\": neither true nor false", "" },
	{ "systemdcgroup", "", "invalid runtime option SystemdCgroup \"\": neither true nor false", "" },
	{ "NoPivotRoot", "true", NULL, NULL },
	{ "NoNewKeyring", "2", "invalid runtime option NoNewKeyring \"2\": neither true nor false", "" },
	{ "Root", "/run/x", NULL, NULL },
	{ "Root", "run/x", "invalid runtime option Root \"run/x\": not an absolute path", "" },
	{ "ShimCgroup", "/shims", NULL, NULL },
	{ "ShimCgroup", "shims", "invalid runtime option ShimCgroup \"shims\": not an absolute path", "" },
	{ "CriuPath", "criu", "invalid runtime option CriuPath \"criu\": not an absolute path", "" },
	{ "CriuImagePath", "", "invalid runtime option CriuImagePath \"\": not an absolute path", "" },
	{ "CriuWorkPath", "/w", NULL, NULL },
	{ "IoUid", "4294967294", NULL, NULL },
	{ "IoUid", "4294967295", "invalid runtime option IoUid \"4294967295\": not a number from 0 to 4294967294", "" },
	{ "IoUid", "-1", "invalid runtime option IoUid \"-1\": not a number from 0 to 4294967294", "" },
	{ "IoGid", "99999999999999999999",
	  "invalid runtime option IoGid \"99999999999999999999\": not a number from 0 to 4294967294", "" },
	{ "IoGid", "root", "invalid runtime option IoGid \"root\": not a number from 0 to 4294967294", "" },
	{ "ConfigPath", "/etc/x.toml", NULL, NULL },
	{ "ConfigPath", "x.toml", "invalid runtime option ConfigPath \"x.toml\": not an absolute path", "" },
	{ "TypeUrl", "", "invalid runtime option TypeUrl \"\": empty", "" },
	{ "ConfigBody", "a = 1", NULL, NULL },
	{ "ConfigBody", "", "invalid runtime option ConfigBody \"\": empty", "" },
	{ "", "x", "invalid runtime option \"\": there is no such option",
	  "BinaryName, SystemdCgroup, Root, ShimCgroup, IoUid ... of runc, ConfigPath of others" },
	{ "BinaryNam", "x", "invalid runtime option \"BinaryNam\": there is no such option", "did you mean \"BinaryName\"?" },
	{ "configpaht", "/x", "invalid runtime option \"configpaht\": there is no such option", "did you mean \"ConfigPath\"?" },
	{ "TaskApiAddress", "x", "invalid runtime option \"TaskApiAddress\": there is no such option",
	  "BinaryName, SystemdCgroup, Root, ShimCgroup, IoUid ... of runc, ConfigPath of others" },
};

static void values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = ERR_INIT;
		int r = check_runtime_option(cases[i].name, cases[i].value, &err);

		if ((r == 0) != !cases[i].msg)
			fail_msg("%s=%s: %s", cases[i].name, cases[i].value, err.msg);
		if (!cases[i].msg)
			continue;
		assert_int_equal(r, -ERR_INVALID);
		assert_string_equal(err.msg, cases[i].msg);
		assert_string_equal(err.hint, cases[i].hint);
	}
}

RUN_TESTS("runtime-option", cmocka_unit_test(values))
