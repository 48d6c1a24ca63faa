#include "test.h"
#include "cdi-file.h"
#include "file.h"
#include "mem.h"
#include <string.h>
#include <sys/stat.h>

static char folder[] = "/tmp/davit-cdi-XXXXXX";
static char *first, *second;
static const char *folders[3];

static int setup(void **state)
{
	(void)state;
	memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	first = mem_printf("%s/etc", folder);
	second = mem_printf("%s/run", folder);
	assert_int_equal(mkdir(first, 0755), 0);
	assert_int_equal(mkdir(second, 0755), 0);
	folders[0] = first;
	folders[1] = second;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)file_remove_tree(folder, NULL);
	free(first);
	free(second);
	return 0;
}

static void put(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", dir, name);

	assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
}

/* A file of @kind with a device @name whose environment is @env. */
static void put_device(const char *dir, const char *file, const char *kind, const char *name, const char *env)
{
	_cleanup_free_ char *text =
		mem_printf("{\"cdiVersion\":\"0.5.0\",\"kind\":\"%s\",\"devices\":[{\"name\":\"%s\","
			   "\"containerEdits\":{\"env\":[\"%s\"]}}],\"containerEdits\":{\"env\":[\"FILE=%s\"]}}",
			   kind, name, env, file);

	put(dir, file, text);
}

static int find(const char *names, char **ret_env, struct err *err)
{
	_cleanup_strv_ struct strv list = { 0 };
	struct cdi_edits e = { 0 };
	int r;

	*err = (struct err)ERR_INIT;
	strv_split(&list, names, " ");
	r = cdi_find(folders, &list, &e, err);
	*ret_env = strv_join(&e.env, " ");
	cdi_edits_done(&e);
	return r;
}

static void finds(const char *names, const char *want)
{
	_cleanup_free_ char *env = NULL;
	struct err err;

	if (find(names, &env, &err) < 0)
		fail_msg("%s: %s", names, err.msg);
	assert_string_equal(env, want);
}

static void finds_not(const char *names, int code, const char *msg, const char *hint)
{
	_cleanup_free_ char *env = NULL;
	struct err err;

	assert_int_equal(find(names, &env, &err), -code);
	if (!strstr(err.msg, msg) || !strstr(err.hint, hint))
		fail_msg("%s: \"%s\" (%s)", names, err.msg, err.hint);
	assert_string_equal(env, "");
}

static void edits_of_file_and_device(void **state)
{
	(void)state;
	put_device(first, "a.json", "v.com/c", "x", "DEV=x");
	put(first, "b.json",
	    "{\"cdiVersion\":\"0.3.0\",\"kind\":\"v.com/d\",\"devices\":[{\"name\":\"p\",\"containerEdits\":{\"env\":[\"P=1\"]}},"
	    "{\"name\":\"q\",\"containerEdits\":{\"env\":[\"Q=1\"]}}],\"containerEdits\":{\"env\":[\"ALL=1\"]}}");
	finds("", "");
	finds("v.com/c=x", "FILE=a.json DEV=x");
	finds("v.com/d=q v.com/c=x v.com/d=p", "ALL=1 Q=1 FILE=a.json DEV=x P=1"); /* what is the file's once, all in order */
}

static void later_folder_counts(void **state)
{
	(void)state;
	put_device(first, "a.json", "v/c", "x", "FROM=first");
	put_device(second, "z.json", "v/c", "x", "FROM=second");
	put_device(first, "b.json", "v/c", "y", "FROM=b");
	finds("v/c=x", "FILE=z.json FROM=second");
	put_device(first, "c.json", "v/c", "x", "FROM=c"); /* two of the first do not matter */
	finds("v/c=x", "FILE=z.json FROM=second");
	put_device(second, "y.json", "v/c", "x", "FROM=y");
	finds_not("v/c=x", ERR_INVALID, "device v/c=x: both in", "take it out of one");
	finds("v/c=y", "FILE=b.json FROM=b");
}

static void unknown_ones(void **state)
{
	(void)state;
	finds_not("v/c=x", ERR_NOT_FOUND, "device v/c=x: no file in ", "nvidia-ctk cdi generate");
	put_device(first, "a.json", "v/c", "x", "A=1");
	put_device(first, "b.json", "w/c", "y", "A=1");
	finds_not("v/c=z", ERR_NOT_FOUND, "device v/c=z: no file in ", "there are v/c=x");
	finds_not("u/c=z", ERR_NOT_FOUND, "device u/c=z: no file in ", "there are v/c=x, w/c=y");
	finds_not("v/c=x u/c=z", ERR_NOT_FOUND, "u/c=z", "there are");
	put(second, "bad.json", "{");
	finds("v/c=x", "FILE=a.json A=1"); /* is no harm to who asks for others */
	finds_not("u/c=z", ERR_NOT_FOUND, "u/c=z", "bad.json:1:2");
	put_device(first, "no.txt", "n/c", "n", "A=1");
	put_device(first, ".json", "n/c", "n", "A=1");
	finds_not("n/c=n", ERR_NOT_FOUND, "n/c=n", "");
}

static void wrong_files(void **state)
{
#define DEVICE(edits) "{\"cdiVersion\":\"1.1.0\",\"kind\":\"v/c\",\"devices\":[{\"name\":\"a\",\"containerEdits\":{" edits "}}]}"
#define OF(version, kind, device) "{\"cdiVersion\":\"" version "\",\"kind\":\"" kind "\",\"devices\":[" device "]}"
	static const struct {
		const char *text, *msg;
	} rows[] = {
		{ "", "f:1:1" },
		{ "[]", "f:1:1: a CDI specification is an object" },
		{ "{\"cdiVersion\":\"0.3.0\",\"kind\":\"v/c\"}", "CDI specification without devices" },
		{ "{\"kind\":\"v/c\",\"devices\":[{\"name\":\"a\"}]}", "CDI specification without cdiVersion" },
		{ OF("0.3.0", "v/c", ""), "CDI specification without devices" },
		{ OF("0.3.0", "vc", "{\"name\":\"a\"}"), "invalid kind \"vc\": VENDOR/CLASS" },
		{ OF("0.3.0", "v/c", "{\"name\":\"a b\"}"), "invalid device name \"a b\"" },
		{ OF("0.3.0", "v/c", "{}"), "device without name" },
		{ OF("0.3.0", "v/c", "{\"name\":\"a\"},{\"name\":\"a\"}"), "device a: is there twice" },
		{ OF("0.3.0", "v/c", "{\"name\":\"a\",\"nmae\":1}"), "unknown key \"nmae\"" },
		{ OF("2.0.0", "v/c", "{\"name\":\"a\"}"), "cdiVersion \"2.0.0\": not known" },
		{ OF("0.4.0", "v/c", "{\"name\":\"0\"}"),
		  "cdiVersion 0.4.0: a device's name that begins with a digit came with 0.5.0" },
		{ OF("0.5.0", "v/c.d", "{\"name\":\"0\"}"), "cdiVersion 0.5.0: a class with a dot came with 0.6.0" },
		{ OF("0.5.0", "v/c", "{\"name\":\"0\",\"annotations\":{\"a\":\"b\"}}"), "annotations came with 0.6.0" },
		{ OF("0.6.0", "v/c", "{\"name\":\"0\",\"containerEdits\":{\"additionalGids\":[1]}}"),
		  "additionalGids came with 0.7.0" },
		{ OF("1.0.0", "v/c",
		     "{\"name\":\"0\",\"containerEdits\":{\"netDevices\":[{\"hostInterfaceName\":\"a\",\"name\":\"b\"}]}}"),
		  "netDevices came with 1.1.0" },
		{ DEVICE("\"env\":[\"A\"]"), "f:1:84: device a: containerEdits: invalid env \"A\": NAME=VALUE" },
		{ DEVICE("\"env\":\"A=b\""), "env" },
		{ DEVICE("\"deviceNodes\":[{}]"), "device node without path" },
		{ DEVICE("\"deviceNodes\":[{\"path\":\"dev\"}]"), "invalid path \"dev\": an absolute path" },
		{ DEVICE("\"deviceNodes\":[{\"path\":\"/d\",\"type\":\"x\"}]"), "invalid type \"x\": b, c, u or p" },
		{ DEVICE("\"deviceNodes\":[{\"path\":\"/d\",\"permissions\":\"rx\"}]"), "invalid permissions \"rx\"" },
		{ DEVICE("\"deviceNodes\":[{\"path\":\"/d\",\"major\":-2}]"), "major -2: out of range" },
		{ DEVICE("\"deviceNodes\":[{\"path\":\"/d\",\"fileMode\":4096}]"), "fileMode 4096: out of range" },
		{ DEVICE("\"mounts\":[{\"hostPath\":\"/a\"}]"), "mount without containerPath" },
		{ DEVICE("\"hooks\":[{\"hookName\":\"\",\"path\":\"/a\"}]"), "invalid hookName \"\": prestart" },
		{ DEVICE("\"hooks\":[{\"hookName\":\"prestart createRuntime\",\"path\":\"/a\"}]"),
		  "invalid hookName \"prestart createRuntime\"" },
		{ DEVICE("\"hooks\":[{\"hookName\":\"create\",\"path\":\"/a\"}]"), "invalid hookName \"create\": prestart" },
		{ DEVICE("\"hooks\":[{\"hookName\":\"poststop\",\"path\":\"a\"}]"), "invalid path \"a\"" },
		{ DEVICE("\"additionalGids\":[4294967296]"), "invalid additionalGids \"4294967296\"" },
		{ DEVICE("\"additionalGids\":[-1]"), "invalid additionalGids \"-1\"" },
		{ DEVICE("\"intelRdt\":{\"closID\":\"../x\"}"), "invalid closID" },
		{ DEVICE("\"netDevices\":[{\"hostInterfaceName\":\"a/b\",\"name\":\"c\"}]"), "invalid net device" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct cdi_spec s = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(cdi_spec_read("f", rows[i].text, strlen(rows[i].text), &s, &err), -ERR_INVALID);
		if (!strstr(err.msg, rows[i].msg) || strncmp(err.msg, "f:", 2) != 0)
			fail_msg("%s: \"%s\"", rows[i].text, err.msg);
	}
}

static void all_there_is(void **state)
{
	_cleanup_strv_ struct strv names = { 0 };
	struct cdi_edits e = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	put(second, "all.json",
	    "{\"cdiVersion\":\"0.8.0\",\"kind\":\"v/c\",\"devices\":[{\"name\":\"a\",\"containerEdits\":{"
	    "\"deviceNodes\":[{\"path\":\"/dev/a\"},{\"path\":\"/dev/b\",\"hostPath\":\"/dev/null\",\"type\":\"c\",\"major\":1,"
	    "\"minor\":3,\"fileMode\":384,\"permissions\":\"r\",\"uid\":0,\"gid\":7}],"
	    "\"mounts\":[{\"hostPath\":\"/h\",\"containerPath\":\"/c\",\"options\":[\"ro\"]}],"
	    "\"hooks\":[{\"hookName\":\"poststop\",\"path\":\"/p\",\"args\":[\"p\",\"q\"],\"env\":[\"E=1\"],\"timeout\":3}],"
	    "\"additionalGids\":[5,6],\"intelRdt\":{\"closID\":\"one\"}}}],\"containerEdits\":{\"intelRdt\":{\"closID\":\"file\"}}"
	    "}");
	strv_push(&names, "v/c=a");
	if (cdi_find(folders, &names, &e, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(e.n_nodes, 2);
	assert_int_equal(e.nodes[0].major, -1);
	assert_int_equal(e.nodes[0].uid, -1);
	assert_string_equal(e.nodes[1].host, "/dev/null");
	assert_int_equal(e.nodes[1].gid, 7);
	assert_int_equal(e.nodes[1].mode, 0600);
	assert_string_equal(e.mounts[0].options.v[0], "ro");
	assert_string_equal(e.hooks[0].args.v[1], "q");
	assert_int_equal(e.hooks[0].timeout, 3);
	assert_string_equal(e.groups.v[1], "6");
	assert_string_equal(e.rdt->clos, "one"); /* the device's after the file's */
	cdi_edits_done(&e);
}

static void yaml(void **state)
{
	_cleanup_strv_ struct strv names = { 0 };
	struct cdi_edits e = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	put(first, "y.yaml",
	    "cdiVersion: 0.7.0\nkind: v/c\ndevices:\n- &a\n  name: a\n  containerEdits: &e\n    env: [A=1]\n    additionalGids: "
	    "[5]\n"
	    "- name: b\n  containerEdits: *e\n");
	strv_push(&names, "v/c=a");
	strv_push(&names, "v/c=b");
	if (cdi_find(folders, &names, &e, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(e.env.n, 2);
	assert_string_equal(e.groups.v[1], "5");
	cdi_edits_done(&e);
	put(first, "z.yaml", "cdiVersion: 0.7.0\nkind: [\n");
	finds_not("v/d=a", ERR_NOT_FOUND, "v/d=a", "z.yaml:");
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
RUN_TESTS("cdi", CASE(edits_of_file_and_device), CASE(later_folder_counts), CASE(unknown_ones), CASE(wrong_files),
	  CASE(all_there_is), CASE(yaml))
