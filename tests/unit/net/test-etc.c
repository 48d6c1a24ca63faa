#include "test.h"
#include "etc.h"
#include "file.h"
#include "mem.h"
#include <stdlib.h>
#include <unistd.h>

static void assert_list(const struct strv *list, const char *want)
{
	_cleanup_free_ char *got = strv_join(list, " ");

	assert_string_equal(got, want);
}

static void parsed(void **state)
{
	static const struct {
		const char *text, *servers, *search, *options;
	} rows[] = {
		{ "", "", "", "" },
		{ "nameserver 1.1.1.1\nnameserver\t2.2.2.2 # no\n", "1.1.1.1 2.2.2.2", "", "" },
		{ "nameserver 1.1.1.1", "1.1.1.1", "", "" },
		{ "#nameserver 1.1.1.1\n; nameserver 2.2.2.2\nnameserver\n nameserver fd00::1\r\n", "fd00::1", "", "" },
		{ "domain a\nsearch b c\n", "", "b c", "" },
		{ "search b c\ndomain a\n", "", "a", "" },
		{ "options ndots:1\noptions trust-ad edns0\n", "", "", "ndots:1 trust-ad edns0" },
		{ "Nameserver 1.1.1.1\nsortlist x\nnameservers 1.1.1.1\n", "", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(resolv_done) struct resolv r = { 0 };

		resolv_parse(&r, rows[i].text, strlen(rows[i].text));
		assert_list(&r.servers, rows[i].servers);
		assert_list(&r.search, rows[i].search);
		assert_list(&r.options, rows[i].options);
	}
}

static struct strv split(const char *s)
{
	struct strv v = { 0 };

	strv_split(&v, s ? s : "", " ");
	return v;
}

/* A host's file and the job's lists to the job's file. */
static const struct {
	const char *host, *dns, *search, *options;
	bool host_net;
	const char *want;
} files[] = {
	{ "nameserver 9.9.9.9\nsearch lan\noptions ndots:2\n", "", "", "", false,
	  "nameserver 9.9.9.9\nsearch lan\noptions ndots:2\n" },
	{ "nameserver 127.0.0.1\nnameserver 9.9.9.9\nnameserver ::1\nnameserver fe80::1%eth0\nnameserver fe80::2\n", "", "", "",
	  false, "nameserver 9.9.9.9\n" },
	{ "nameserver 127.0.0.53\n", "", "", "", true, "nameserver 127.0.0.53\n" },
	{ "nameserver 9.9.9.9\nsearch lan\n", "1.1.1.1 127.0.0.1", "", "", false,
	  "nameserver 1.1.1.1\nnameserver 127.0.0.1\nsearch lan\n" },
	{ "nameserver 9.9.9.9\nsearch lan\noptions a\n", "", "b c", "d e", false, "nameserver 9.9.9.9\nsearch b c\noptions d e\n" },
	{ "nameserver 9.9.9.9\nsearch lan\n", "", ".", "", false, "nameserver 9.9.9.9\n" },
};

static void resolv_conf(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char path[] = "/tmp/test-etc.XXXXXX";
		int fd = mkstemp(path);
		_cleanup_buf_ struct buf out = { 0 };
		_cleanup_(resolv_done) struct resolv own = { split(files[i].dns), split(files[i].search), split(files[i].options) };

		assert_true(fd >= 0);
		assert_int_equal(write(fd, files[i].host, strlen(files[i].host)), (ssize_t)strlen(files[i].host));
		etc_resolv_conf(&out, path, &own, NULL, files[i].host_net);
		assert_string_equal(buf_str(&out), files[i].want);
		(void)close(fd);
		(void)unlink(path);
	}
}

/* The job's words, else the network's, else the host's, list by list; what the network says may be loopback. */
static void the_network_s(void **state)
{
	static const struct {
		const char *dns, *search, *options, *want;
	} rows[] = {
		{ "", "", "", "nameserver 127.0.0.9\nsearch net.example\noptions ndots:3\n" },
		{ "1.1.1.1", "", "", "nameserver 1.1.1.1\nsearch net.example\noptions ndots:3\n" },
		{ "", ".", "rotate", "nameserver 127.0.0.9\noptions rotate\n" },
	};
	_cleanup_(resolv_done) struct resolv net = { split("127.0.0.9"), split("net.example"), split("ndots:3") };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(resolv_done) struct resolv own = { split(rows[i].dns), split(rows[i].search), split(rows[i].options) };
		_cleanup_buf_ struct buf out = { 0 };

		etc_resolv_conf(&out, "/nonexistent", &own, &net, false);
		assert_string_equal(buf_str(&out), rows[i].want);
	}
}

/* Words come from flags: a line break in one must not begin a line. */
static void no_line_is_smuggled_in(void **state)
{
	char *bad[] = { (char *)"1.1.1.1\nsearch evil", (char *)"2.2.2.2", NULL };
	const struct strv list = { .v = bad, .n = 2, .cap = 3 };
	_cleanup_buf_ struct buf out = { 0 }, hosts = { 0 };
	char *extra[] = { (char *)"a:1.1.1.1\n6.6.6.6 bank", NULL };
	const struct strv extras = { .v = extra, .n = 1, .cap = 2 };

	(void)state;
	etc_resolv_conf(&out, "/nonexistent", &(struct resolv){ list, list, list }, NULL, true);
	assert_string_equal(buf_str(&out), "nameserver 2.2.2.2\nsearch 2.2.2.2\noptions 2.2.2.2\n");
	etc_hosts(&hosts, &extras, NULL);
	etc_hosts_line(&hosts, "1.1.1.1", &(struct strv){ .v = extra, .n = 1, .cap = 2 });
	assert_null(strstr(buf_str(&hosts), "6.6.6.6"));
}

static void without_any_server(void **state)
{
	_cleanup_buf_ struct buf out = { 0 };

	(void)state;
	if (file_exists("/run/systemd/resolve/resolv.conf")) {
		print_message("systemd-resolved's servers stand in on this machine\n");
		skip();
	}
	etc_resolv_conf(&out, "/nonexistent", &(struct resolv){ 0 }, NULL, false);
	assert_string_equal(buf_str(&out), "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
}

static void hosts(void **state)
{
	static const struct {
		const char *ip, *names, *extra, *gateway, *end;
	} rows[] = {
		{ NULL, "h n", "", NULL, "ff02::2\tip6-allrouters\n" },
		{ "10.0.0.2/24", "h n", "", NULL, "allrouters\n10.0.0.2\th n\n" },
		{ "10.0.0.2", "h h n h", "", NULL, "allrouters\n10.0.0.2\th n\n" },
		{ "10.0.0.2", "#x h x#y", "", NULL, "allrouters\n10.0.0.2\th\n" },
		{ "10.0.0.2", "", "", NULL, "allrouters\n" },
		{ "fd00::2/64", "h", "", NULL, "allrouters\nfd00::2\th\n" },
		{ NULL, "h", "a:1.2.3.4 b:fd00::1 c:[fd00::2]", NULL, "allrouters\n1.2.3.4\ta\nfd00::1\tb\nfd00::2\tc\n" },
		{ NULL, "h", "a:host-gateway", "10.0.0.1", "allrouters\n10.0.0.1\ta\n" },
		{ NULL, "h", "a:host-gateway b:1.1.1.1", NULL, "allrouters\n1.1.1.1\tb\n" },
		{ NULL, "h", "a :1.1.1.1 a:", NULL, "allrouters\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_strv_ struct strv extra = split(rows[i].extra), names = split(rows[i].names);
		_cleanup_buf_ struct buf out = { 0 };
		const char *end = rows[i].end;

		etc_hosts(&out, &extra, rows[i].gateway);
		if (rows[i].ip)
			etc_hosts_line(&out, rows[i].ip, &names);
		assert_int_equal(strncmp(buf_str(&out), "127.0.0.1\tlocalhost\n", 20), 0);
		assert_true(out.len > strlen(end));
		assert_string_equal(out.data + out.len - strlen(end), end);
	}
}

/* Around davit's part everything stays, whatever a job has made of the file. */
static void the_part_is_kept(void **state)
{
#define BEGIN "# davit: jobs of its networks\n"
#define END "# davit: end\n"
	static const struct {
		const char *is, *lines, *want;
	} rows[] = {
		{ "a\n", "x\n", "a\n" BEGIN "x\n" END },
		{ "a", "x\n", "a\n" BEGIN "x\n" END },
		{ "", "x\n", BEGIN "x\n" END },
		{ "a\n", "", "a\n" },
		{ "a\n" BEGIN "x\n" END "b\n", "y\nz\n", "a\n" BEGIN "y\nz\n" END "b\n" },
		{ "a\n" BEGIN "x\n" END "b", "", "a\nb" },
		{ BEGIN END, "", "" },
		{ "a\n" BEGIN "b\n", "x\n", "a\n" BEGIN "b\n" BEGIN "x\n" END }, /* a beginning alone is the job's */
		{ "a\n" BEGIN "b\n" BEGIN "x\n" END, "y\n", "a\n" BEGIN "b\n" BEGIN "y\n" END }, /* and does not grow */
		{ END "a\n" BEGIN "x\n", "y\n", END "a\n" BEGIN "x\n" BEGIN "y\n" END },
		{ "a " BEGIN "x\n" END, "y\n", "a " BEGIN "x\n" END BEGIN "y\n" END }, /* not a line of its own */
		{ BEGIN "x\n" END BEGIN "x\n" END, "y\n", BEGIN "x\n" END BEGIN "y\n" END },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf out = { 0 }, lines = { 0 };

		buf_adds(&lines, rows[i].lines);
		etc_hosts_keep(&out, rows[i].is, strlen(rows[i].is), &lines);
		assert_string_equal(buf_str(&out), rows[i].want);
	}
}

RUN_TESTS("etc", cmocka_unit_test(the_part_is_kept), cmocka_unit_test(parsed), cmocka_unit_test(resolv_conf),
	  cmocka_unit_test(the_network_s), cmocka_unit_test(no_line_is_smuggled_in), cmocka_unit_test(without_any_server),
	  cmocka_unit_test(hosts))
