#include "cap.h"
#include "ctrd-path.h"
#include "doctor-row.h"
#include "file.h"
#include "mem.h"
#include "own.h"
#include "self.h"
#include <linux/capability.h>
#include <string.h>

enum { ASK_MS = 3000, TEXT_MAX = 65536 };

void checks_done(struct checks *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].text);
		free(l->v[i].remedy);
	}
	free(l->v);
	*l = (struct checks){ 0 };
}

void doctor_say(struct doctor *d, enum check_level level, const char *remedy, const char *fmt, ...)
{
	struct checks *out = d->out;
	va_list ap;

	out->v = mem_grow(out->v, &d->cap, out->n + 1, sizeof *out->v);
	out->v[out->n] = (struct check){ .name = mem_strdup(d->row), .level = level };
	out->v[out->n].remedy = remedy && *remedy ? mem_strdup(remedy) : NULL;
	va_start(ap, fmt);
	out->v[out->n].text = mem_vprintf(fmt, ap);
	va_end(ap);
	out->n++;
}

char *doctor_path(const struct doctor *d, const char *path) { return mem_printf("%s%s", d->root, path); }

const char *doctor_shown(const struct doctor *d, const char *path) { return path + strlen(d->root); }

bool doctor_has(const struct doctor *d, const char *path)
{
	_cleanup_free_ char *full = doctor_path(d, path);

	return file_exists(full);
}

char *doctor_read(const struct doctor *d, const char *path)
{
	_cleanup_free_ char *full = doctor_path(d, path);
	_cleanup_buf_ struct buf text = { 0 };

	if (file_read(full, TEXT_MAX, &text, NULL) < 0)
		return NULL;
	while (text.len && strchr(" \n\t", text.data[text.len - 1]))
		buf_cut(&text, text.len - 1);
	return buf_take(&text);
}

char *doctor_program(const struct doctor *d, const char *name)
{
	_cleanup_free_ char *list = strv_join(&d->folders, ":");

	return file_find(list, name);
}

static bool run_program(const struct doctor *d, const struct child_spec *spec, struct buf *out)
{
	const struct ctx ctx = ctx_within(d->ctx, ASK_MS);
	_cleanup_(child_freep) struct child *child = NULL;

	if (child_start(d->loop, spec, &child, NULL) < 0 || child_wait(child, &ctx, NULL) < 0)
		return false;
	buf_add(out, buf_str(child_out(child)), child_out(child)->len);
	return true;
}

char *doctor_ask(const struct doctor *d, const char *program, const char *arg, const char *word)
{
	_cleanup_strv_ struct strv argv = { 0 };
	_cleanup_buf_ struct buf out = { 0 };
	struct child_spec spec = { .path = program, .out_max = TEXT_MAX };
	const char *p;

	strv_push(&argv, program);
	strv_push(&argv, arg);
	spec.argv = strv_argv(&argv);
	if (!run_program(d, &spec, &out))
		return NULL;
	p = word ? strstr(buf_str(&out), word) : buf_str(&out);
	return p && *p ? mem_strndup(p, strcspn(p, "\n")) : NULL;
}

bool doctor_ask_cni(const struct doctor *d, const char *program, struct strv *versions)
{
	static const char input[] = "{\"cniVersion\":\"1.0.0\"}";
	_cleanup_strv_ struct strv argv = { 0 }, envp = { 0 };
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_json_ json *j = NULL;
	struct child_spec spec = { .path = program, .out_max = TEXT_MAX, .input = input, .input_len = sizeof input - 1 };

	strv_push(&argv, program);
	strv_push(&envp, "CNI_COMMAND=VERSION");
	spec.argv = strv_argv(&argv);
	spec.envp = strv_argv(&envp);
	if (!run_program(d, &spec, &out) || json_parse(buf_str(&out), out.len, &j, NULL) < 0)
		return false;
	json_get_strv(j, "supportedVersions", versions);
	return versions->n > 0;
}

static void look_root(struct doctor *d)
{
	const uint64_t needed = CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_NET_ADMIN);

	if (geteuid() != 0)
		doctor_say(d, CHECK_ERROR, "sudo davit doctor", "davit needs root, this is user %u", (unsigned)geteuid());
	else if ((cap_bounding() & needed) != needed)
		doctor_say(d, CHECK_ERROR, NULL,
			   "root, but without CAP_SYS_ADMIN or CAP_NET_ADMIN: in a container without privileges?");
	else
		doctor_say(d, CHECK_OK, NULL, "yes");
}

static void look_own(struct doctor *d)
{
	static const struct {
		const char *name, *what;
	} own[] = {
		{ "davit-image", "pull, load and import" },
		{ "davit-logger", "logs of detached jobs" },
	};

	for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
		_cleanup_free_ char *path = NULL;
		struct err err = ERR_INIT;

		if (self_find(own[i].name, &path, &err) < 0)
			doctor_say(d, CHECK_ERROR, err.hint, "%s, for %s: %s", own[i].name, own[i].what, err.msg);
		else
			doctor_say(d, CHECK_OK, NULL, "%s, for %s", path, own[i].what);
	}
}

static void look_own_shim(struct doctor *d)
{
	_cleanup_free_ char *shim = ctrd_own_shim(d->core ? d->core->address : NULL);

	if (shim)
		doctor_say(d, CHECK_OK, NULL, "%s, for jobs that name no other runtime", *shim == '/' ? shim : OWN_SHIM);
	else
		doctor_say(d, CHECK_OK, NULL, "no " OWN_SHIM " beside davit: jobs run under the stock one, io.containerd.runc.v2");
}

static const struct doctor_row own_rows[] = { { "root", look_root },
					      { "davit's programs", look_own },
					      { "davit's shim", look_own_shim } };
static const struct doctor_rows doctor_own = { own_rows, sizeof own_rows / sizeof *own_rows };

void doctor_add_folders(struct doctor *d, const char *list)
{
	_cleanup_strv_ struct strv all = { 0 };

	strv_split(&all, list, ":");
	for (size_t i = 0; i < all.n; i++) {
		_cleanup_free_ char *folder = doctor_path(d, all.v[i]);

		if (all.v[i][0] == '/' && !strv_has(&d->folders, folder))
			strv_push(&d->folders, folder);
	}
}

void doctor_add_usual_folders(struct doctor *d)
{
	doctor_add_folders(d, self_env("PATH", ""));
	doctor_add_folders(d, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/kata/bin");
}

void doctor_run(const struct core_conf *conf, const char *root, const struct ctx *ctx, struct checks *ret)
{
	static const struct doctor_rows *const parts[] = { &doctor_own, &doctor_containerd, &doctor_kernel, &doctor_net };
	_cleanup_(loop_freep) struct loop *loop = loop_new();
	struct doctor d = { .conf = conf, .root = root, .ctx = ctx, .loop = loop, .out = ret };

	*ret = (struct checks){ 0 };
	doctor_add_usual_folders(&d);
	if (own_open_existing(conf, &d.core, &d.core_err) < 0)
		d.core = NULL;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		for (size_t k = 0; k < parts[i]->n; k++) {
			d.row = parts[i]->v[k].name;
			parts[i]->v[k].look(&d);
		}
	}
	core_free(d.core);
	strv_done(&d.folders);
}
