#include "test.h"
#include "sha.h"

static void hashes(void **state)
{
	_cleanup_sha_ struct sha s = { 0 };
	char out[DIGEST_TEXT];

	(void)state;
	assert_string_equal(sha_of("", 0, out), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha_init(&s);
	sha_add(&s, "a", 1);
	sha_add(&s, "bc", 2);
	sha_end(&s, out);
	assert_string_equal(out, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha_init(&s); /* and again */
	sha_end(&s, out);
	assert_string_equal(out, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* The witness: printf '%s %s' A B | sha256sum. */
static void chains(void **state)
{
	_cleanup_strv_ struct strv ids = { 0 }, chain = { 0 }, none = { 0 };

	(void)state;
	sha_chain(&none, &chain);
	assert_int_equal(chain.n, 0);
	strv_push(&ids, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	strv_push(&ids, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha_chain(&ids, &chain);
	assert_int_equal(chain.n, 2);
	assert_string_equal(chain.v[0], ids.v[0]);
	assert_string_equal(chain.v[1], "sha256:a893da35bd22286079f2f3931516d3423eb9b4945f2379e0f8a501ec3d665dd6");
}

RUN_TESTS("sha", cmocka_unit_test(hashes), cmocka_unit_test(chains))
