#include "test.h"
#include "cni-net.h"
#include "file.h"
#include "mem.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Texts of configurations; what is wrong with them, or their version. */
static const struct {
	const char *text, *version, *error;
} texts[] = {
	{ "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[{\"type\":\"bridge\"}]}", "1.0.0", NULL },
	{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"bridge\"}]}", "0.1.0", NULL },
	{ "{\"cniVersion\":\"\",\"name\":\"n\",\"type\":\"bridge\"}", "0.1.0", NULL },
	{ "{\"cniVersion\":\"0.2.0\",\"name\":\"n\",\"type\":\"bridge\",\"bridge\":\"kata0\"}", "0.2.0", NULL },
	{ "{\"cniVersion\":\"0.4.0\",\"cniVersions\":[\"0.3.1\",\"1.0.0\",\"9.0.0\",7,\"x\"],\"name\":\"n\",\"type\":\"t\"}",
	  "1.0.0", NULL },
	{ "{\"cniVersion\":\"1.2.0\",\"cniVersions\":[\"1.1.0\",\"1.0.0\"],\"name\":\"n\",\"type\":\"t\"}", "1.1.0", NULL },
	{ "{\"cniVersion\":\"1.2.0\",\"name\":\"n\",\"type\":\"t\"}", "1.2.0",
	  NULL }, /* the plugins will say whether they know it */
	{ "{\"cniVersions\":[\"1.1.0\"],\"name\":\"n\",\"type\":\"t\"}", "1.1.0", NULL },
	{ "{\"cniVersion\":1.0,\"name\":\"n\",\"type\":\"t\"}", NULL, "f: cniVersion is not a string" },
	{ "{\"cniVersion\":\"1.0\",\"name\":\"n\",\"type\":\"t\"}", NULL, "f: cniVersion \"1.0\" is not a version" },
	{ "{\"cniVersion\":\"1.0.0\",\"name\":\"n\"}", NULL, "f: no plugins" },
	{ "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[]}", NULL, "f: no plugins" },
	{ "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":{}}", NULL, "f: no plugins" },
	{ "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[{\"type\":\"a\"},{}]}", NULL, "f: plugin 2 has no valid type" },
	{ "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[{\"type\":\"a\"},null]}", NULL, "f: plugin 2 has no valid type" },
	{ "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[{\"type\":\"../a\"}]}", NULL, "f: plugin 1 has no valid type" },
	{ "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[{\"type\":\"\"}]}", NULL, "f: plugin 1 has no valid type" },
	{ "{\"cniVersion\":\"1.0.0\",\"name\":\"../n\",\"type\":\"t\"}", NULL, "f: no valid name" },
	{ "{\"cniVersion\":\"1.0.0\",\"name\":\"\",\"type\":\"t\"}", NULL, "f: no valid name" },
	{ "{\"cniVersion\":\"1.0.0\",\"name\":7,\"type\":\"t\"}", NULL, "f: no valid name" },
	{ "{\"cniVersion\":\"1.0.0\",\"type\":\"t\"}", NULL, "f: no valid name" },
	{ "[]", NULL, "f: not an object" },
	{ "null", NULL, "f: not an object" },
	{ "", NULL, NULL },
	{ "{", NULL, NULL },
	{ "{} {}", NULL, NULL },
};

static void parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct cni_net *n = NULL;
		struct err err = ERR_INIT;
		int r = cni_net_parse(texts[i].text, strlen(texts[i].text), "f", &n, &err);

		if (texts[i].version) {
			assert_int_equal(r, 0);
			assert_string_equal(n->version, texts[i].version);
			assert_string_equal(n->name, "n");
			assert_true(json_len(cni_net_plugins(n)) > 0);
		} else {
			assert_int_equal(r, -ERR_INVALID);
			assert_null(n);
			assert_int_equal(strncmp(err.msg, "f: ", 3), 0);
			if (texts[i].error)
				assert_string_equal(err.msg, texts[i].error);
		}
		cni_net_free(n);
	}
}

/* A single plugin's file becomes a list whose text, as the cache keeps it, is read the same again. */
static void upconverted(void **state)
{
	static const char text[] =
		"{\"cniVersion\":\"0.3.1\",\"name\":\"n\",\"type\":\"t\",\"disableCheck\":true,\"capabilities\":{\"x\":true}}";
	struct cni_net *n = NULL, *again = NULL;

	(void)state;
	assert_int_equal(cni_net_parse(text, sizeof text - 1, "f", &n, NULL), 0);
	assert_int_equal(cni_net_parse(buf_str(&n->text), n->text.len, "g", &again, NULL), 0);
	assert_string_equal(again->version, "0.3.1");
	assert_non_null(cni_net_plugin(again, "t"));
	assert_null(cni_net_plugin(again, "u"));
	assert_true(cni_net_is_set(again, "disableCheck"));
	assert_false(cni_net_is_set(again, "disableGC"));
	assert_true(cni_net_can(again, "x"));
	assert_false(cni_net_can(again, "y"));
	cni_net_free(n);
	cni_net_free(again);
}

static void too_many_plugins(void **state)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct cni_net *n = NULL;
	struct err err = ERR_INIT;

	(void)state;
	buf_adds(&text, "{\"name\":\"n\",\"plugins\":[{\"type\":\"t\"}");
	for (int i = 0; i < 64; i++)
		buf_adds(&text, ",{\"type\":\"t\"}");
	buf_adds(&text, "]}");
	assert_int_equal(cni_net_parse(text.data, text.len, "f", &n, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "f: 65 plugins, at most 64 are taken");
}

static void names(void **state)
{
	static const struct {
		const char *s;
		bool name, ifname;
	} rows[] = {
		{ "eth0", true, true },
		{ "a", true, true },
		{ "a.b-c_d", true, true },
		{ "0", true, true },
		{ "-a", false, true },
		{ ".a", false, true },
		{ "_a", false, true },
		{ ".", false, false },
		{ "..", false, false },
		{ "", false, false },
		{ "a/b", false, false },
		{ "a:b", false, false },
		{ "a b", false, false },
		{ "a\n", false, false },
		{ "abcdefghijklmno", true, true },
		{ "abcdefghijklmnop", true, false },
		{ "\xc3\xa4", false, true },
		{ NULL, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(cni_name_valid(rows[i].s), rows[i].name);
		assert_int_equal(cni_ifname_valid(rows[i].s), rows[i].ifname);
	}
}

static void versions(void **state)
{
	(void)state;
	assert_int_equal(cni_version("0.4.0"), CNI_0_4_0);
	assert_int_equal(cni_version("1.1.0"), CNI_1_1_0);
	assert_true(cni_version("0.3.1") < CNI_0_4_0 && cni_version("1.0.0") > CNI_0_4_0);
	assert_int_equal(cni_version(""), 0);
	assert_int_equal(cni_version("1.0"), 0);
	assert_int_equal(cni_version("1.0.0-rc1"), 0);
	assert_int_equal(cni_version("1.100.0"), 0);
	assert_int_equal(cni_version("v1.0.0"), 0);
}

static void put(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", dir, name);

	assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
}

/* Lists before single files, each kind by name; what cannot be read hides no other, and is named. */
static void a_folder(void **state)
{
	char dir[] = "/tmp/test-cni-net.XXXXXX";
	struct cni_conf conf = { .conf_dir = dir };
	_cleanup_strv_ struct strv found = { 0 }, notices = { 0 };
	struct cni_net *n = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	put(dir, "00-one.conf", "{\"cniVersion\":\"0.2.0\",\"name\":\"twice\",\"type\":\"late\"}");
	put(dir, "01-bad.conflist", "{ not json");
	put(dir, "50-two.conflist", "{\"name\":\"twice\",\"plugins\":[{\"type\":\"early\"}]}");
	put(dir, "60-three.json", "{\"name\":\"three\",\"type\":\"t\"}");
	put(dir, "ignored.txt", "{\"name\":\"ignored\",\"type\":\"t\"}");
	put(dir, ".conflist", "{\"name\":\"hidden\",\"type\":\"t\"}");
	assert_int_equal(cni_net_names(&conf, &found, &notices, &err), 0);
	_cleanup_free_ char *all = strv_join(&found, " ");
	assert_string_equal(all, "twice three");
	assert_int_equal(notices.n, 1);
	assert_non_null(strstr(notices.v[0], "01-bad.conflist"));

	assert_int_equal(cni_net_load(&conf, "twice", &n, NULL, &err), 0);
	assert_non_null(cni_net_plugin(n, "early"));
	assert_non_null(strstr(n->file, "50-two.conflist"));
	cni_net_free(n);
	assert_int_equal(cni_net_load(&conf, "ignored", &n, NULL, &err), -ERR_NOT_FOUND);
	_cleanup_free_ char *want = mem_printf("network ignored: not found in %s (there is twice, three)", dir);
	assert_string_equal(err.msg, want);
	assert_int_equal(file_remove_tree(dir, NULL), 0);

	err_clear(&err);
	assert_int_equal(cni_net_load(&conf, "x", &n, NULL, &err), -ERR_INVALID); /* somebody named this folder */
	_cleanup_free_ char *gone = mem_printf("network x: folder of networks %s: not found", dir);
	assert_string_equal(err.msg, gone);
	put("/tmp", strrchr(dir, '/') + 1, "");
	err_clear(&err);
	assert_int_equal(cni_net_load(&conf, "x", &n, NULL, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, ": not a folder"));
	assert_int_equal(unlink(dir), 0);
}

static void a_file_too_long(void **state)
{
	char dir[] = "/tmp/test-cni-net.XXXXXX";
	struct cni_conf conf = { .conf_dir = dir };
	_cleanup_strv_ struct strv found = { 0 }, notices = { 0 };
	_cleanup_buf_ struct buf text = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	buf_adds(&text, "{\"name\":\"n\",\"type\":\"t\"}");
	while (text.len <= 1 << 20)
		buf_adds(&text, "                                                                ");
	put(dir, "a.conf", buf_str(&text));
	assert_int_equal(cni_net_names(&conf, &found, &notices, NULL), 0);
	assert_int_equal(found.n, 0);
	assert_non_null(strstr(notices.v[0], "longer than"));
	assert_int_equal(file_remove_tree(dir, NULL), 0);
}

/* Whatever stands there under such a name: a notice, and the others are found. */
static void what_is_no_file(void **state)
{
	char dir[] = "/tmp/test-cni-net.XXXXXX";
	struct cni_conf conf = { .conf_dir = dir };
	_cleanup_strv_ struct strv notices = { 0 };
	_cleanup_free_ char *fifo = NULL, *folder = NULL, *link = NULL, *device = NULL;
	struct cni_net *n = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fifo = mem_printf("%s/0.conflist", dir);
	folder = mem_printf("%s/1.conflist", dir);
	link = mem_printf("%s/2.conflist", dir);
	device = mem_printf("%s/3.conflist", dir);
	assert_int_equal(mkfifo(fifo, 0600) | mkdir(folder, 0700) | symlink("nowhere", link) | symlink("/dev/zero", device), 0);
	put(dir, "9.conflist", "{\"name\":\"there\",\"plugins\":[{\"type\":\"a\"}]}");
	assert_int_equal(cni_net_load(&conf, "there", &n, &notices, NULL), 0);
	assert_int_equal(notices.n, 4);
	assert_non_null(strstr(notices.v[0], "0.conflist: a FIFO, not a file"));
	cni_net_free(n);
	assert_int_equal(file_remove_tree(dir, NULL), 0);
}

/* SPEC 1.1: a list's plugins may stand in a folder of its name, in files of their own. */
static void plugins_of_a_folder(void **state)
{
	char dir[] = "/tmp/test-cni-net.XXXXXX";
	struct cni_conf conf = { .conf_dir = dir };
	_cleanup_strv_ struct strv found = { 0 }, notices = { 0 };
	_cleanup_free_ char *first = NULL, *empty = NULL, *bad = NULL, *closed = NULL;
	struct cni_net *n = NULL, *cached = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	first = mem_printf("%s/first", dir);
	empty = mem_printf("%s/empty", dir);
	bad = mem_printf("%s/bad", dir);
	closed = mem_printf("%s/closed", dir);
	assert_int_equal(file_mkdirs(first, 0755, NULL) | file_mkdirs(empty, 0755, NULL) | file_mkdirs(bad, 0755, NULL) |
				 file_mkdirs(closed, 0755, NULL),
			 0);
	put(dir, "1.conflist", "{\"name\":\"first\",\"plugins\":[{\"type\":\"own\"}]}");
	put(first, "20.conf", "{\"type\":\"b\"}");
	put(first, "10.conf", "{\"type\":\"a\"}");
	put(first, "30.json", "{\"type\":\"not taken\"}");
	put(dir, "2.conflist", "{\"name\":\"empty\"}");
	put(empty, "1.conf", "{\"type\":\"only\"}");
	put(dir, "3.conflist", "{\"name\":\"bad\",\"plugins\":[{\"type\":\"own\"}]}");
	put(bad, "1.conf", "[]");
	put(dir, "4.conflist", "{\"name\":\"closed\",\"loadOnlyInlinedPlugins\":true,\"plugins\":[{\"type\":\"own\"}]}");
	put(closed, "1.conf", "{\"type\":\"not taken\"}");
	assert_int_equal(cni_net_names(&conf, &found, &notices, NULL), 0);
	_cleanup_free_ char *all = strv_join(&found, " ");
	assert_string_equal(all, "first empty closed");
	assert_int_equal(notices.n, 1);
	assert_non_null(strstr(notices.v[0], "3.conflist: plugin 2 has no valid type"));

	assert_int_equal(cni_net_load(&conf, "first", &n, NULL, NULL), 0);
	assert_int_equal(json_len(cni_net_plugins(n)), 3);
	assert_string_equal(json_get_str(json_at(cni_net_plugins(n), 1), "type"), "a");
	assert_string_equal(json_get_str(json_at(cni_net_plugins(n), 2), "type"), "b");
	/* what is cached deletes all of them, whatever becomes of the folder */
	assert_int_equal(cni_net_parse(buf_str(&n->text), n->text.len, "cache", &cached, NULL), 0);
	assert_int_equal(json_len(cni_net_plugins(cached)), 3);
	assert_true(cni_net_is_set(cached, "loadOnlyInlinedPlugins"));
	cni_net_free(cached);
	cni_net_free(n);
	assert_int_equal(cni_net_load(&conf, "empty", &n, NULL, NULL), 0);
	assert_int_equal(json_len(cni_net_plugins(n)), 1);
	cni_net_free(n);
	assert_int_equal(cni_net_load(&conf, "closed", &n, NULL, NULL), 0);
	assert_int_equal(json_len(cni_net_plugins(n)), 1);
	cni_net_free(n);
	assert_int_equal(file_remove_tree(dir, NULL), 0);
}

RUN_TESTS("cni-net", cmocka_unit_test(parsed), cmocka_unit_test(upconverted), cmocka_unit_test(too_many_plugins),
	  cmocka_unit_test(names), cmocka_unit_test(versions), cmocka_unit_test(a_folder), cmocka_unit_test(a_file_too_long),
	  cmocka_unit_test(what_is_no_file), cmocka_unit_test(plugins_of_a_folder))
