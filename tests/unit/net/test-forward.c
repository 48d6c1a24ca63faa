#include "test.h"
#include "forward.h"
#include "mem.h"
#include <sys/socket.h>
#include <unistd.h>

static json *parse(const char *text)
{
	json *j = NULL;

	assert_int_equal(json_parse(text, strlen(text), &j, NULL), 0);
	return j;
}

#define RULE(verb, ip) \
	"-w 10 " verb " CNI-FORWARD -d " ip " -m conntrack --ctstate DNAT -m comment --comment|davit: ports of x|-j ACCEPT"

/* The arguments behind the program; "": nothing is to be run. */
static void argv_of(const char *result, int family, bool add, const char *want)
{
	_cleanup_json_ json *j = result ? parse(result) : NULL;
	_cleanup_strv_ struct strv argv = { 0 }, parts = { 0 };
	_cleanup_free_ char *got = NULL, *expected = NULL;

	if (!forward_argv(family, j, "x", add, &argv)) {
		assert_string_equal(want, "");
		assert_int_equal(argv.n, 0);
		return;
	}
	assert_non_null(strstr(argv.v[0], forward_name(family)));
	for (size_t i = 1; i < argv.n; i++)
		strv_push(&parts, argv.v[i]);
	got = strv_join(&parts, " ");
	expected = mem_strdup(want);
	for (char *bar = expected; (bar = strchr(bar, '|'));)
		*bar = ' ';
	assert_string_equal(got, expected);
	assert_true(strv_has(&argv, "davit: ports of x")); /* one argument */
}

static void commands(void **state)
{
	static const char both[] =
		"{\"ips\":[{\"address\":\"fd00::2/64\"},{\"address\":\"10.0.0.2/24\"},{\"address\":\"10.0.0.3/24\"}]}";
	_cleanup_strv_ struct strv probe = { 0 };
	_cleanup_json_ json *j = parse(both);

	(void)state;
	if (!forward_argv(AF_INET, j, "x", true, &probe) || access("/usr/sbin/ip6tables", X_OK) < 0) {
		print_message("no iptables on this machine\n");
		skip();
	}
	argv_of(both, AF_INET, true, RULE("-A", "10.0.0.2"));
	argv_of(both, AF_INET, false, RULE("-D", "10.0.0.2"));
	argv_of(both, AF_INET6, true, RULE("-A", "fd00::2"));
	argv_of("{\"ip4\":{\"ip\":\"10.0.0.9/24\"}}", AF_INET, true, RULE("-A", "10.0.0.9"));
}

static void nothing_to_run(void **state)
{
	(void)state;
	argv_of(NULL, AF_INET, true, "");
	argv_of("{}", AF_INET, true, "");
	argv_of("{\"ips\":[{\"address\":\"10.0.0.2/24\"}]}", AF_INET6, true, "");
	argv_of("{\"ips\":[{\"address\":\"-j/24\"}]}", AF_INET, true, "");
}

static void wanted(void **state)
{
	static const struct {
		const char *plugins;
		bool wanted, add_may_fail;
	} rows[] = {
		{ "[]", false, true },
		{ "[{\"type\":\"bridge\"}]", false, true },
		{ "[{\"type\":\"bridge\"},{\"type\":\"firewall\"}]", true, true },
		{ "[{\"type\":\"firewall\",\"backend\":\"iptables\"}]", true, false },
		{ "[{\"type\":\"firewall\",\"backend\":\"firewalld\"}]", false, true },
		{ "[7,{},{\"type\":7}]", false, true },
	};
	const int absent = 1 << 8, locked = 4 << 8, killed = 9;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_free_ char *text = mem_printf("{\"plugins\":%s}", rows[i].plugins);
		_cleanup_json_ json *list = parse(text);

		assert_int_equal(forward_wanted(list), rows[i].wanted);
		assert_int_equal(forward_may_fail(list, absent, true), rows[i].add_may_fail);
		assert_true(forward_may_fail(list, absent, false));
		assert_false(forward_may_fail(list, locked, true) || forward_may_fail(list, locked, false));
		assert_false(forward_may_fail(list, killed, true) || forward_may_fail(list, killed, false));
	}
}

RUN_TESTS("forward", cmocka_unit_test(commands), cmocka_unit_test(nothing_to_run), cmocka_unit_test(wanted))
