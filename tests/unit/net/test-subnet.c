#include "test.h"
#include "subnet.h"
#include <string.h>

static void subnets_are_read(void **state)
{
	static const struct {
		const char *text, *net, *last; /* NULL: none */
	} rows[] = {
		{ "10.1.0.0/16", "10.1.0.0/16", "10.1.255.255" },
		{ "10.1.2.3/23", "10.1.2.0/23", "10.1.3.255" },
		{ "10.1.2.3", "10.1.2.3/32", "10.1.2.3" },
		{ "0.0.0.0/0", "0.0.0.0/0", "255.255.255.255" },
		{ "fd00:1::7/64", "fd00:1::/64", "fd00:1::ffff:ffff:ffff:ffff" },
		{ "::/0", "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "fd00::1/127", "fd00::/127", "fd00::1" },
		{ "", NULL, NULL },
		{ "/24", NULL, NULL },
		{ "10.1.0.0/", NULL, NULL },
		{ "10.1.0.0/33", NULL, NULL },
		{ "10.1.0.0/-1", NULL, NULL },
		{ "10.1.0.0/+8", NULL, NULL },
		{ "10.1.0.0/8 ", NULL, NULL },
		{ "10.1.0.0/0008", NULL, NULL },
		{ "10.1.0/24", NULL, NULL },
		{ "10.1.0.0/24/24", NULL, NULL },
		{ "fd00::/129", NULL, NULL },
		{ "fe80::1%eth0/64", NULL, NULL },
		{ "name/24", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[SUBNET_TEXT], last[INET6_ADDRSTRLEN];
		struct subnet net;
		struct ip end;

		assert_int_equal(subnet_parse(rows[i].text, &net), rows[i].net != NULL);
		if (!rows[i].net)
			continue;
		end = subnet_last(&net);
		assert_string_equal(subnet_text(&net, text), rows[i].net);
		assert_string_equal(ip_text(&end, last), rows[i].last);
	}
}

static void overlaps(void **state)
{
	static const struct {
		const char *a, *b;
		bool both;
	} rows[] = {
		{ "10.0.0.0/8", "10.1.2.0/24", true },     { "10.1.2.0/24", "10.1.2.0/24", true },
		{ "10.1.2.0/25", "10.1.2.128/25", false }, { "10.1.2.0/24", "10.1.3.0/24", false },
		{ "0.0.0.0/0", "10.1.3.0/24", true },      { "0.0.0.0/0", "fd00::/64", false },
		{ "fd00::/64", "fd00::1/128", true },      { "fd00::/63", "fd00:0:0:2::/64", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct subnet a, b;

		assert_true(subnet_parse(rows[i].a, &a) && subnet_parse(rows[i].b, &b));
		assert_int_equal(subnet_overlaps(&a, &b), rows[i].both);
		assert_int_equal(subnet_overlaps(&b, &a), rows[i].both);
	}
}

static void neighbours(void **state)
{
	static const struct {
		const char *ip, *after, *before;
	} rows[] = {
		{ "10.0.0.1", "10.0.0.2", "10.0.0.0" },      { "10.0.0.255", "10.0.1.0", "10.0.0.254" },
		{ "10.0.1.0", "10.0.1.1", "10.0.0.255" },    { "255.255.255.255", "0.0.0.0", "255.255.255.254" },
		{ "fd00::ffff", "fd00::1:0", "fd00::fffe" }, { "fd00::", "fd00::1", "fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[INET6_ADDRSTRLEN];
		struct ip ip, next;

		assert_true(ip_parse(rows[i].ip, &ip));
		next = ip_after(&ip, 1);
		assert_string_equal(ip_text(&next, text), rows[i].after);
		next = ip_before(&ip);
		assert_string_equal(ip_text(&next, text), rows[i].before);
	}
}

static void texts_of_an_address(void **state)
{
	struct ip ip;

	(void)state;
	assert_true(ip_parse("fd00::1", &ip));
	assert_true(ip_is(&ip, "fd00:0::1/64"));
	assert_true(ip_is(&ip, "FD00::1"));
	assert_false(ip_is(&ip, "fd00::2"));
	assert_false(ip_is(&ip, ""));
	assert_true(ip_parse("10.0.0.1", &ip));
	assert_true(ip_is(&ip, "10.0.0.1/8"));
	assert_false(ip_is(&ip, "::ffff:10.0.0.1"));
}

static void picked(void **state)
{
	_cleanup_(subnets_done) struct subnets used = { 0 };
	struct subnet net, wide;
	char text[SUBNET_TEXT];
	struct ip own;

	(void)state;
	assert_int_equal(subnet_pick(&used, NULL, &net, NULL), 0);
	assert_string_equal(subnet_text(&net, text), "10.89.0.0/24");
	assert_true(subnet_parse("10.89.0.0/23", &wide));
	subnets_add(&used, &wide, "x");
	assert_int_equal(subnet_pick(&used, NULL, &net, NULL), 0);
	assert_string_equal(subnet_text(&net, text), "10.89.2.0/24");
	assert_true(ip_parse("10.89.7.9", &own));
	assert_int_equal(subnet_pick(&used, &own, &net, NULL), 0);
	assert_string_equal(subnet_text(&net, text), "10.89.7.0/24");
	assert_true(ip_parse("10.89.1.9", &own)); /* in use */
	assert_int_equal(subnet_pick(&used, &own, &net, NULL), 0);
	assert_string_equal(subnet_text(&net, text), "10.89.2.0/24");
	assert_true(subnet_parse("0.0.0.0/0", &wide));
	subnets_add(&used, &wide, "y");
	assert_int_equal(subnet_pick(&used, NULL, &net, NULL), -ERR_EXHAUSTED);
	assert_int_equal(subnet_pick_v6(&used, &net, NULL), 0);
	assert_true(net.bits == 64 && net.ip.b[0] == 0xfd);
	assert_true(subnet_parse("fd00::/8", &wide));
	subnets_add(&used, &wide, "z");
	assert_int_equal(subnet_pick_v6(&used, &net, NULL), -ERR_EXHAUSTED);
}

RUN_TESTS("subnet", cmocka_unit_test(subnets_are_read), cmocka_unit_test(overlaps), cmocka_unit_test(neighbours),
	  cmocka_unit_test(texts_of_an_address), cmocka_unit_test(picked))
