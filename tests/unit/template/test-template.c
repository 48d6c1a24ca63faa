/* Templates as scripts write them for Docker, over what davit has; then those that are wrong, and those that would cost too much.
 */
#include "test.h"
#include "clock.h"
#include "mem.h"
#include "template.h"

static const char data[] =
	"{'Name':'web','Id':'web-0a1b','Empty':'','Count':3,'Big':-7,'Half':0.5,'On':true,'Off':false,'Nothing':null,"
	"'State':{'Status':'running','Pid':42,'ExitCode':0},'Config':{'Env':['A=1','B=2'],'Labels':{'b.c/d':'y','a':'x'},'Cmd':[]},"
	"'labels':{'b.c/d':'y','a':'x'},"
	"'Mounts':[{'Type':'bind','Source':'/s','Destination':'/d'},{'Type':'volume','Source':'v','Destination':'/e'}],"
	"'Ports':{'80/tcp':[{'HostIp':'0.0.0.0','HostPort':'8080'}],'53/udp':null}}";

static json *parse(const char *text)
{
	_cleanup_free_ char *s = mem_strdup(text);
	struct err err = ERR_INIT;
	json *j = NULL;

	for (char *p = s; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	if (json_parse(s, strlen(s), &j, &err) < 0)
		fail_msg("%s", err.msg);
	return j;
}

static int render(const char *text, struct buf *out, struct err *err)
{
	_cleanup_json_ json *j = parse(data);
	_cleanup_(template_freep) struct template *t = NULL;
	int r = template_parse(text, &t, err);

	return r < 0 ? r : template_run(t, j, out, err);
}

static void writes(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "{{.Name}}", "web" },
		{ "{{ .Name }}/{{.Id}}", "web/web-0a1b" },
		{ "{{.State.Status}} {{.State.Pid}}", "running 42" },
		{ "{{.On}} {{.Off}} {{.Nothing}} {{.Half}}", "true false <no value> 0.5" },
		{ "{{.Config.Env}}", "[A=1 B=2]" },
		{ "{{.Config.Labels}}", "map[a:x b.c/d:y]" },
		{ "{{.Config.Cmd}}", "[]" },
		{ "a\\tb\\nc", "a\tb\nc" },
		{ "{{\"a\\tb\"}}{{`\\t`}}{{\"\\u00fc\\x41\"}}", "a\tb\\tüA" },
		{ "{{json .State}}", "{\"Status\":\"running\",\"Pid\":42,\"ExitCode\":0}" },
		{ "{{json .Name}}{{json .Nothing}}", "\"web\"null" },
		{ "{{.State | json}}", "{\"Status\":\"running\",\"Pid\":42,\"ExitCode\":0}" },
		{ "{{index .Config.Labels \"b.c/d\"}}|{{index .Config.Labels \"no\"}}|", "y||" },
		{ "{{.Config.Labels.a}}{{.Config.Labels.no}}", "x<no value>" },
		{ "{{.Label \"b.c/d\"}}{{.Label \"no\"}}", "y" },
		{ "{{index .Config.Env 1}}", "B=2" },
		{ "{{(index .Mounts 1).Destination}}", "/e" },
		{ "{{(index (index .Ports \"80/tcp\") 0).HostPort}}", "8080" },
		{ "{{range .Mounts}}{{.Source}}:{{.Destination}} {{end}}", "/s:/d v:/e " },
		{ "{{range .Config.Env}}{{.}},{{end}}", "A=1,B=2," },
		{ "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "a=x;b.c/d=y;" },
		{ "{{range $i, $e := .Config.Env}}{{$i}}{{$e}}{{end}}", "0A=11B=2" },
		{ "{{range $e := .Config.Env}}{{$e}}{{$.Name}}{{end}}", "A=1webB=2web" },
		{ "{{range .Config.Cmd}}x{{else}}none{{end}}", "none" },
		{ "{{range .Nothing}}x{{else}}none{{end}}", "none" },
		{ "{{range $p, $c := .Ports}}{{$p}}{{range $c}}:{{.HostPort}}{{end}} {{end}}", "53/udp 80/tcp:8080 " },
		{ "{{range .Config.Env}}{{if eq . \"A=1\"}}{{continue}}{{end}}{{.}}{{end}}", "B=2" },
		{ "{{range .Config.Env}}{{.}}{{break}}{{end}}", "A=1" },
		{ "{{if .On}}yes{{else}}no{{end}}{{if .Empty}}x{{end}}", "yes" },
		{ "{{if .Off}}a{{else if .Empty}}b{{else if .Count}}c{{else}}d{{end}}", "c" },
		{ "{{if and .On (eq .State.Status \"running\")}}up{{end}}", "up" },
		{ "{{if or .Off .Empty}}x{{else}}y{{end}}", "y" },
		{ "{{if not .Off}}z{{end}}", "z" },
		{ "{{and .Off (index .Config.Cmd 5)}}{{or .On (index .Config.Cmd 5)}}", "falsetrue" },
		{ "{{eq .Count 3}}{{eq .Count 1 2 3}}{{ne .Name \"web\"}}", "truetruefalse" },
		{ "{{lt .Count 4}}{{le 3 .Count}}{{gt .Big 0}}{{ge \"b\" \"a\"}}{{lt .Half 1}}", "truetruefalsetruetrue" },
		{ "{{with .State}}{{.Pid}}{{end}}{{with .Empty}}x{{else}}-{{end}}", "42-" },
		{ "{{with $s := .State}}{{$s.Pid}}{{.Pid}}{{end}}", "4242" },
		{ "{{$x := .Name}}{{$x}}{{$x = \"y\"}}{{$x}}", "weby" },
		{ "{{$n := 0}}{{range .Config.Env}}{{$n = .}}{{end}}{{$n}}", "B=2" },
		{ "{{len .Name}}{{len .Mounts}}{{len .State}}{{len .Nothing}}", "3230" },
		{ "{{join .Config.Env \",\"}}|{{.Config.Env | join \"+\"}}", "A=1,B=2|A=1+B=2" },
		{ "{{lower \"ABC\"}}{{upper .Name}}{{title \"a bc\"}}", "abcWEBA Bc" },
		{ "{{.Name | upper | lower | printf \"%-5s|\"}}", "web  |" },
		{ "{{split \"a,b,c\" \",\"}}{{len (split \"\" \",\")}}", "[a b c]1" },
		{ "{{slice .Name 1}}{{slice .Name 0 2}}{{slice .Config.Env 1}}", "ebwe[B=2]" },
		{ "{{printf \"%s-%d %5d|%-5s|%05d %q %v %t %x %X %%\" .Name .Count 7 \"ab\" 42 .Name .State.Pid .On 255 \"az\"}}",
		  "web-3     7|ab   |00042 \"web\" 42 true ff 617A %" },
		{ "{{printf \"%.2f %6.1f %s %d\" .Half 2.25 .Config.Env \"x\"}}", "0.50    2.2 [A=1 B=2] %!d(x)" },
		{ "{{printf \"%d %s\" 1}}{{printf \"x\" 1}}", "1 %!s(MISSING)x%!(EXTRA)" },
		{ "{{printf \"%.2s|%3s|\" \"über\" \"ü\"}}", "üb|  ü|" },
		{ "{{print 1 2 \"a\" \"b\"}}{{println \"a\" 1}}", "1 2a"
								  "ba 1\n" },
		{ "{{pad \"x\" 1 2}}|{{truncate .Name 2}}", " x  |we" },
		{ "a  {{- .Name -}}  b", "aweb"
					 "b" },
		{ "a {{/* no {{ */}} b{{- /* c */ -}} d", "a  bd" },
		{ "{{- .Name -}}\n  {{.Count}}", "web3" },
		{ "{{.Big}}{{-3}}{{1.5}}{{0x10}}", "-7-31.516" },
		{ "{{true}}{{\"}}\"}}", "true}}" },
		{ "{{$}}", NULL },
		{ "{{.}}", NULL },
		{ "{{nil}}", "<no value>" },
		{ "{{.Nothing.What}}", "<no value>" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf out = { 0 };
		struct err err = ERR_INIT;

		if (render(rows[i].text, &out, &err) < 0)
			fail_msg("%s: %s", rows[i].text, err.msg);
		if (rows[i].want && strcmp(buf_str(&out), rows[i].want) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].text, buf_str(&out), rows[i].want);
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *says, *hint;
	} rows[] = {
		{ "{{.Nme}}", "template: column 3: no field .Nme: there are .Big .Config .Count .Empty", "did you mean .Name?" },
		{ "{{.State.status}}", "template: column 3: no field .status: there are .ExitCode .Pid .Status",
		  "did you mean .Status?" },
		{ "x\n  {{ .Foo }}", "template: line 2, column 6: no field .Foo", "" },
		{ "ü{{.Foo}}", "template: column 4: no field .Foo", "" },
		{ "{{.Name.First}}", "template: column 3: no field .First: what stands before is no object", "" },
		{ "{{uper .Name}}", "template: column 3: no function uper: there are and or not eq", "did you mean upper?" },
		{ "{{$x}}", "template: column 3: no variable $x was declared", "" },
		{ "{{$x = 1}}", "template: column 3: no variable $x was declared", "" },
		{ "{{if .On}}{{$y := 1}}{{end}}{{$y}}", "template: column 31: no variable $y", "" },
		{ "{{.Name", "template: column 8: }} is missing", "" },
		{ "{{", "template: column 3: }} is missing", "" },
		{ "{{}}", "template: column 3: a value is missing", "" },
		{ "{{if .On}}x", "template: column 12: {{end}} is missing", "" },
		{ "{{end}}", "template: column 3: there is no if, with or range", "" },
		{ "{{else}}", "template: column 3: there is no if", "" },
		{ "{{if}}x{{end}}", "template: column 5: a value is missing", "" },
		{ "{{if .On}}{{else}}{{else}}{{end}}", "template: column 21: {{end}} is missing", "" },
		{ "{{break}}", "template: column 3: outside of a range", "" },
		{ "{{(.Name}}", "template: column 9: ) is missing", "" },
		{ "{{.Name)}}", "template: column 8: }} is missing", "" },
		{ "{{.Name | }}", "template: column 11: a function is missing behind |", "" },
		{ "{{.Name | .Id}}", "template: column 11: a function is missing behind |", "" },
		{ "{{.Name .Id}}", "template: column 9: what stands before takes no arguments", "" },
		{ "{{\"a}}", "template: column 3: the string has no end", "" },
		{ "{{\"\\z\"}}", "template: column 5: no such escape", "" },
		{ "{{/* x}}", "template: column 3: the comment has no end", "" },
		{ "{{12abc}}", "template: column 3: not a number", "" },
		{ "{{.Name & 1}}", "template: column 9: a template has no \"&\" there", "" },
		{ "{{template \"x\"}}", "template: column 3: templates within templates", "" },
		{ "{{\"a\".B}}", "template: column 6: what stands before has no fields", "" },
		{ "{{index .Config.Env 2}}", "template: column 3: this list's index is a number from 0 to 1", "" },
		{ "{{index .Name 0}}", "template: column 3: index is of a list", "" },
		{ "{{index .Config.Cmd 0}}", "template: column 3: index of an empty list", "" },
		{ "{{eq .Name 1}}", "template: column 3: what differs in kind", "" },
		{ "{{lower 1}}", "template: column 3: what changes its case is text", "" },
		{ "{{len 1}}", "template: column 3: len is of", "" },
		{ "{{eq 1}}", "template: column 3: eq needs 2 arguments, not 1", "" },
		{ "{{json 1 2}}", "template: column 3: json takes 1 arguments, not 2", "" },
		{ "{{range .Name}}{{end}}", "template: column 3: range goes over lists", "" },
		{ "{{printf 1}}", "template: column 3: printf's format is text", "" },
		{ "{{printf \"%99999d\" 1}}", "template: column 3: a width is at most 1000", "" },
		{ "{{printf \"%\"}}", "template: column 3: the format ends", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf out = { 0 };
		struct err err = ERR_INIT;

		if (render(rows[i].text, &out, &err) != -ERR_INVALID || strncmp(err.msg, rows[i].says, strlen(rows[i].says)) != 0 ||
		    strcmp(err.hint, rows[i].hint) != 0)
			fail_msg("%s: %s (%s), not %s (%s)", rows[i].text, err.msg, err.hint, rows[i].says, rows[i].hint);
	}
}

/* What costs too much ends soon, with an error. */
static void is_bounded(void **state)
{
	_cleanup_buf_ struct buf doubling = { 0 }, nested = { 0 }, deep = { 0 };
	const char *const texts[] = { "{{$x := \"0123456789abcdef\"}}", "{{$x = print $x $x}}" };
	int64_t began = clock_mono();
	struct err err = ERR_INIT;
	_cleanup_buf_ struct buf out = { 0 };

	(void)state;
	buf_adds(&doubling, texts[0]);
	for (int i = 0; i < 40; i++)
		buf_adds(&doubling, texts[1]);
	assert_int_equal(render(buf_str(&doubling), &out, &err), -ERR_INVALID);
	for (int i = 0; i < 30; i++)
		buf_adds(&nested, "{{range $.Mounts}}");
	buf_adds(&nested, "x");
	for (int i = 0; i < 30; i++)
		buf_adds(&nested, "{{end}}");
	err_clear(&err);
	assert_int_equal(render(buf_str(&nested), &out, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, "steps"));
	for (int i = 0; i < 100; i++)
		buf_adds(&deep, "{{if .On}}");
	err_clear(&err);
	assert_int_equal(render(buf_str(&deep), &out, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, "nested too deep"));
	assert_true(clock_mono() - began < 60 * NSEC_PER_SEC);
}

static void checks_fields_without_rows(void **state)
{
	static const struct {
		const char *text;
		int r;
	} rows[] = {
		{ "{{.Name}}", 0 },
		{ "{{.Nam}}", -ERR_INVALID },
		{ "{{range .Mounts}}{{.Source}}{{end}}", 0 },
		{ "{{range .Mounts}}{{$.Nam}}{{end}}", -ERR_INVALID },
		{ "{{if .Nam}}{{end}}", -ERR_INVALID },
		{ "{{if .On}}{{.Nam}}{{end}}", -ERR_INVALID },
		{ "{{lower (index .Nam 0)}}", -ERR_INVALID },
		{ "{{.Label \"x\"}}", 0 },
		{ "{{with .State}}{{.What}}{{end}}", 0 },
	};
	_cleanup_json_ json *fields = parse(data);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(template_freep) struct template *t = NULL;

		assert_true(template_parse(rows[i].text, &t, NULL) >= 0);
		if (template_check(t, fields, NULL) != rows[i].r)
			fail_msg("%s", rows[i].text);
	}
}

/* Another style: its own delimiters and functions, text as it stands, and a budget that all its templates share. */

static int twice(void *state, json *const *v, size_t n, json **ret, struct err *err)
{
	(void)state;
	(void)n;
	if (!json_text(v[0]))
		return err_hint(err, err_set(err, ERR_INVALID, "twice wants text"), "put it into quotes");
	*ret = json_new_str(json_text(v[0]));
	return 0;
}

static int render_style(const char *text, struct template_style *style, struct buf *out, struct err *err)
{
	_cleanup_json_ json *none = json_new_object();
	_cleanup_(template_freep) struct template *t = NULL;
	int r = template_parse_style(text, style, &t, err);

	return r < 0 ? r : template_run(t, none, out, err);
}

static void in_another_style(void **state)
{
	static const struct template_call calls[] = { { "twice", twice, 1, 1 }, { "split", twice, 1, 1 } };
	struct template_style style = { .open = "[[",
					.close = "]]",
					.plain = true,
					.any_field = true,
					.calls = calls,
					.n_calls = 2,
					.steps = 40,
					.work = 1000 };
	static const char *const cases[][2] = {
		{ "a\\n{{.X}} [[ twice \"x\" ]]", "a\\n{{.X}} x" },
		{ "a [[- twice \"x\" -]] b", "axb" },
		{ "[[ \"y\" | split | upper ]]", "Y" }, /* its own split before that of all */
		{ "[[ with .Nothing ]]a[[ else ]]b[[ end ]]", "b" },
		{ "[[/* c */]]d", "d" },
	};
	_cleanup_buf_ struct buf out = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		buf_reset(&out);
		if (render_style(cases[i][0], &style, &out, &err) < 0)
			fail_msg("%s: %s", cases[i][0], err.msg);
		assert_string_equal(buf_str(&out), cases[i][1]);
	}
	assert_int_equal(render_style("[[ twice 1 ]]", &style, &out, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "template: column 4: twice wants text");
	assert_string_equal(err.hint, "put it into quotes");
	err_clear(&err);
	for (int i = 0; i < 40 && !err.code; i++)
		(void)render_style("[[ twice \"x\" ]]", &style, &out, &err);
	assert_non_null(strstr(err.msg, "takes more steps than a template may"));
}

RUN_TESTS("template", cmocka_unit_test(writes), cmocka_unit_test(refuses), cmocka_unit_test(is_bounded),
	  cmocka_unit_test(checks_fields_without_rows), cmocka_unit_test(in_another_style))
