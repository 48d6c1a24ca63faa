#include "ensemble.h"
#include "file.h"
#include "mem.h"
#include "value.h"
#include <math.h>
#include <string.h>

/* how it runs */

int ensemble_executor(struct ensemble *e, const struct node *v, struct err *err)
{
	const char *text = NULL;
	int r = ensemble_text(e, v, &text, err);

	if (r < 0)
		return r;
	if (strcmp(text, "containerd") != 0)
		return ensemble_bad(e, v, err, "%s \"%.40s\": davit runs containerd only",
				    strcmp(v->key, "type") ? v->key : "execution.type", text);
	e->has_executor = true;
	return 0;
}

int ensemble_type(struct ensemble *e, const struct node *v, struct err *err)
{
	static const char *const words[] = { "task", "service", NULL };
	const char *text = node_text(v);

	if (text && (!strcmp(text, words[0]) || !strcmp(text, words[1])))
		return 0;
	return ensemble_bad_word(e, v, "type", words, err);
}

/* What stands both below and beside `params` has two meanings. */
int ensemble_execution(struct ensemble *e, const struct node *v, struct err *err)
{
	const struct node *params = node_get(v, "params");
	int r = 0;

	for (const struct node *m = params && params->kind == NODE_MAP ? params->first : NULL; m && r >= 0; m = m->next) {
		const struct ensemble_key *k = ensemble_row(&ensemble_params_block, m->key);

		if (k && (node_get(v, k->key) || (k->also && node_get(v, k->also))))
			r = ensemble_bad_key(e, m, err, "%s stands beside params too: leave out one", m->key);
	}
	if (r >= 0)
		r = ensemble_walk(e, &ensemble_execution_block, v, err);
	return r < 0 ? err_wrap(err, r, "execution") : 0;
}

/* A list of K=V, or a map. */
int ensemble_environment(struct ensemble *e, const struct node *v, struct err *err)
{
	int r;

	if (v->kind != NODE_MAP)
		return ensemble_put(e, "execution.environment", v->key, v, err);
	r = ensemble_list_begin(e, v, err);
	for (const struct node *m = v->first; m && r >= 0; m = m->next) {
		_cleanup_free_ char *text = NULL;
		const char *value = m->kind == NODE_NULL ? "" : m->kind == NODE_BOOL ? (m->yes ? "true" : "false") : NULL;

		r = value ? 0 : ensemble_text(e, m, &value, err);
		if (r < 0)
			break;
		text = mem_printf("%s=%s", m->key, value);
		r = ensemble_list_add(e, m, text, err);
	}
	return r < 0 ? r : ensemble_list_put(e, "execution.environment", v->key, err);
}

/* "" is runc, as "runc" and "kata" are in NuNet's own executor. */
int ensemble_runtime(struct ensemble *e, const struct node *v, struct err *err)
{
	struct node named = { .kind = NODE_TEXT, .at = v->at, .key = v->key };
	const char *text = NULL;
	int r = ensemble_text(e, v, &text, err);

	if (r < 0)
		return r;
	named.text = !*text || !strcmp(text, "runc") ? "io.containerd.runc.v2"
		     : !strcmp(text, "kata")         ? "io.containerd.kata.v2"
						     : text;
	return ensemble_put(e, "execution.runtime", v->key, &named, err);
}

/* resources */

/* Of GiB, unless a unit says something else. */
static int gib_of(struct ensemble *e, const struct node *v, const char *what, int64_t *ret, struct err *err)
{
	double d;
	int r;

	if (node_number(v, &d)) {
		if (!(d >= 0 && d < 1 << 30))
			return ensemble_bad(e, v, err, "%s %.40s: a number of GiB", what, v->text);
		*ret = (int64_t)llround(d * (double)(1 << 30));
		return 0;
	}
	if (!node_text(v) || !v->text[strspn(v->text, "0123456789.")])
		return ensemble_bad(e, v, err, "%s wants a number of GiB, or one with its unit as 512MiB", what);
	r = parse_size(what, v->text, ret, err);
	if (r < 0)
		e->at = v->at;
	return r;
}

int ensemble_ram(struct ensemble *e, const struct node *v, struct err *err)
{
	char text[24];
	struct node bytes = { .kind = NODE_NUMBER, .at = v->at, .text = text };
	int64_t n = 0;
	int r = gib_of(e, v, "ram.size", &n, err);

	if (r < 0)
		return r;
	(void)snprintf(text, sizeof text, "%lld", (long long)n);
	return ensemble_put(e, "resources.ram.size", "ram.size", &bytes, err);
}

int ensemble_disk(struct ensemble *e, const struct node *v, struct err *err)
{
	int64_t n = 0;
	int r = gib_of(e, v, "disk.size", &n, err);

	e->disk |= n > 0;
	return r;
}

int ensemble_ignored(struct ensemble *e, const struct node *v, struct err *err)
{
	(void)err;
	ensemble_ignore(e, v->key);
	return 0;
}

/* CDI's name of it: a text that is one, or one of a vendor's. */
static int add_gpu(struct ensemble *e, const struct node *v, const char *vendor, const char *which, struct err *err)
{
	static const struct {
		const char *vendor, *kind;
	} kinds[] = { { "nvidia", "nvidia.com/gpu" }, { "amd", "amd.com/gpu" }, { "intel", "intel.com/gpu" } };
	static const char *const vendors[] = { "nvidia", "amd", "intel", NULL };
	_cleanup_free_ char *name = NULL;
	struct node one = { .kind = NODE_TEXT, .at = v->at, .text = vendor };

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !strchr(which, '='); i++)
		if (!strcasecmp(vendor, kinds[i].vendor))
			name = mem_printf("%s=%s", kinds[i].kind, which);
	if (strchr(which, '='))
		name = mem_strdup(which);
	return name ? ensemble_list_add(e, v, name, err) : ensemble_bad_word(e, &one, "a gpu's vendor", vendors, err);
}

int ensemble_gpu_vendor(struct ensemble *e, const struct node *v, struct err *err)
{
	return ensemble_text(e, v, &e->now.vendor, err);
}

int ensemble_gpu_index(struct ensemble *e, const struct node *v, struct err *err)
{
	return ensemble_text(e, v, &e->now.value, err);
}

/* A map with vendor and index (that of its place in the list without), an index, "all", or CDI's name. */
static int read_gpu(struct ensemble *e, const struct node *v, struct err *err)
{
	char place[24];
	int r;

	(void)snprintf(place, sizeof place, "%lld", (long long)e->now.index);
	e->now = (struct ensemble_now){ .vendor = "nvidia", .value = place, .index = e->now.index + 1 };
	r = v->kind == NODE_MAP ? ensemble_walk(e, &ensemble_gpu_block, v, err) : ensemble_text(e, v, &e->now.value, err);
	return r < 0 ? r : add_gpu(e, v, e->now.vendor, e->now.value, err);
}

int ensemble_gpus(struct ensemble *e, const struct node *v, struct err *err)
{
	int r = ensemble_list_begin(e, v, err);

	e->now = (struct ensemble_now){ 0 };
	if (r >= 0)
		r = ensemble_each(e, v, read_gpu, err);
	return r < 0 || !e->made->n ? r : ensemble_list_put(e, "resources.gpus", "gpus", err);
}

/* names */

int ensemble_dns_name(struct ensemble *e, const struct node *v, struct err *err)
{
	const char *text = node_text(v);

	return text && !*text ? 0 : ensemble_put(e, "dns_name", v->key, v, err);
}

static int depend(struct ensemble *e, const struct node *v, struct err *err)
{
	const struct shape *unused;
	const struct field *f = ensemble_field("depends_on", &unused);
	struct ensemble_name *other = NULL;
	const char *name = NULL;
	struct depend *d;
	int r = ensemble_text(e, v, &name, err);

	if (r >= 0)
		r = ensemble_find(e, v, name, &other, err);
	if (r < 0)
		return r;
	if (&e->set->jobs[other->job] == e->job)
		return ensemble_bad(e, v, err, "it depends on itself");
	if (e->job->n_depends_on == ARRAY_MAX)
		return ensemble_bad(e, v, err, "on more than %d", ARRAY_MAX);
	d = shape_add(f, e->job);
	d->name = mem_strdup(e->set->jobs[other->job].name);
	return 0;
}

int ensemble_depends_on(struct ensemble *e, const struct node *v, struct err *err)
{
	int r = ensemble_each(e, v, depend, err);
	const char **names;
	size_t n = e->job->n_depends_on, twice;

	if (r < 0)
		return err_wrap(err, r, "depends_on");
	names = mem_array(const char *, n + 1);
	for (size_t i = 0; i < n; i++)
		names[i] = e->job->depends_on[i].name;
	twice = texts_twice(names, n);
	free(names);
	return twice < n ? ensemble_bad(e, v, err, "depends_on: it depends on %.80s twice", e->job->depends_on[twice].name) : 0;
}

/* files: scripts and keys */

static int add_script(struct ensemble *e, const struct node *v, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	int r = ensemble_file(e, v, "provision script", &path, err);

	return r < 0 ? r : ensemble_list_add(e, v, path, err);
}

int ensemble_provision(struct ensemble *e, const struct node *v, struct err *err)
{
	int r = ensemble_list_begin(e, v, err);

	if (r >= 0)
		r = ensemble_each(e, v, add_script, err);
	return r < 0 || !e->made->n ? r : ensemble_list_put(e, "provision", "provision", err);
}

int ensemble_key_type(struct ensemble *e, const struct node *v, struct err *err)
{
	static const char *const words[] = { "ssh", NULL };
	const char *text = node_text(v);

	return text && !strcmp(text, words[0]) ? 0 : ensemble_bad_word(e, v, "a key's type", words, err);
}

int ensemble_key_files(struct ensemble *e, const struct node *v, struct err *err)
{
	(void)err;
	e->now.source_at = v;
	return 0;
}

int ensemble_key_dest(struct ensemble *e, const struct node *v, struct err *err)
{
	return ensemble_text(e, v, &e->now.target, err);
}

/* The content of a file behind that of those before. */
static int add_key_file(struct ensemble *e, const struct node *v, struct buf *out, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	const size_t before = out->len;
	int r = ensemble_file(e, v, "key", &path, err);

	if (r >= 0)
		r = file_read(path, ENSEMBLE_FILES_MAX - e->spent, out, err);
	if (r < 0) {
		e->at = v->at;
		return r;
	}
	if (memchr(out->data + before, 0, out->len - before))
		return ensemble_bad(e, v, err, "key %.200s: a NUL in it", path);
	e->spent += out->len - before;
	if (out->len && out->data[out->len - 1] != '\n')
		buf_addc(out, '\n');
	return 0;
}

/* All of its files become one, as authorized_keys is. */
static int read_key(struct ensemble *e, const struct node *v, struct err *err)
{
	_cleanup_buf_ struct buf data = { 0 };
	const struct shape *unused;
	struct job_file *file;
	const struct node *files;
	int r;

	e->now = (struct ensemble_now){ 0 };
	r = ensemble_walk(e, &ensemble_key_block, v, err);
	files = e->now.source_at;
	if (r >= 0 && (!files || !e->now.target))
		r = ensemble_bad(e, v, err, "a key without %s", files ? "dest" : "files");
	if (r >= 0 && files->kind != NODE_LIST)
		r = add_key_file(e, files, &data, err);
	for (const struct node *m = r >= 0 && files->kind == NODE_LIST ? files->first : NULL; m && r >= 0; m = m->next)
		r = add_key_file(e, m, &data, err);
	if (r < 0)
		return r;
	file = shape_add(ensemble_field("keys", &unused), e->task);
	file->target = mem_strdup(e->now.target);
	file->data = buf_take(&data);
	file->mode = mem_strdup("0600");
	r = shape_check(&job_file_shape, file, err);
	if (r < 0)
		e->at = v->at;
	return r;
}

int ensemble_keys(struct ensemble *e, const struct node *v, struct err *err)
{
	int r = ensemble_each(e, v, read_key, err);

	return r < 0 ? err_wrap(err, r, "keys") : 0;
}

/* health */

int ensemble_response_type(struct ensemble *e, const struct node *v, struct err *err)
{
	static const char *const words[] = { "string", NULL };
	const char *text = node_text(v);

	return text && !strcmp(text, words[0]) ? 0 : ensemble_bad_word(e, v, "a response's type", words, err);
}

int ensemble_response_value(struct ensemble *e, const struct node *v, struct err *err)
{
	return ensemble_put(e, "healthcheck.response", "response.value", v, err);
}

int ensemble_response(struct ensemble *e, const struct node *v, struct err *err)
{
	return ensemble_walk(e, &ensemble_response_block, v, err);
}
