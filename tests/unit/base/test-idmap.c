#include "test.h"
#include "idmap.h"
#include "test-folder.h"
#include <string.h>

static void ranges(void **state)
{
	static const struct {
		const char *subuid, *subgid; /* NULL: no such file */
		int code;
		struct idmap want;
		const char *msg;
	} rows[] = {
		{ NULL, NULL, 0, { IDMAP_FIRST, IDMAP_FIRST, IDMAP_N }, NULL },
		{ "", "root:100000:65536\n", 0, { IDMAP_FIRST, IDMAP_FIRST, IDMAP_N }, NULL },
		{ "davit:200000:65536\n", "a:1:2\ndavit:300000:70000", 0, { 200000, 300000, IDMAP_N }, NULL },
		{ "davit:200000:65536\n", NULL, 0, { 200000, IDMAP_FIRST, IDMAP_N }, NULL },
		{ "davits:200000:65536\n#davit:1:1\ndavit\ndavit:\ndavit:x:65536\ndavit:1:y\n",
		  NULL,
		  0,
		  { IDMAP_FIRST, IDMAP_FIRST, IDMAP_N },
		  NULL },
		{ "davit:200000:1000\n", NULL, ERR_INVALID, { 0 }, "davit has 1000 ids from 200000 on in " },
		{ "davit:1000:65536\n", NULL, ERR_INVALID, { 0 }, "davit has 65536 ids from 1000 on" },
		{ "davit:200000:65536\nana:250000:65536\n",
		  NULL,
		  ERR_INVALID,
		  { 0 },
		  "the ids from 200000 on are those of ana in " },
		{ "davit:0:65536\n", NULL, ERR_INVALID, { 0 }, "davit has 65536 ids from 0 on" },
		{ "davit:4294901760:65537\n", NULL, ERR_INVALID, { 0 }, "davit has 65537 ids from 4294901760 on" },
		{ "containers:1000000:4000000000\n", NULL, ERR_INVALID, { 0 }, "are those of containers in " },
		{ "containers:1000000:4000000000\ndavit:200000:65536\n", NULL, 0, { 200000, IDMAP_FIRST, IDMAP_N }, NULL },
		{ NULL, "x:1879113727:1\n", ERR_INVALID, { 0 }, "are those of x in " },
		{ NULL, "x:1879113728:1\n", 0, { IDMAP_FIRST, IDMAP_FIRST, IDMAP_N }, NULL },
	};
	const struct test_folder *f = *state;
	_cleanup_free_ char *uid = mem_printf("%s/subuid", f->dir), *gid = mem_printf("%s/subgid", f->dir);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct idmap m = { 0 };
		struct err err = ERR_INIT;

		(void)unlink(uid);
		(void)unlink(gid);
		if (rows[i].subuid)
			assert_int_equal(file_write(uid, rows[i].subuid, strlen(rows[i].subuid), 0644, NULL), 0);
		if (rows[i].subgid)
			assert_int_equal(file_write(gid, rows[i].subgid, strlen(rows[i].subgid), 0644, NULL), 0);
		assert_int_equal(idmap_of_host(uid, gid, &m, &err), -rows[i].code);
		assert_memory_equal(&m, &rows[i].want, sizeof m);
		if (rows[i].msg && !strstr(err.msg, rows[i].msg))
			fail_msg("%s", err.msg);
	}
}

static int setup(void **state)
{
	*state = test_folder_new("idmap", "");
	return 0;
}

RUN_TESTS("idmap", cmocka_unit_test_setup_teardown(ranges, setup, test_folder_teardown))
