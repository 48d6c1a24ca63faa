#include "test.h"
#include "jobfile-form.h"
#include <string.h>

static const struct {
	const char *file, *text;
	enum jobfile_form form;
} forms[] = {
	{ "a.json", "", FORM_JSON },
	{ "dir/a.nomad", "", FORM_NOMAD },
	{ "a.nomad.hcl", "", FORM_NOMAD },
	{ "a.nomad", "{ \"Job\": {} }", FORM_JSON },
	{ "a.yaml", "{}", FORM_ENSEMBLE },
	{ "a.yml", "", FORM_ENSEMBLE },
	{ ".json", "", FORM_UNKNOWN }, /* that is its whole name */
	{ "-", "", FORM_UNKNOWN },
	{ "-", " \n\t{\"tasks\":[]}", FORM_JSON },
	{ "-", "\xef\xbb\xbf{}", FORM_JSON },
	{ "-", "[{}]", FORM_JSON },
	{ "-", "job \"web\" {\n}", FORM_NOMAD },
	{ "-", "# web\n// one\n/* two\n */ job \"web\" {\n}", FORM_NOMAD },
	{ "-", "locals {", FORM_NOMAD },
	{ "-", "x = 1", FORM_NOMAD },
	{ "-", "# first\nversion: \"V1\"\n", FORM_ENSEMBLE },
	{ "-", "---\n", FORM_ENSEMBLE },
	{ "-", "%YAML 1.1\n", FORM_ENSEMBLE },
	{ "-", "\"version\": V1\n", FORM_ENSEMBLE },
	{ "-", "web_1-x.y : 1", FORM_ENSEMBLE },
	{ "-", "web", FORM_UNKNOWN },
	{ "-", "web\n", FORM_UNKNOWN },
	{ "-", "/* no end", FORM_UNKNOWN },
	{ "-", "/", FORM_UNKNOWN },
	{ "-", "# no end", FORM_UNKNOWN },
	{ "-",
	  "\x7f"
	  "ELF",
	  FORM_UNKNOWN },
	{ "notes.txt", "Dear all, ...", FORM_UNKNOWN },
};

static void form_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		size_t len = strlen(forms[i].text);
		_cleanup_free_ char *text = len ? malloc(len) : NULL; /* without a NUL behind it */
		enum jobfile_form is;

		if (len)
			memcpy(text, forms[i].text, len);
		is = jobfile_form(forms[i].file, text ? text : "", len);
		if (is != forms[i].form)
			fail_msg("%s with \"%s\": %d, not %d", forms[i].file, forms[i].text, (int)is, (int)forms[i].form);
	}
}

static void nul_ends_nothing(void **state)
{
	(void)state;
	assert_int_equal(jobfile_form("-", "\0{}", 3), FORM_UNKNOWN);
	assert_int_equal(jobfile_form("-", "#\0\n{}", 5), FORM_JSON);
}

RUN_TESTS("jobfile-form", cmocka_unit_test(form_is_known), cmocka_unit_test(nul_ends_nothing))
