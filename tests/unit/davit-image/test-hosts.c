#include "test.h"
#include "file.h"
#include "hosts.h"
#include "mem.h"
#include "strv.h"
#include <stdlib.h>
#include <sys/stat.h>

static const char mirrors[] = "server = \"https://docker.io\"\n"
			      "[host.\"http://127.0.0.1:5000\"]\n"
			      "  capabilities = [\"pull\"]\n"
			      "[host.\"https://m.example/prefix/\"]\n"
			      "  ca = [\"a.pem\", \"/etc/b.pem\"]\n"
			      "  client = [[\"c.cert\", \"c.key\"]]\n"
			      "  skip_verify = true\n"
			      "  [host.\"https://m.example/prefix/\".header]\n"
			      "    x-one = \"1\"\n"
			      "    x-many = [\"2\", \"3\"]\n"
			      "    bad = \"a\\r\\nInjected: yes\"\n"
			      "[host.\"https://o.example/v9\"]\n"
			      "  override_path = true\n";

static void mirrors_come_first(void **state)
{
	_cleanup_(hosts_done) struct hosts h = { 0 };

	(void)state;
	assert_int_equal(hosts_parse(mirrors, sizeof mirrors - 1, "/dir", "docker.io", &h, NULL), 0);
	assert_int_equal(h.n, 4);
	assert_string_equal(h.v[0].base, "http://127.0.0.1:5000/v2");
	assert_true(h.v[0].pull);
	assert_false(h.v[0].resolve);
	assert_false(h.v[0].push);
	assert_false(h.v[0].tls);
	assert_string_equal(h.v[1].base, "https://m.example/prefix/v2");
	assert_string_equal(h.v[1].trust.ca.v[0], "/dir/a.pem");
	assert_string_equal(h.v[1].trust.ca.v[1], "/etc/b.pem");
	assert_string_equal(h.v[1].trust.cert, "/dir/c.cert");
	assert_string_equal(h.v[1].trust.key, "/dir/c.key");
	assert_true(h.v[1].trust.skip_verify);
	assert_int_equal(h.v[1].headers.n, 3); /* the one with a line break is dropped */
	assert_string_equal(h.v[1].headers.v[2], "x-many: 3");
	assert_string_equal(h.v[2].base, "https://o.example/v9");
	assert_string_equal(h.v[3].base, "https://registry-1.docker.io/v2");
	assert_true(h.v[3].resolve);
	assert_true(h.v[3].push);
	assert_true(host_is(&h.v[2], "https://O.example/elsewhere"));
	assert_false(host_is(&h.v[2], "http://o.example/v9"));
	assert_false(host_is(&h.v[2], "https://o.example:444/v9"));
	assert_false(host_is(&h.v[2], "o.example"));
	hosts_trust(&h, true);
	assert_string_equal(h.v[3].base, "http://registry-1.docker.io/v2");
	assert_false(h.v[2].trust.skip_verify);
}

static void refuses_other_addresses(void **state)
{
	static const char *const hosts[] = {
		"ftp://x", "https://", "https://user:pw@x", "https://x/a?b", "https://x y", "file:///etc/passwd", "https://x#f", "",
	};

	(void)state;
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		_cleanup_free_ char *text = mem_printf("[host.\"%s\"]\n", hosts[i]);
		struct hosts h = { 0 };

		if (hosts_parse(text, strlen(text), "/", "r.io", &h, NULL) != -ERR_INVALID)
			fail_msg("%s is taken", hosts[i]);
		assert_int_equal(h.n, 0);
	}
}

static void put(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", dir, name);
	_cleanup_(fclosep) FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

static void is_found_in_its_folder(void **state)
{
	static const struct {
		const char *registry, *folder, *file, *text, *first;
		size_t n;
	} cases[] = {
		{ "r.io", NULL, NULL, NULL, "https://r.io/v2", 1 },
		{ "localhost:5000", NULL, NULL, NULL, "http://localhost:5000/v2", 1 },
		{ "127.0.0.9", NULL, NULL, NULL, "http://127.0.0.9/v2", 1 },
		{ "127.0.0.1:443", NULL, NULL, NULL, "https://127.0.0.1:443/v2", 1 },
		{ "127.0.0.1.evil.com", NULL, NULL, NULL, "https://127.0.0.1.evil.com/v2", 1 },
		{ "docker.io", NULL, NULL, NULL, "https://registry-1.docker.io/v2", 1 },
		{ "r.io", "r.io", "hosts.toml", "[host.\"https://m\"]", "https://m/v2", 2 },
		{ "r.io:5", "r.io_5_", "hosts.toml", "[host.\"https://m\"]", "https://m/v2", 2 },
		{ "r.io:5", "r.io:5", "hosts.toml", "server = \"http://r.io:5\"", "http://r.io:5/v2", 1 },
		{ "q.io", "_default", "hosts.toml", "[host.\"https://d\"]", "https://d/v2", 2 },
		{ "r.io", "r.io", "ca.crt", "x", "https://r.io/v2", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(hosts_done) struct hosts h = { 0 };
		char root[] = "/tmp/test-hosts.XXXXXX";
		_cleanup_free_ char *dir = NULL;

		assert_non_null(mkdtemp(root));
		dir = mem_printf("%s/%s", root, cases[i].folder ? cases[i].folder : "other");
		assert_int_equal(mkdir(dir, 0700), 0);
		if (cases[i].file)
			put(dir, cases[i].file, cases[i].text);
		assert_int_equal(hosts_load(root, cases[i].registry, &h, NULL), 0);
		assert_string_equal(h.v[0].base, cases[i].first);
		assert_int_equal(h.n, cases[i].n);
		if (cases[i].file && strstr(cases[i].file, ".crt"))
			assert_int_equal(h.v[0].trust.ca.n, 1);
		assert_int_equal(file_remove_tree(root, NULL), 0);
	}
}

/* Whatever order the folder has: some give back what was made first, others what was made last. */
static void the_first_client_by_name_counts(void **state)
{
	static const char *const orders[] = { "b a c", "c b a", "a b c" };

	(void)state;
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
		_cleanup_(hosts_done) struct hosts h = { 0 };
		_cleanup_strv_ struct strv names = { 0 };
		_cleanup_free_ char *dir = NULL, *cert = NULL, *key = NULL;
		char root[] = "/tmp/test-hosts.XXXXXX";

		assert_non_null(mkdtemp(root));
		dir = mem_printf("%s/r.io", root);
		cert = mem_printf("%s/a.cert", dir);
		key = mem_printf("%s/a.key", dir);
		assert_int_equal(mkdir(dir, 0700), 0);
		strv_split(&names, orders[i], " ");
		for (size_t k = 0; k < names.n; k++) {
			_cleanup_free_ char *c = mem_printf("%s.cert", names.v[k]), *q = mem_printf("%s.key", names.v[k]);

			put(dir, c, "x");
			put(dir, q, "x");
		}
		assert_int_equal(hosts_load(root, "r.io", &h, NULL), 0);
		assert_string_equal(h.v[0].trust.cert, cert);
		assert_string_equal(h.v[0].trust.key, key);
		assert_int_equal(file_remove_tree(root, NULL), 0);
	}
}

RUN_TESTS("hosts", cmocka_unit_test(mirrors_come_first), cmocka_unit_test(refuses_other_addresses),
	  cmocka_unit_test(is_found_in_its_folder), cmocka_unit_test(the_first_client_by_name_counts))
