/* A CDI file is a tree that is read by tables, as a job is (job-table.h). The keys that came with a later version of CDI are told
 * by walking what was read: version_needed(). */
#include "cdi-file.h"
#include "check.h"
#include "mem.h"
#include "tree-json.h"
#include "tree-yaml.h"
#include <ctype.h>
#include <string.h>

#define AT(T, member) .offset = offsetof(struct T, member)
#define COUNTED(T, array, count) .offset = offsetof(struct T, array), .extra = offsetof(struct T, count)
#define SHAPE(T, what, table, ...) \
	{ \
		.noun = what, .size = sizeof(struct T), .fields = table, .n = sizeof table / sizeof *table, __VA_ARGS__ \
	}
#define U32 .min = 0, .max = UINT32_MAX

static const char *const versions[] = { "0.1.0", "0.2.0", "0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0" };
enum { V_0_4 = 3, V_0_5, V_0_6, V_0_7, V_1_1 = 9, N_VERSIONS };

/* texts */

static int check_node_type(const char *text, const char *value, struct err *err)
{
	(void)value;
	return strlen(text) == 1 && strchr("bcup", *text) ? 0 : check_fail("type", text, "b, c, u or p", err);
}

static int check_access(const char *text, const char *value, struct err *err)
{
	(void)value;
	return *text && !text[strspn(text, "rwm")] ? 0 : check_fail("permissions", text, "some of \"rwm\"", err);
}

static int check_cdi_path(const char *text, const char *value, struct err *err)
{
	(void)value;
	return *text == '/' ? 0 : check_fail("path", text, "an absolute path", err);
}

static int check_when(const char *text, const char *value, struct err *err)
{
	static const char *const all[] = {
		"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"
	};

	(void)value;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (!strcmp(text, all[i]))
			return 0;
	return check_fail("hookName", text, "prestart, createRuntime, createContainer, startContainer, poststart or poststop", err);
}

static int check_cdi_env(const char *text, const char *value, struct err *err)
{
	(void)value;
	return strchr(text, '=') > text ? 0 : check_fail("env", text, "NAME=VALUE", err);
}

static int check_gid(const char *text, const char *value, struct err *err)
{
	size_t digits = strspn(text, "0123456789");

	(void)value;
	return digits && !text[digits] && digits < 11 && strtoll(text, NULL, 10) <= UINT32_MAX
		       ? 0
		       : check_fail("additionalGids", text, "a whole number of 32 bits", err);
}

static int check_clos(const char *text, const char *value, struct err *err)
{
	(void)value;
	return *text && strlen(text) < 4096 && strcmp(text, ".") != 0 && strcmp(text, "..") != 0 && !strpbrk(text, "/\n")
		       ? 0
		       : check_fail("closID", text, "the name of a folder", err);
}

static int check_net_name(const char *text, const char *value, struct err *err)
{
	(void)value;
	return *text && strlen(text) < 16 && !strpbrk(text, "/ ") ? 0 : check_fail("net device", text, "1 to 15 characters", err);
}

/* tables */

static const struct field node_fields[] = {
	{ "path", FIELD_STR, AT(cdi_node, path), .required = true, .check = check_cdi_path },
	{ "hostPath", FIELD_STR, AT(cdi_node, host), .check = check_cdi_path },
	{ "type", FIELD_STR, AT(cdi_node, type), .check = check_node_type },
	{ "major", FIELD_INT, AT(cdi_node, major), .otherwise = -1, U32 },
	{ "minor", FIELD_INT, AT(cdi_node, minor), .otherwise = -1, U32 },
	{ "fileMode", FIELD_INT, AT(cdi_node, mode), .otherwise = -1, .max = 07777 },
	{ "permissions", FIELD_STR, AT(cdi_node, access), .check = check_access },
	{ "uid", FIELD_INT, AT(cdi_node, uid), .otherwise = -1, U32 },
	{ "gid", FIELD_INT, AT(cdi_node, gid), .otherwise = -1, U32 },
};
static const struct shape node_shape = SHAPE(cdi_node, "device node", node_fields);

static const struct field cdi_mount_fields[] = {
	{ "hostPath", FIELD_STR, AT(cdi_mount, host), .required = true },
	{ "containerPath", FIELD_STR, AT(cdi_mount, inside), .required = true, .check = check_cdi_path },
	{ "options", FIELD_STRV, AT(cdi_mount, options) },
	{ "type", FIELD_STR, AT(cdi_mount, type) },
};
static const struct shape cdi_mount_shape = SHAPE(cdi_mount, "mount", cdi_mount_fields);

static const struct field hook_fields[] = {
	{ "hookName", FIELD_STR, AT(cdi_hook, when), .required = true, .check = check_when },
	{ "path", FIELD_STR, AT(cdi_hook, path), .required = true, .check = check_cdi_path },
	{ "args", FIELD_STRV, AT(cdi_hook, args) },
	{ "env", FIELD_STRV, AT(cdi_hook, env), .check = check_cdi_env },
	{ "timeout", FIELD_INT, AT(cdi_hook, timeout), .min = 1, .max = 86400 },
};
static const struct shape hook_shape = SHAPE(cdi_hook, "hook", hook_fields);

static const struct field cdi_net_fields[] = {
	{ "hostInterfaceName", FIELD_STR, AT(cdi_net, host), .required = true, .check = check_net_name },
	{ "name", FIELD_STR, AT(cdi_net, inside), .required = true, .check = check_net_name },
};
static const struct shape cdi_net_shape = SHAPE(cdi_net, "net device", cdi_net_fields);

static const struct field rdt_fields[] = {
	{ "closID", FIELD_STR, AT(cdi_rdt, clos), .check = check_clos },
	{ "l3CacheSchema", FIELD_STR, AT(cdi_rdt, l3) },
	{ "memBwSchema", FIELD_STR, AT(cdi_rdt, bandwidth) },
	{ "enableCMT", FIELD_BOOL, AT(cdi_rdt, cmt) },
	{ "enableMBM", FIELD_BOOL, AT(cdi_rdt, mbm) },
	{ "schemata", FIELD_STRV, AT(cdi_rdt, schemata) },
	{ "enableMonitoring", FIELD_BOOL, AT(cdi_rdt, monitoring) },
};
static const struct shape rdt_shape = SHAPE(cdi_rdt, "intelRdt", rdt_fields);

static const struct field edits_fields[] = {
	{ "env", FIELD_STRV, AT(cdi_edits, env), .check = check_cdi_env },
	{ "deviceNodes", FIELD_ARRAY, COUNTED(cdi_edits, nodes, n_nodes), .of = &node_shape },
	{ "mounts", FIELD_ARRAY, COUNTED(cdi_edits, mounts, n_mounts), .of = &cdi_mount_shape },
	{ "hooks", FIELD_ARRAY, COUNTED(cdi_edits, hooks, n_hooks), .of = &hook_shape },
	{ "additionalGids", FIELD_STRV, AT(cdi_edits, groups), .check = check_gid, .max = 4096 },
	{ "netDevices", FIELD_ARRAY, COUNTED(cdi_edits, nets, n_nets), .of = &cdi_net_shape },
	{ "intelRdt", FIELD_OBJECT, AT(cdi_edits, rdt), .of = &rdt_shape },
};
const struct shape cdi_edits_shape = SHAPE(cdi_edits, "containerEdits", edits_fields);

static const struct field cdi_device_fields[] = {
	{ "name", FIELD_STR, AT(cdi_device, name), .required = true },
	{ "annotations", FIELD_DICT, AT(cdi_device, annotations) },
	{ "containerEdits", FIELD_OBJECT, AT(cdi_device, edits), .of = &cdi_edits_shape },
};
static const struct shape cdi_device_shape = SHAPE(cdi_device, "device", cdi_device_fields, .named = true);

static const struct field spec_fields[] = {
	{ "cdiVersion", FIELD_STR, AT(cdi_spec, version), .required = true },
	{ "kind", FIELD_STR, AT(cdi_spec, kind), .required = true },
	{ "annotations", FIELD_DICT, AT(cdi_spec, annotations) },
	{ "devices", FIELD_ARRAY, COUNTED(cdi_spec, devices, n_devices), .of = &cdi_device_shape, .required = true },
	{ "containerEdits", FIELD_OBJECT, AT(cdi_spec, edits), .of = &cdi_edits_shape },
};
static const struct shape spec_shape = SHAPE(cdi_spec, "CDI specification", spec_fields);

void cdi_spec_done(struct cdi_spec *s) { shape_done(&spec_shape, s); }
void cdi_edits_done(struct cdi_edits *e) { shape_done(&cdi_edits_shape, e); }

/* names */

/* A letter (or a digit, where @digit) first, a letter or a digit last, and those of @between besides. */
static bool cdi_file_word(const char *s, size_t n, bool digit, const char *between)
{
	if (!n || !(isalpha((unsigned char)*s) || (digit && isdigit((unsigned char)*s))) || !isalnum((unsigned char)s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !(s[i] && strchr(between, s[i])))
			return false;
	return true;
}

bool cdi_kind_valid(const char *s, size_t n)
{
	const char *slash = memchr(s, '/', n);

	return slash && cdi_file_word(s, (size_t)(slash - s), false, "_-.") &&
	       cdi_file_word(slash + 1, n - (size_t)(slash - s) - 1, false, "_-.");
}

bool cdi_device_valid(const char *s) { return cdi_file_word(s, strlen(s), true, "_-.:"); }

/* versions */

static void need_version(size_t version, bool used, const char *what, size_t *most, const char **ret_what)
{
	if (used && version > *most) {
		*most = version;
		*ret_what = what;
	}
}

static void edits_need(const struct cdi_edits *e, size_t *most, const char **what)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n_nodes; i++)
		need_version(V_0_5, e->nodes[i].host, "hostPath of a device node", most, what);
	for (size_t i = 0; i < e->n_mounts; i++)
		need_version(V_0_4, e->mounts[i].type, "type of a mount", most, what);
	need_version(V_0_7, e->groups.n, "additionalGids", most, what);
	need_version(V_0_7, e->rdt, "intelRdt", most, what);
	need_version(V_1_1, e->n_nets, "netDevices", most, what);
	need_version(V_1_1, e->rdt && (e->rdt->schemata.n || e->rdt->monitoring), "schemata and enableMonitoring", most, what);
}

static size_t version_needed(const struct cdi_spec *s, const char **what)
{
	size_t most = 0;

	need_version(V_0_6, s->annotations.n, "annotations", &most, what);
	need_version(V_0_6, strchr(strchr(s->kind, '/'), '.'), "a class with a dot", &most, what);
	edits_need(s->edits, &most, what);
	for (size_t i = 0; i < s->n_devices; i++) {
		need_version(V_0_6, s->devices[i].annotations.n, "annotations", &most, what);
		need_version(V_0_5, isdigit((unsigned char)*s->devices[i].name), "a device's name that begins with a digit", &most,
			     what);
		edits_need(s->devices[i].edits, &most, what);
	}
	return most;
}

static int cdi_check_version(const struct cdi_spec *s, struct err *err)
{
	size_t has = 0, needs;
	const char *what = NULL;

	while (has < N_VERSIONS && strcmp(versions[has], s->version) != 0)
		has++;
	if (has == N_VERSIONS)
		return err_hint(err, err_set(err, ERR_INVALID, "cdiVersion \"%.40s\": not known", s->version), "%s to %s",
				versions[0], versions[N_VERSIONS - 1]);
	needs = version_needed(s, &what);
	if (needs <= has)
		return 0;
	return err_set(err, ERR_INVALID, "cdiVersion %s: %s came with %s", s->version, what, versions[needs]);
}

static int cdi_check_names(const struct cdi_spec *s, struct err *err)
{
	_cleanup_free_ const char **names = mem_array(const char *, s->n_devices);
	size_t twice;

	if (!cdi_kind_valid(s->kind, strlen(s->kind)))
		return check_fail("kind", s->kind, "VENDOR/CLASS, as in nvidia.com/gpu", err);
	for (size_t i = 0; i < s->n_devices; i++) {
		names[i] = s->devices[i].name;
		if (!cdi_device_valid(names[i]))
			return check_fail("device name", names[i], "letters, digits and \"_-.:\" between them", err);
	}
	twice = texts_twice(names, s->n_devices);
	if (twice < s->n_devices)
		return err_set(err, ERR_INVALID, "device %.80s: is there twice", names[twice]);
	return 0;
}

/* Groups are numbers, and the tables know lists of texts: each becomes the text that it was written as. */
static void numbers_as_texts(const struct node *edits)
{
	const struct node *groups = node_get(edits, "additionalGids");

	for (struct node *m = groups && groups->kind == NODE_LIST ? groups->first : NULL; m; m = m->next)
		if (m->kind == NODE_NUMBER)
			m->kind = NODE_TEXT;
}

static void all_numbers_as_texts(const struct node *root)
{
	const struct node *devices = node_get(root, "devices");

	numbers_as_texts(node_get(root, "containerEdits"));
	for (const struct node *d = devices && devices->kind == NODE_LIST ? devices->first : NULL; d; d = d->next)
		numbers_as_texts(node_get(d, "containerEdits"));
}

static int cdi_spec_from(const struct tree *t, struct cdi_spec *s, struct err *err)
{
	const struct node *bad = t->root;
	int r;

	all_numbers_as_texts(t->root);
	r = shape_read(&spec_shape, t->root, s, &bad, err);
	if (r < 0)
		return tree_err(t, bad->at, r, err);
	r = cdi_check_names(s, err);
	if (r >= 0)
		r = cdi_check_version(s, err);
	return r < 0 ? tree_err(t, t->root->at, r, err) : 0;
}

int cdi_spec_read(const char *file, const char *data, size_t len, struct cdi_spec *ret, struct err *err)
{
	_cleanup_tree_ struct tree t = { .file = file };
	struct cdi_spec s = { 0 };
	const char *dot = strrchr(file, '.');
	int r = dot && !strcmp(dot, ".yaml") ? tree_yaml(data, len, &t, err) : tree_json(data, len, &t, err);

	if (r < 0)
		return r;
	shape_init(&spec_shape, &s);
	r = cdi_spec_from(&t, &s, err);
	if (r < 0)
		cdi_spec_done(&s);
	else
		*ret = s;
	return r;
}
