#include "test.h"
#include "mem.h"
#include "opt.h"

struct values {
	bool tty, interactive;
	const char *name, *format;
	struct strv env;
	int64_t time;
};
#define AT(f) .at = offsetof(struct values, f)
static const struct opt opts[] = {
	{ "tty", 't', .help = "t", .set = opt_bool, AT(tty) },
	{ "interactive", 'i', .help = "i", .set = opt_bool, AT(interactive) },
	{ "name", 'n', .also = "called", .arg = "NAME", .help = "n", .set = opt_string, AT(name) },
	{ "env", 'e', .arg = "K=V", .help = "e", .set = opt_list, AT(env) },
	{ "format", .arg = "FORM", .help = "f", .words = "json table", .set = opt_word, AT(format) },
	{ "time", .arg = "SECONDS", .help = "s", .set = opt_seconds, AT(time) },
	{ "secret", .help = "h", .set = opt_bool, AT(tty), .hidden = true },
	OPT_NOT_HERE("links", 'L', "use addresses"),
	{ 0 },
};

/* The words of @line into @v; what is left, joined, into *ret_args. */
static int parse(const char *line, bool stop, struct values *v, char **ret_args, struct err *err)
{
	static struct strv words; /* values are borrowed from it until the next line */
	_cleanup_strv_ struct strv args = { 0 };
	const struct opt_table table = { .opts = opts, .into = v };
	int r;

	strv_done(&words);
	strv_split(&words, line, " ");
	r = opt_parse(&table, 1, "cmd", stop, strv_argv(&words), 0, &args, err);
	if (r >= 0)
		*ret_args = strv_join(&args, " ");
	return r;
}

static void understands_every_way_to_write_a_flag(void **state)
{
	static const struct {
		const char *line;
		bool stop, tty, interactive;
		const char *name, *env, *args;
	} rows[] = {
		{ "-it a", false, true, true, NULL, "", "a" },
		{ "-tn web a", false, true, false, "web", "", "a" },
		{ "-nweb a", false, false, false, "web", "", "a" },
		{ "-n=web", false, false, false, "web", "", "" },
		{ "--name web --name=other", false, false, false, "other", "", "" },
		{ "--called x", false, false, false, "x", "", "" },
		{ "--name=", false, false, false, "", "", "" },
		{ "--name -t", false, false, false, "-t", "", "" },
		{ "--tty=false -i=true", false, false, true, NULL, "", "" },
		{ "-t --tty=0", false, false, false, NULL, "", "" },
		{ "-e A=1 --env=B=2", false, false, false, NULL, "A=1 B=2", "" },
		{ "a -t b", false, true, false, NULL, "", "a b" },
		{ "a -t b", true, false, false, NULL, "", "a -t b" },
		{ "-i a -- -t", true, false, true, NULL, "", "a -- -t" },
		{ "a -- -t --bad", false, false, false, NULL, "", "a -t --bad" },
		{ "- -t", false, true, false, NULL, "", "-" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct values v = { 0 };
		struct err err = ERR_INIT;
		_cleanup_free_ char *args = NULL, *env = NULL;

		if (parse(rows[i].line, rows[i].stop, &v, &args, &err) < 0)
			fail_msg("%s: %s", rows[i].line, err.msg);
		env = strv_join(&v.env, " ");
		assert_string_equal(args, rows[i].args);
		assert_string_equal(env, rows[i].env);
		assert_int_equal(v.tty, rows[i].tty);
		assert_int_equal(v.interactive, rows[i].interactive);
		assert_string_equal(v.name ? v.name : "none", rows[i].name ? rows[i].name : "none");
		strv_done(&v.env);
	}
}

static void says_what_is_wrong(void **state)
{
	static const struct {
		const char *line, *msg, *hint;
	} rows[] = {
		{ "--nam x", "cmd: unknown flag --nam: did you mean --name?", "" },
		{ "--callled=x", "cmd: unknown flag --callled: did you mean --called?", "" },
		{ "--zzzzzz", "cmd: unknown flag --zzzzzz", "davit help cmd lists the flags" },
		{ "--secre", "cmd: unknown flag --secre", "davit help cmd lists the flags" },
		{ "-x", "cmd: unknown flag -x", "davit help cmd lists the flags" },
		{ "-itx", "cmd: unknown flag -x in -itx", "davit help cmd lists the flags" },
		{ "-format json", "cmd: unknown flag -format: did you mean --format?", "" },
		{ "-name x", "cmd: unknown flag -name: did you mean --name?", "" }, /* not -n ame */
		{ "-name=x", "cmd: unknown flag -name=x: did you mean --name?", "" },
		{ "--NAME x", "cmd: unknown flag --NAME: did you mean --name?", "" },
		{ "--links x", "cmd: unknown flag --links", "use addresses" },
		{ "-links x", "cmd: unknown flag -links", "use addresses" },
		{ "-tL", "cmd: unknown flag -tL", "use addresses" },
		{ "--link", "cmd: unknown flag --link", "davit help cmd lists the flags" }, /* not --tty */
		{ "--format={{.ID}}", "flag --format is one of json, table, not \"{{.ID}}\"",
		  "davit has no templates: --format json | jq takes a field out" },
		{ "--name", "flag --name needs a value", "--name NAME; davit help cmd tells more" },
		{ "-tn", "flag --name needs a value", "--name NAME; davit help cmd tells more" },
		{ "--tty=maybe", "flag --tty is true or false, not \"maybe\"", "" },
		{ "--format=xml", "flag --format is one of json, table, not \"xml\"", "" },
		{ "--time -1", "flag --time is a number from 0 to 31536000, not \"-1\"", "" },
		{ "--time 1x", "flag --time is a number from 0 to 31536000, not \"1x\"", "" },
		{ "--time=", "flag --time is a number from 0 to 31536000, not \"\"", "" },
		{ "--time 99999999999999999999", "flag --time is a number from 0 to 31536000, not \"99999999999999999999\"", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct values v = { 0 };
		struct err err = ERR_INIT;
		char *args = NULL;

		assert_int_equal(parse(rows[i].line, false, &v, &args, &err), -ERR_INVALID);
		assert_string_equal(err.msg, rows[i].msg);
		assert_string_equal(err.hint, rows[i].hint);
	}
}

RUN_TESTS("opt", cmocka_unit_test(understands_every_way_to_write_a_flag), cmocka_unit_test(says_what_is_wrong))
