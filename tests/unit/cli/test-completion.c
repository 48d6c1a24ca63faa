/* The scripts of `davit completion`, sourced by a bash that knows a davit of the test's own making. */
#include "test.h"
#include "mem.h"
#include "program.h"

/* What bash has around the function: the words of a line, split at its COMP_WORDBREAKS, and a davit that answers. */
static const char around[] =
	"davit() {\n"
	"  case \"$*\" in\n"
	"    '--no-engine ps -a --format names') printf 'web\\nweb-2\\ndb\\n' ;;\n"
	"    '--no-engine -n other ps -a --format names'|'--no-engine --namespace=other ps -a --format names') echo elsewhere ;;\n"
	"    '--no-engine images --format names') printf 'busybox:local\\nredis:7\\nlocalhost:5000/a/b:1\\n' ;;\n"
	"    '--no-engine volume ls --format names') echo data ;;\n"
	"    *) echo \"asked: $*\" ;;\n"
	"  esac\n"
	"}\n"
	"t() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _davit_words; echo \"${COMPREPLY[*]}\"; }\n";

static void completes(void **state)
{
	static const struct {
		const char *words, *offers;
	} rows[] = {
		{ "davit r", "run restart rm rename reconcile runtime" },
		{ "davit nothing ''", "" },
		{ "davit run --pu", "--pull --pull-timeout --publish --publish-all" },
		{ "davit run --pull ''", "missing always never" },
		{ "davit run --pull = n", "never" },
		{ "davit run --format=", "text json spec" },
		{ "davit run --net h", "host" },
		{ "davit run --network ''", "none host davit" },
		{ "davit run --no", "--no-healthcheck" },
		{ "davit run --rm = t", "" },
		{ "davit run --rm b", "busybox:local" },
		{ "davit run -dp 80 : 80 red", "redis:7" },
		{ "davit run -p80 r", "redis:7" },
		{ "davit run busybox : lo", "local" },
		{ "davit run localhost : 5000/", "5000/a/b:1" },
		{ "davit run busybox : local ''", "" },
		{ "davit run --name x busybox --", "" },
		{ "davit run -- ''", "" },
		{ "davit stop w", "web web-2" },
		{ "davit stop web d", "db" },
		{ "davit stop -t 5 d", "db" },
		{ "davit -n other stop ''", "elsewhere" },
		{ "davit --namespace = other stop ''", "elsewhere" },
		{ "davit --debug kill -s T", "TERM" },
		{ "davit exec -it w", "web web-2" },
		{ "davit exec -itu root d", "db" },
		{ "davit exec web ''", "" },
		{ "davit image ''", "ls pull push load import save tag history inspect rm prune" },
		{ "davit image l", "ls load" },
		{ "davit image rm red", "redis:7" },
		{ "davit image --", NULL },
		{ "davit volume rm ''", "data" },
		{ "davit help vol", "volume" },
		{ "davit completion ''", "bash zsh" },
		{ "davit ps --format = j", "json" },
		{ "davit logs --si", "--since" },
		{ "davit --add", "--address" },
	};
	_cleanup_buf_ struct buf script = { 0 }, out = { 0 };
	const char *const print[] = { "davit", "completion", "bash", NULL }, *const bash[] = { "bash", "--norc", "-u", NULL };
	const char *line;

	(void)state;
	assert_int_equal(program_run(getenv("DAVIT"), print, "", &script, NULL), 0);
	buf_adds(&script, around);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		buf_addf(&script, "t %s\n", rows[i].words);
	assert_int_equal(program_run("/bin/bash", bash, buf_str(&script), &out, NULL), 0);
	line = buf_str(&out);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t len = strcspn(line, "\n");
		_cleanup_free_ char *got = mem_strndup(line, len);

		if (rows[i].offers && strcmp(got, rows[i].offers) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].words, got, rows[i].offers);
		line += len + (line[len] == '\n');
	}
	assert_string_equal(line, "");
}

static void registers_itself(void **state)
{
	const char *const print[] = { "davit", "completion", "bash", NULL }, *const bash[] = { "bash", "--norc", NULL };
	_cleanup_buf_ struct buf script = { 0 }, out = { 0 };

	(void)state;
	assert_int_equal(program_run(getenv("DAVIT"), print, "", &script, NULL), 0);
	buf_adds(&script, "complete -p davit\n");
	assert_int_equal(program_run("/bin/bash", bash, buf_str(&script), &out, NULL), 0);
	assert_string_equal(buf_str(&out), "complete -o default -F _davit_words davit\n");
}

static void knows_two_shells(void **state)
{
	const char *const zsh[] = { "davit", "completion", "zsh", NULL }, *const fish[] = { "davit", "completion", "fish", NULL };
	_cleanup_buf_ struct buf script = { 0 }, none = { 0 };

	(void)state;
	assert_int_equal(program_run(getenv("DAVIT"), zsh, "", &script, NULL), 0);
	assert_memory_equal(buf_str(&script), "#compdef davit\n", 15);
	assert_int_equal(program_run(getenv("DAVIT"), fish, "", &none, NULL), 125);
	assert_int_equal(none.len, 0);
}

RUN_TESTS("completion", cmocka_unit_test(completes), cmocka_unit_test(registers_itself), cmocka_unit_test(knows_two_shells))
