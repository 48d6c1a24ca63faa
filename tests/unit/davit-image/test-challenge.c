#include "test.h"
#include "attr.h"
#include "challenge.h"

static void parses(void **state)
{
	static const struct {
		const char *header;
		bool basic, bearer;
		const char *realm, *service, *scope;
	} cases[] = {
		{ "Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x/y:pull\"", false, true, "https://a/t", "s",
		  "repository:x/y:pull" },
		{ "bearer REALM=https://a/t", false, true, "https://a/t", NULL, NULL },
		{ "Basic realm=\"it, is = mine\"", true, false, NULL, NULL, NULL },
		{ "Basic realm=\"x\", Bearer realm=\"https://b\", service=\"q\\\"uote\"", true, true, "https://b", "q\"uote",
		  NULL },
		{ "Bearer realm=\"https://b\", Basic realm=\"x\"", true, true, "https://b", NULL, NULL },
		{ "Negotiate, Basic", true, false, NULL, NULL, NULL },
		{ "Bearer realm = \"https://b\" , service = s", false, true, "https://b", "s", NULL },
		{ "Bearer realm=\"first\",realm=\"second\"", false, true, "first", NULL, NULL },
		{ "Bearer", false, false, NULL, NULL, NULL },
		{ "", false, false, NULL, NULL, NULL },
		{ "Bearer realm=\"open", false, true, "open", NULL, NULL },
		{ "Bearer realm=\"x\\", false, true, "x\\", NULL, NULL },
		{ ",,, ;;; Basic", true, false, NULL, NULL, NULL },
		{ "=\"x\"", false, false, NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(challenge_done) struct challenge c = { 0 };
		const char *got[3], *want[3] = { cases[i].realm, cases[i].service, cases[i].scope };

		challenge_parse(cases[i].header, &c);
		if (c.basic != cases[i].basic || c.bearer != cases[i].bearer)
			fail_msg("%s: basic %d, bearer %d", cases[i].header, c.basic, c.bearer);
		got[0] = c.realm;
		got[1] = c.service;
		got[2] = c.scope;
		for (int k = 0; k < 3; k++)
			if ((got[k] == NULL) != (want[k] == NULL) || (got[k] && strcmp(got[k], want[k]) != 0))
				fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].header, got[k] ? got[k] : "-",
					 want[k] ? want[k] : "-");
	}
}

RUN_TESTS("challenge", cmocka_unit_test(parses))
