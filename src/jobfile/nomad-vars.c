/* NOMAD_* variables, and ${...} in texts. Nomad puts values in when it starts a task; here that is done when the file is read, but
 * for ports, which the core chooses: ${NOMAD_PORT_x} and its like stay for it (run/port-vars.h). */
#include "nomad.h"
#include "mem.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

enum { NAME_MAX_LEN = 256 }; /* of what stands in ${...}; longer is no variable */

/* A name as Nomad cleans it: what is no letter, digit or '_' becomes '_'. */
static char clean(char c) { return isalnum((unsigned char)c) ? c : '_'; }

static bool same_cleaned(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (clean(*a) != clean(*b))
			return false;
	return !*a && !*b;
}

/* the variables */

static int vars_by_name(const void *a, const void *b)
{
	const struct nomad_var *x = a, *y = b;
	const int c = strcmp(x->name, y->name);

	return c ? c : (x->order > y->order) - (x->order < y->order);
}

int nomad_var_set(struct nomad *n, const char *name, const char *value, struct err *err)
{
	int r = nomad_spend(n, sizeof *n->vars, err);

	if (r < 0)
		return r;
	n->vars = mem_grow(n->vars, &n->cap_vars, n->n_vars + 1, sizeof *n->vars);
	n->vars[n->n_vars] = (struct nomad_var){ name, value, n->n_vars };
	n->n_vars++;
	n->vars_sorted = false;
	return 0;
}

const char *nomad_var(struct nomad *n, const char *name)
{
	size_t low = 0, high = n->n_vars;

	if (!n->vars_sorted && n->n_vars)
		qsort(n->vars, n->n_vars, sizeof *n->vars, vars_by_name);
	n->vars_sorted = true;
	while (low < high) { /* behind the last of that name */
		const size_t middle = low + (high - low) / 2;

		if (strcmp(n->vars[middle].name, name) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low && !strcmp(n->vars[low - 1].name, name) ? n->vars[low - 1].value : NULL;
}

/* Into the task's environment, and to be put in where it is asked for. */
static int give(struct nomad *n, const char *name, const char *value, struct err *err)
{
	int r = nomad_spend(n, strlen(name) + strlen(value) + 2, err);

	if (r < 0)
		return r;
	strv_pushf(&n->task->env, "%s=%s", name, value);
	return nomad_var_set(n, name, value, err);
}

static int give_number(struct nomad *n, const char *name, int64_t number, struct err *err)
{
	char digits[24];
	const char *kept = NULL;
	int r;

	(void)snprintf(digits, sizeof digits, "%lld", (long long)number);
	r = nomad_keep(n, digits, &kept, err);
	return r < 0 ? r : give(n, name, kept, err);
}

/* An id that looks like Nomad's and is always the same for the same allocation, so that reading a file again changes nothing. */
void nomad_alloc_id(const char *job, const char *group, int64_t index, char out[37])
{
	_cleanup_free_ char *text = mem_printf("%s/%s/%lld", job, group, (long long)index);
	uint64_t half[2] = { UINT64_C(0xcbf29ce484222325), UINT64_C(0x9ae16a3b2f90404f) };

	for (const char *p = text; *p; p++)
		for (int i = 0; i < 2; i++) { /* FNV-1a, from two beginnings, mixed */
			half[i] = (half[i] ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
			half[i] ^= half[i] >> 29;
		}
	(void)snprintf(out, 37, "%08x-%04x-8%03x-8%03x-%012llx", (unsigned)(half[0] >> 32), (unsigned)(half[0] >> 16 & 0xffff),
		       (unsigned)(half[0] & 0xfff), (unsigned)(half[1] >> 48 & 0xfff),
		       (unsigned long long)(half[1] & UINT64_C(0xffffffffffff)));
}

static int give_made(struct nomad *n, const char *name, char *text, struct err *err)
{
	_cleanup_free_ char *owned = text;
	const char *kept = NULL;
	int r = nomad_keep(n, owned, &kept, err);

	return r < 0 ? r : give(n, name, kept, err);
}

static int give_limits(struct nomad *n, struct err *err)
{
	int r = give_number(n, "NOMAD_MEMORY_LIMIT", n->memory, err);

	if (r >= 0 && n->memory_max > 0)
		r = give_number(n, "NOMAD_MEMORY_MAX_LIMIT", n->memory_max, err);
	if (r >= 0 && n->cpu)
		r = give_number(n, "NOMAD_CPU_LIMIT", n->cpu, err);
	return r;
}

int nomad_vars_begin(struct nomad *n, struct err *err)
{
	const struct {
		const char *name, *value;
	} fixed[] = {
		{ "NOMAD_ALLOC_DIR", "/alloc" },   { "NOMAD_TASK_DIR", "/local" },   { "NOMAD_SECRETS_DIR", "/secrets" },
		{ "NOMAD_ALLOC_ID", n->alloc_id }, { "NOMAD_GROUP_NAME", n->group }, { "NOMAD_TASK_NAME", n->task->name },
		{ "NOMAD_JOB_ID", n->id },         { "NOMAD_JOB_NAME", n->name },    { "NOMAD_DC", n->datacenter },
		{ "NOMAD_NAMESPACE", n->ns },      { "NOMAD_REGION", n->region },
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof fixed / sizeof *fixed; i++)
		r = give(n, fixed[i].name, fixed[i].value, err);
	if (r >= 0)
		r = give_made(n, "NOMAD_SHORT_ALLOC_ID", mem_strndup(n->alloc_id, 8), err);
	if (r >= 0)
		r = give_made(n, "NOMAD_ALLOC_NAME", mem_printf("%s.%s[%lld]", n->name, n->group, (long long)n->index), err);
	if (r >= 0)
		r = give_number(n, "NOMAD_ALLOC_INDEX", n->index, err);
	return r < 0 ? r : give_limits(n, err);
}

/* meta: by its name and in upper case, those of the task over those of the group over those of the job */

static int give_meta(struct nomad *n, const struct node *m, struct err *err)
{
	_cleanup_free_ char *name = mem_printf("NOMAD_META_%s", m->key), *upper = NULL;
	const char *value = NULL, *kept = NULL, *kept_upper = NULL;
	int r = nomad_text(n, m, &value, err);

	if (r < 0 || !value)
		return r;
	for (char *p = name; *p; p++)
		*p = clean(*p);
	upper = mem_strdup(name);
	for (char *p = upper; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	r = nomad_keep(n, name, &kept, err);
	if (r >= 0)
		r = give(n, kept, value, err);
	if (r < 0 || !strcmp(name, upper))
		return r;
	r = nomad_keep(n, upper, &kept_upper, err);
	return r < 0 ? r : give(n, kept_upper, value, err);
}

int nomad_vars_meta(struct nomad *n, struct err *err)
{
	const struct node *const of[] = { n->job_meta, n->group_meta, n->task_meta };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof of / sizeof *of; i++)
		if (of[i])
			r = nomad_members(n, of[i], give_meta, err);
	return r < 0 ? err_wrap(err, r, "meta") : r;
}

/* ports */

bool nomad_var_is_port(const char *name, const char **ret_label)
{
	static const char *const prefixes[] = { "NOMAD_HOST_PORT_", "NOMAD_HOST_ADDR_", "NOMAD_HOST_IP_", "NOMAD_ALLOC_PORT_",
						"NOMAD_PORT_",      "NOMAD_ADDR_",      "NOMAD_IP_" };

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i]))) {
			*ret_label = name + strlen(prefixes[i]);
			return true;
		}
	return false;
}

const struct port *nomad_port(const struct nomad *n, const char *label)
{
	for (size_t i = 0; i < n->job->n_ports; i++)
		if (n->job->ports[i].name && same_cleaned(n->job->ports[i].name, label))
			return &n->job->ports[i];
	return NULL;
}

/* What of a port the file itself says: its number inside, or on the host. NULL: the core chooses it. */
static int port_value(struct nomad *n, const char *name, const char *label, const char **ret, struct err *err)
{
	const struct port *p = nomad_port(n, label);
	const bool inside = !strncmp(name, "NOMAD_PORT_", 11) || !strncmp(name, "NOMAD_ALLOC_PORT_", 17);
	const uint16_t number = inside ? p->inside : !strncmp(name, "NOMAD_HOST_PORT_", 16) ? p->host : 0;
	char digits[8];

	(void)snprintf(digits, sizeof digits, "%u", number);
	return number ? nomad_keep(n, digits, ret, err) : 0;
}

/* what a client knows of its machine */

static const char *architecture(const char *machine)
{
	static const char *const names[][2] = { { "x86_64", "amd64" }, { "aarch64", "arm64" }, { "i686", "386" } };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(machine, names[i][0]))
			return names[i][1];
	return machine;
}

/* NULL: davit does not know it. Kept as long as the allocation. */
static int machine_value(struct nomad *n, const char *name, const char **ret, struct err *err)
{
	struct utsname u = { 0 };
	const struct {
		const char *name, *value;
	} known[] = {
		{ "attr.kernel.name", "linux" },
		{ "attr.kernel.version", u.release },
		{ "attr.unique.hostname", u.nodename },
		{ "node.unique.name", u.nodename },
		{ "node.datacenter", n->datacenter },
		{ "node.region", n->region },
		{ "node.class", "" },
		{ "node.pool", "default" },
	};

	if (strncmp(name, "attr.", 5) != 0 && strncmp(name, "node.", 5) != 0)
		return 0;
	(void)uname(&u);
	if (!strcmp(name, "attr.cpu.arch"))
		return nomad_keep(n, architecture(u.machine), ret, err);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(name, known[i].name))
			return nomad_keep(n, known[i].value, ret, err);
	return 0;
}

/* ${...} */

static void strip(const char **s, size_t *len)
{
	for (; *len && isspace((unsigned char)**s); --*len)
		++*s;
	while (*len && isspace((unsigned char)(*s)[*len - 1]))
		--*len;
}

/* @open before it, @close behind it, with blanks around: these go. */
static bool strip_pair(const char **s, size_t *len, const char *open, char close)
{
	const size_t n = strlen(open);

	if (*len <= n || strncmp(*s, open, n) != 0 || (*s)[*len - 1] != close)
		return false;
	*s += n;
	*len -= n + 1;
	strip(s, len);
	return true;
}

/* The name in what stands between "${" and "}": NAME, or env["NAME"]. False: it is neither. */
static bool name_in(const char *s, size_t len, char out[NAME_MAX_LEN + 1], bool *ret_env)
{
	strip(&s, &len);
	*ret_env = strip_pair(&s, &len, "env[", ']') && strip_pair(&s, &len, "\"", '"');
	if (!len || len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("_-.", s[i]))
			return false;
	memcpy(out, s, len);
	out[len] = '\0';
	return true;
}

/* A cleaned name: "NOMAD_META_a-b" is NOMAD_META_a_b. */
static const char *var_of(struct nomad *n, const char *name)
{
	char cleaned[NAME_MAX_LEN + 16];
	const char *value = nomad_var(n, name);

	if (value || (strncmp(name, "NOMAD_META_", 11) != 0 && strncmp(name, "meta.", 5) != 0))
		return value;
	(void)snprintf(cleaned, sizeof cleaned, "NOMAD_META_%s", name + (*name == 'm' ? 5 : 11));
	for (char *p = cleaned; *p; p++)
		*p = clean(*p);
	return nomad_var(n, cleaned);
}

/* *@ret NULL: it stays as it is. */
static int named_value(struct nomad *n, const struct node *where, const char *name, bool env, const char **ret, struct err *err)
{
	static const char *const ours[] = { "NOMAD_", "attr.", "node.", "meta." };
	const char *label = NULL;
	int r;

	*ret = var_of(n, name);
	if (*ret)
		return 0;
	if (nomad_var_is_port(name, &label)) {
		if (nomad_port(n, label))
			return port_value(n, name, label, ret, err);
		return err_hint(err, nomad_bad(n, where, err, "${%s}: the group has no port \"%s\"", name, label),
				"network { port \"%s\" {} }", label);
	}
	r = machine_value(n, name, ret, err);
	if (r < 0 || *ret)
		return r;
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (env || !strncmp(name, ours[i], strlen(ours[i])))
			return nomad_bad(n, where, err,
					 env ? "${env[\"%s\"]}: the task has no such variable" : "${%s}: not known here", name);
	return 0;
}

/* One "${...}" at @open, up to @close. */
static int expand_one(struct nomad *n, const struct node *where, const char *open, const char *close, struct buf *out,
		      struct err *err)
{
	char name[NAME_MAX_LEN + 1];
	const char *value = NULL, *label = NULL;
	bool env = false;
	int r = 0;

	if (name_in(open + 2, (size_t)(close - open - 2), name, &env))
		r = named_value(n, where, name, env, &value, err);
	else
		*name = '\0';
	if (r < 0)
		return r;
	if (value)
		buf_adds(out, value);
	else if (*name && nomad_var_is_port(name, &label))
		buf_addf(out, "${%.*s%s}", (int)(label - name), name, nomad_port(n, label)->name);
	else
		buf_add(out, open, (size_t)(close - open) + 1);
	return nomad_spend(n, out->len > NOMAD_SPEND_MAX ? out->len : 0, err);
}

int nomad_expand(struct nomad *n, const struct node *where, const char *text, const char **ret, struct err *err)
{
	_cleanup_buf_ struct buf out = { 0 };
	const char *p = text, *open;
	int r = 0;

	if (!strstr(text, "${")) {
		*ret = text;
		return 0;
	}
	while (r >= 0 && (open = strstr(p, "${"))) {
		const char *close = memchr(open, '}', strnlen(open, NAME_MAX_LEN));

		buf_add(&out, p, (size_t)(open - p));
		p = close ? close + 1 : open + 2;
		if (close)
			r = expand_one(n, where, open, close, &out, err);
		else
			buf_add(&out, open, 2);
	}
	if (r < 0)
		return r;
	buf_adds(&out, p);
	return nomad_keep(n, buf_str(&out), ret, err);
}
