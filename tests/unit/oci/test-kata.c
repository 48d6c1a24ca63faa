#include "test.h"
#include "host-folder.h"
#include "kata.h"
#include <stdlib.h>

#define ETC "/etc/kata-containers/configuration.toml"
#define USR "/usr/share/defaults/kata-containers/configuration.toml"
#define OPT "/opt/kata/share/defaults/kata-containers/configuration.toml"
static const char *const all[][2] = { { ETC, "" }, { USR, "" }, { OPT, "" }, { "/mine.toml", "" }, { NULL, NULL } };
static const char *const defaults[][2] = { { USR, "" }, { OPT, "" }, { NULL, NULL } };
static const char *const opt[][2] = { { OPT, "" }, { NULL, NULL } };
static const char *const none[][2] = { { NULL, NULL } };

static const struct {
	const char *const (*files)[2];
	const char *env, *found, *says;
} cases[] = {
	{ all, NULL, ETC, NULL },
	{ all, "", ETC, NULL },
	{ all, "/mine.toml", "/mine.toml", NULL },
	{ all, "/other.toml", NULL, "KATA_CONF_FILE /other.toml: there is no such file" },
	{ defaults, NULL, USR, NULL },
	{ opt, NULL, OPT, NULL },
	{ none, NULL, NULL,
	  "no configuration.toml in /etc/kata-containers, /usr/share/defaults/kata-containers or "
	  "/opt/kata/share/defaults/kata-containers" },
};

static void looks_where_kata_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		void *f = host_folder(cases[i].files);
		_cleanup_free_ char *found = NULL;
		struct err err = ERR_INIT;
		int r;

		if (cases[i].env)
			(void)setenv("KATA_CONF_FILE", cases[i].env, 1);
		r = kata_config(((struct test_folder *)f)->dir, &found, &err);
		(void)unsetenv("KATA_CONF_FILE");
		assert_int_equal(r, cases[i].says ? -ERR_NOT_FOUND : 0);
		if (cases[i].says)
			assert_string_equal(err.msg, cases[i].says);
		else
			assert_string_equal(found, cases[i].found);
		test_folder_teardown(&f);
	}
}

RUN_TESTS("kata", cmocka_unit_test(looks_where_kata_does))
