/* A task's templates: text in consul-template's language. It is written once, when the file is read: what asks Consul, Vault or the
 * cluster is refused, so nothing in it changes later. */
#include "nomad.h"
#include "mem.h"
#include "template.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* functions */

static int text_result(const char *text, json **ret)
{
	*ret = json_new_str(text);
	return 0;
}

static int want_text(json *const *v, size_t i, const char **ret, struct err *err)
{
	*ret = v[i] ? json_text(v[i]) : NULL;
	return *ret ? 0 : err_set(err, ERR_INVALID, "argument %zu is no text", i + 1);
}

static int want_texts(json *const *v, size_t n, const char **ret, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = want_text(v, i, &ret[i], err);
	return r;
}

/* A variable of the task. A port's may be put in by the core, which chooses it: "${NAME}" stands for it until then. */
static int task_variable(struct nomad *n, const char *name, const char **ret, struct err *err)
{
	static const struct node nowhere = { .kind = NODE_TEXT };
	_cleanup_free_ char *text = NULL;
	const char *label;

	if (!nomad_var_is_port(name, &label) || !nomad_port(n, label)) {
		*ret = nomad_var(n, name);
		return 0;
	}
	text = mem_printf("${%s}", name);
	return nomad_expand(n, &nowhere, text, ret, err);
}

static int t_env(void *state, json *const *v, size_t n, json **ret, struct err *err)
{
	const char *name, *value = NULL;
	int r = want_text(v, 0, &name, err);

	(void)n;
	if (r >= 0)
		r = task_variable(state, name, &value, err);
	return r < 0 ? r : text_result(value ? value : "", ret);
}

static int t_env_or(void *state, json *const *v, size_t n, json **ret, struct err *err)
{
	const char *texts[2], *value = NULL;
	int r = want_texts(v, n, texts, err);

	if (r >= 0)
		r = task_variable(state, texts[0], &value, err);
	return r < 0 ? r : text_result(value && *value ? value : texts[1], ret);
}

static int template_case(json *const *v, int (*change)(int), json **ret, struct err *err)
{
	_cleanup_free_ char *copy = NULL;
	const char *text;
	int r = want_text(v, 0, &text, err);

	if (r < 0)
		return r;
	copy = mem_strdup(text);
	for (char *p = copy; *p; p++)
		*p = (char)change((unsigned char)*p);
	return text_result(copy, ret);
}

#define CALL(name, body) \
	static int name(void *state, json *const *v, size_t n, json **ret, struct err *err) \
	{ \
		(void)state; \
		(void)n; \
		return (body); \
	}

CALL(t_lower, template_case(v, tolower, ret, err))
CALL(t_upper, template_case(v, toupper, ret, err))

static int trimmed(const char *text, const char *set, bool front, bool back, json **ret)
{
	_cleanup_free_ char *copy = NULL;
	size_t len;

	if (front)
		text += strspn(text, set);
	len = strlen(text);
	while (back && len && strchr(set, text[len - 1]))
		len--;
	copy = mem_strndup(text, len);
	return text_result(copy, ret);
}

static int t_trim_space(void *state, json *const *v, size_t n, json **ret, struct err *err)
{
	const char *text;
	int r = want_text(v, 0, &text, err);

	(void)state;
	(void)n;
	return r < 0 ? r : trimmed(text, " \t\r\n\v\f", true, true, ret);
}

/* As consul-template has it: what is cut stands first. */
static int t_trim(void *state, json *const *v, size_t n, json **ret, struct err *err)
{
	const char *texts[2];
	int r = want_texts(v, n, texts, err);

	(void)state;
	return r < 0 ? r : trimmed(texts[1], texts[0], true, true, ret);
}

static int t_trim_prefix(void *state, json *const *v, size_t n, json **ret, struct err *err)
{
	const char *texts[2];
	int r = want_texts(v, n, texts, err);

	(void)state;
	if (r < 0)
		return r;
	return text_result(texts[1] + (strncmp(texts[1], texts[0], strlen(texts[0])) ? 0 : strlen(texts[0])), ret);
}

static int t_trim_suffix(void *state, json *const *v, size_t n, json **ret, struct err *err)
{
	_cleanup_free_ char *copy = NULL;
	const char *texts[2];
	size_t len, cut;
	int r = want_texts(v, n, texts, err);

	(void)state;
	if (r < 0)
		return r;
	len = strlen(texts[1]);
	cut = strlen(texts[0]);
	copy = mem_strndup(texts[1], cut <= len && !strcmp(texts[1] + len - cut, texts[0]) ? len - cut : len);
	return text_result(copy, ret);
}

static int t_replace_all(void *state, json *const *v, size_t n, json **ret, struct err *err)
{
	_cleanup_buf_ struct buf out = { 0 };
	const char *texts[3], *p, *found;
	int r = want_texts(v, n, texts, err);

	(void)state;
	if (r < 0)
		return r;
	if (!*texts[0])
		return err_set(err, ERR_INVALID, "replaceAll of nothing");
	for (p = texts[2]; (found = strstr(p, texts[0])); p = found + strlen(texts[0])) {
		buf_add(&out, p, (size_t)(found - p));
		buf_adds(&out, texts[1]);
		if (out.len > TEMPLATE_MAX)
			return err_set(err, ERR_INVALID, "replaceAll makes more than %d bytes", TEMPLATE_MAX);
	}
	buf_adds(&out, p);
	return text_result(buf_str(&out), ret);
}

static int t_contains(void *state, json *const *v, size_t n, json **ret, struct err *err)
{
	const char *texts[2];
	int r = want_texts(v, n, texts, err);

	(void)state;
	if (r >= 0)
		*ret = json_object_new_boolean(strstr(texts[1], texts[0]) != NULL);
	return r;
}

static int t_split(void *state, json *const *v, size_t n, json **ret, struct err *err)
{
	const char *texts[2], *p, *found;
	json *list;
	int r = want_texts(v, n, texts, err);

	(void)state;
	if (r < 0)
		return r;
	if (!*texts[0])
		return err_set(err, ERR_INVALID, "split by nothing");
	list = json_new_array();
	for (p = texts[1]; (found = strstr(p, texts[0])); p = found + strlen(texts[0])) {
		_cleanup_free_ char *part = mem_strndup(p, (size_t)(found - p));

		json_append(list, json_new_str(part));
	}
	json_append(list, json_new_str(p));
	*ret = list;
	return 0;
}

static int t_join(void *state, json *const *v, size_t n, json **ret, struct err *err)
{
	_cleanup_buf_ struct buf out = { 0 };
	const char *between, *part;
	int r = want_text(v, 0, &between, err);

	(void)state;
	(void)n;
	if (r >= 0 && (!v[1] || !json_object_is_type(v[1], json_type_array)))
		r = err_set(err, ERR_INVALID, "join goes over lists only");
	for (size_t i = 0; r >= 0 && i < json_len(v[1]); i++) {
		json *one = json_at(v[1], i);

		r = want_text(&one, 0, &part, err);
		if (r >= 0)
			buf_addf(&out, "%s%s", i ? between : "", part);
		if (out.len > TEMPLATE_MAX)
			return err_set(err, ERR_INVALID, "join makes more than %d bytes", TEMPLATE_MAX);
	}
	return r < 0 ? r : text_result(buf_str(&out), ret);
}

static int want_number(json *v, int64_t *ret, struct err *err)
{
	if (!v || !json_object_is_type(v, json_type_int))
		return err_set(err, ERR_INVALID, "an argument is no whole number");
	*ret = json_object_get_int64(v);
	return 0;
}

/* As consul-template has them: what is subtracted, or divided by, stands first. */
static int arithmetic(json *const *v, char op, json **ret, struct err *err)
{
	int64_t a = 0, b = 0, made = 0;
	bool over = false;
	int r = want_number(v[0], &b, err);

	if (r >= 0)
		r = want_number(v[1], &a, err);
	if (r < 0)
		return r;
	if ((op == '/' || op == '%') && (!b || (a == INT64_MIN && b == -1)))
		return err_set(err, ERR_INVALID, "division by %lld", (long long)b);
	switch (op) {
	case '+': over = __builtin_add_overflow(a, b, &made); break;
	case '-': over = __builtin_sub_overflow(a, b, &made); break;
	case '*': over = __builtin_mul_overflow(a, b, &made); break;
	case '/': made = a / b; break;
	default: made = a % b;
	}
	if (over)
		return err_set(err, ERR_INVALID, "the result is too large");
	*ret = json_object_new_int64(made);
	return 0;
}

CALL(t_add, arithmetic(v, '+', ret, err))
CALL(t_subtract, arithmetic(v, '-', ret, err))
CALL(t_multiply, arithmetic(v, '*', ret, err))
CALL(t_divide, arithmetic(v, '/', ret, err))
CALL(t_modulo, arithmetic(v, '%', ret, err))

static int t_parse_int(void *state, json *const *v, size_t n, json **ret, struct err *err)
{
	const char *text;
	char *end = NULL;
	long long number;
	int r = want_text(v, 0, &text, err);

	(void)state;
	(void)n;
	if (r < 0)
		return r;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno || end == text || *end)
		return err_set(err, ERR_INVALID, "\"%.80s\" is no whole number", text);
	*ret = json_object_new_int64(number);
	return 0;
}

static int t_parse_bool(void *state, json *const *v, size_t n, json **ret, struct err *err)
{
	const char *text;
	int r = want_text(v, 0, &text, err);

	(void)state;
	(void)n;
	if (r >= 0 && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		r = err_set(err, ERR_INVALID, "\"%.80s\" is neither true nor false", text);
	if (r >= 0)
		*ret = json_object_new_boolean(*text == 't');
	return r;
}

static int refused(const char *who, struct err *err)
{
	int r = err_set(err, ERR_INVALID, "needs %s, which is not here", who);

	return err_hint(err, r, "give the value by -var, or in env");
}

CALL(t_consul, ((void)v, (void)ret, refused("Consul", err)))
CALL(t_vault, ((void)v, (void)ret, refused("Vault", err)))
CALL(t_cluster, ((void)v, (void)ret, refused("a Nomad cluster", err)))
CALL(t_files, ((void)v, (void)ret, refused("the client's files", err)))

enum { ANY = 1000 };
static const struct template_call calls[] = {
	{ "env", t_env, 1, 1 },
	{ "envOrDefault", t_env_or, 2, 2 },
	{ "toLower", t_lower, 1, 1 },
	{ "toUpper", t_upper, 1, 1 },
	{ "trimSpace", t_trim_space, 1, 1 },
	{ "trim", t_trim, 2, 2 },
	{ "trimPrefix", t_trim_prefix, 2, 2 },
	{ "trimSuffix", t_trim_suffix, 2, 2 },
	{ "replaceAll", t_replace_all, 3, 3 },
	{ "contains", t_contains, 2, 2 },
	{ "split", t_split, 2, 2 },
	{ "join", t_join, 2, 2 },
	{ "add", t_add, 2, 2 },
	{ "subtract", t_subtract, 2, 2 },
	{ "multiply", t_multiply, 2, 2 },
	{ "divide", t_divide, 2, 2 },
	{ "modulo", t_modulo, 2, 2 },
	{ "parseInt", t_parse_int, 1, 1 },
	{ "parseBool", t_parse_bool, 1, 1 },
	{ "key", t_consul, 0, ANY },
	{ "keyExists", t_consul, 0, ANY },
	{ "keyOrDefault", t_consul, 0, ANY },
	{ "ls", t_consul, 0, ANY },
	{ "safeLs", t_consul, 0, ANY },
	{ "tree", t_consul, 0, ANY },
	{ "safeTree", t_consul, 0, ANY },
	{ "service", t_consul, 0, ANY },
	{ "services", t_consul, 0, ANY },
	{ "connect", t_consul, 0, ANY },
	{ "node", t_consul, 0, ANY },
	{ "nodes", t_consul, 0, ANY },
	{ "datacenters", t_consul, 0, ANY },
	{ "caRoots", t_consul, 0, ANY },
	{ "caLeaf", t_consul, 0, ANY },
	{ "secret", t_vault, 0, ANY },
	{ "secrets", t_vault, 0, ANY },
	{ "pkiCert", t_vault, 0, ANY },
	{ "nomadVar", t_cluster, 0, ANY },
	{ "nomadVarExists", t_cluster, 0, ANY },
	{ "nomadVarList", t_cluster, 0, ANY },
	{ "nomadVarListSafe", t_cluster, 0, ANY },
	{ "nomadService", t_cluster, 0, ANY },
	{ "nomadServices", t_cluster, 0, ANY },
	{ "file", t_files, 0, ANY },
};

/* the block */

static int t_data(struct nomad *n, const struct node *v, struct err *err) { return nomad_plain(n, v, &n->now.text, err); }
static int t_destination(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->now.target, err); }
static int t_perms(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->now.mode, err); }
static int t_as_env(struct nomad *n, const struct node *v, struct err *err) { return nomad_switch(n, v, &n->now.env, err); }
static int t_left(struct nomad *n, const struct node *v, struct err *err) { return nomad_plain(n, v, &n->now.words[0], err); }
static int t_right(struct nomad *n, const struct node *v, struct err *err) { return nomad_plain(n, v, &n->now.words[1], err); }

/* Root's, whatever the file says: who runs in the container may read it by its mode. */
static int t_owner(struct nomad *n, const struct node *v, struct err *err)
{
	int64_t id = 0;
	int r = nomad_whole(n, v, -1, UINT32_MAX, &id, err);

	if (r >= 0 && id > 0)
		r = err_hint(err, nomad_bad(n, v, err, "%s %lld: a template is root's", v->key, (long long)id),
			     "perms = \"0644\" lets others read it");
	return r;
}

static int t_change_mode(struct nomad *n, const struct node *v, struct err *err)
{
	static const char *const modes[] = { "noop", "restart", "signal", "script" };
	const char *mode = "";
	int r = nomad_text(n, v, &mode, err);

	for (size_t i = 0; r >= 0 && i < sizeof modes / sizeof *modes; i++)
		if (!strcmp(mode, modes[i])) {
			if (i)
				nomad_pass_over(n, "change_mode");
			return 0;
		}
	return r < 0 ? r
		     : err_hint(err, nomad_bad(n, v, err, "change_mode \"%.80s\": not known", mode),
				"noop, restart, signal, script");
}

static const struct nomad_key template_keys[] = {
	{ "data", .call = t_data },
	{ "destination", .call = t_destination },
	{ "perms", .call = t_perms },
	{ "env", .call = t_as_env },
	{ "left_delimiter", .call = t_left },
	{ "right_delimiter", .call = t_right },
	{ "uid", .call = t_owner },
	{ "gid", .call = t_owner },
	{ "change_mode", .call = t_change_mode },
	{ "source", .refused = "nothing is downloaded for a task: data = file(\"NAME\") takes a file beside the job's" },
	{ "change_signal", .silent = true }, /* the text never changes */
	{ "change_script", .silent = true, .is_block = true },
	{ "splay", .silent = true },
	{ "wait", .silent = true, .is_block = true },
	{ "once", .silent = true },
	{ "vault_grace", .silent = true },
	{ "error_on_missing_key", .silent = true },
};
static const struct nomad_block template_block = { .name = "",
						   .keys = template_keys,
						   .n = sizeof template_keys / sizeof *template_keys };

static int render(struct nomad *n, const char **ret, struct err *err)
{
	struct template_style style = { .open = n->now.words[0] && *n->now.words[0] ? n->now.words[0] : "{{",
					.close = n->now.words[1] && *n->now.words[1] ? n->now.words[1] : "}}",
					.plain = true,
					.calls = calls,
					.n_calls = sizeof calls / sizeof *calls,
					.state = n,
					.steps = n->template_steps,
					.work = n->template_work };
	_cleanup_(template_freep) struct template *t = NULL;
	_cleanup_json_ json *top = NULL;
	_cleanup_buf_ struct buf out = { 0 };
	int r;

	*ret = n->now.text;
	if (!strstr(n->now.text, style.open))
		return 0;
	r = template_parse_style(n->now.text, &style, &t, err);
	if (r < 0)
		return r;
	top = json_new_object();
	r = template_run(t, top, &out, err);
	n->template_steps = style.steps;
	n->template_work = style.work;
	return r < 0 ? r : nomad_keep(n, buf_str(&out), ret, err);
}

/* Octal digits, as in 0644. */
static int check_perms(struct nomad *n, const struct node *body, struct err *err)
{
	const char *mode = n->now.mode ? n->now.mode : "0644";
	const size_t len = strlen(mode);

	if (len < 3 || len > 4 || mode[strspn(mode, "01234567")])
		return err_hint(err, nomad_bad(n, node_get(body, "perms"), err, "perms \"%.40s\": not octal digits", mode),
				"\"0644\"");
	n->now.mode = mode;
	return 0;
}

static int add_template(struct nomad *n, const struct node *body, const char *text, struct err *err)
{
	const struct node *where = node_get(body, "destination");
	const char *path = NULL;
	struct nomad_template *t;
	int r = check_perms(n, body, err);

	if (r >= 0)
		r = nomad_task_path(n, n->now.target, &path, err);
	if (r < 0)
		return r;
	if (!path || strspn(path, "/") == strlen(path) || strchr(path + 1, '/') == NULL)
		return err_hint(
			err, nomad_bad(n, where, err, "destination \"%.200s\": not a file below the task's folder", n->now.target),
			"local/..., secrets/... or alloc/...");
	r = nomad_spend(n, sizeof *t + n->n_templates, err);
	for (size_t i = 0; r >= 0 && i < n->n_templates; i++)
		if (!strcmp(n->templates[i].path, path))
			r = nomad_bad(n, where, err, "destination \"%.200s\": two templates have it", n->now.target);
	if (r < 0)
		return r;
	n->templates = mem_grow(n->templates, &n->cap_templates, n->n_templates + 1, sizeof *n->templates);
	t = &n->templates[n->n_templates++];
	*t = (struct nomad_template){ .path = path, .data = text };
	(void)snprintf(t->mode, sizeof t->mode, "%s", n->now.mode);
	return 0;
}

static char *unquoted(const char *value, size_t len)
{
	while (len && isspace((unsigned char)value[len - 1]))
		len--;
	if (len > 1 && (*value == '"' || *value == '\'') && value[len - 1] == *value)
		return mem_strndup(value + 1, len - 2);
	return mem_strndup(value, len);
}

/* env = true: lines of K=V. */
static int env_line(struct nomad *n, const struct node *body, const char *line, size_t len, size_t number, struct err *err)
{
	const char *eq = memchr(line, '=', len);
	_cleanup_free_ char *key = NULL, *value = NULL;
	const char *kept = NULL, *kept_value = NULL;
	int r;

	while (len && isspace((unsigned char)*line)) {
		line++;
		len--;
	}
	if (!len || *line == '#')
		return 0;
	if (!eq || eq <= line)
		return nomad_bad(n, node_get(body, "data"), err, "line %zu is no NAME=VALUE", number);
	key = mem_strndup(line, (size_t)(eq - line));
	if (!strncmp(key, "export ", 7))
		memmove(key, key + 7, strlen(key + 7) + 1);
	for (size_t k = strlen(key); k && isspace((unsigned char)key[k - 1]);)
		key[--k] = '\0';
	value = unquoted(eq + 1 + strspn(eq + 1, " \t"), len - (size_t)(eq + 1 + strspn(eq + 1, " \t") - line));
	r = nomad_keep(n, key, &kept, err);
	if (r >= 0)
		r = nomad_keep(n, value, &kept_value, err);
	if (r < 0)
		return r;
	strv_pushf(&n->task->env, "%s=%s", key, value);
	return nomad_var_set(n, kept, kept_value, err);
}

static int take_env(struct nomad *n, const struct node *body, const char *text, struct err *err)
{
	size_t number = 0;
	int r = 0;

	while (r >= 0 && *text) {
		const size_t len = strcspn(text, "\n");

		r = env_line(n, body, text, len, ++number, err);
		text += len + (text[len] == '\n');
	}
	return r;
}

static int take_template(struct nomad *n, const struct node *body, struct err *err)
{
	const char *text = NULL;
	int r;

	if (!n->now.text)
		return err_hint(err, nomad_bad(n, body, err, "no data"), "data = \"TEXT\"");
	if (!n->now.target)
		return err_hint(err, nomad_bad(n, body, err, "no destination"), "destination = \"local/NAME\"");
	r = render(n, &text, err);
	if (r < 0) {
		n->at = node_get(body, "data")->at;
		return r;
	}
	return n->now.env ? take_env(n, body, text, err) : add_template(n, body, text, err);
}

int nomad_template_block(struct nomad *n, const struct node *v, struct err *err)
{
	const struct node *body = hcl_body(v);
	int r;

	n->now = (struct nomad_now){ 0 };
	r = nomad_walk(n, &template_block, body, err);
	if (r >= 0)
		r = take_template(n, body, err);
	return r < 0 ? err_wrap(err, r, "template %.200s", n->now.target ? n->now.target : "") : r;
}
