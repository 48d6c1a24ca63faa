#include "test.h"
#include "keys.h"

static void parses(void **state)
{
	static const struct {
		const char *s;
		int r;
		size_t n;
		unsigned char first, last;
	} cases[] = {
		{ "ctrl-p,ctrl-q", 0, 2, 16, 17 },
		{ "ctrl-A,d", 0, 2, 1, 'd' },
		{ "x", 0, 1, 'x', 'x' },
		{ "ctrl-@", 0, 1, 0, 0 },
		{ "ctrl-[", 0, 1, 27, 27 },
		{ "ctrl-_", 0, 1, 31, 31 },
		{ "ctrl-\\", 0, 1, 28, 28 },
		{ "", -ERR_INVALID, 0, 0, 0 },
		{ ",", -ERR_INVALID, 0, 0, 0 },
		{ "a,", -ERR_INVALID, 0, 0, 0 },
		{ "ctrl-", -ERR_INVALID, 0, 0, 0 },
		{ "ctrl-1", -ERR_INVALID, 0, 0, 0 },
		{ "ctrl-pq", -ERR_INVALID, 0, 0, 0 },
		{ "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p", 0, 16, 'a', 'p' },
		{ "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", -ERR_INVALID, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct keys k = { 0 };

		assert_int_equal(keys_parse(cases[i].s, &k, NULL), cases[i].r);
		assert_int_equal(k.n, cases[i].n);
		if (k.n) {
			assert_int_equal(k.seq[0], cases[i].first);
			assert_int_equal(k.seq[k.n - 1], cases[i].last);
		}
	}
}

static void passes_on_what_is_not_the_sequence(void **state)
{
	static const struct {
		const char *in[3];
		int r;
		const char *out;
	} cases[] = {
		{ { "hello", NULL }, 0, "hello" },
		{ { "a\x10\x11"
		    "b",
		    NULL },
		  1,
		  "a" },
		{ { "a\x10", "\x11" }, 1, "a" },
		{ { "\x10"
		    "x",
		    NULL },
		  0,
		  "\x10x" },
		{ { "\x10", "x" }, 0, "\x10x" },
		{ { "\x10\x10\x11", NULL }, 1, "\x10" }, /* the first ctrl-p was one of its own */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct keys k;
		struct buf out = { 0 };
		int r = 0;

		assert_int_equal(keys_parse("ctrl-p,ctrl-q", &k, NULL), 0);
		for (size_t j = 0; j < 3 && cases[i].in[j] && !r; j++)
			r = keys_feed(&k, cases[i].in[j], strlen(cases[i].in[j]), &out);
		assert_int_equal(r, cases[i].r);
		assert_string_equal(buf_str(&out), cases[i].out);
		buf_done(&out);
	}
}

RUN_TESTS("keys", cmocka_unit_test(parses), cmocka_unit_test(passes_on_what_is_not_the_sequence))
