#include "handler.h"
#include "ctrd-conf.h"
#include "ctrd-path.h"
#include "file.h"
#include "kata.h"
#include "mem.h"
#include <string.h>

struct handler {
	const char *name, *type, *shim; /* @shim: its program */
	const char *engine;             /* which the shim is to call; NULL: its own choice */
	const char *annotations;        /* that pods and containers may give it; NULL: none */
	const char *type_url;           /* of its options; NULL: runc's */
	char *(*config)(const char *root);
	bool runc;         /* its options are those of runc's shim */
	bool vm, isolates; /* handler_isolates() */
};

static char *kata_configuration(const char *root)
{
	char *found = NULL;

	return kata_config(root, &found, NULL) < 0 ? NULL : found;
}

#define RUNSC_CONFIG "/etc/containerd/runsc.toml"
static char *runsc_configuration(const char *root)
{
	_cleanup_free_ char *path = mem_printf("%s" RUNSC_CONFIG, root);

	return file_exists(path) ? mem_strdup(RUNSC_CONFIG) : NULL;
}

static const struct handler rows[] = {
	{ .name = "davit", .type = OWN_SHIM_TYPE, .shim = OWN_SHIM, .runc = true },
	{ .name = "runc", .type = "io.containerd.runc.v2", .shim = "containerd-shim-runc-v2", .runc = true },
	{ .name = "crun", .type = "io.containerd.runc.v2", .shim = "containerd-shim-runc-v2", .engine = "crun", .runc = true },
	{ .name = "runsc",
	  .type = "io.containerd.runsc.v1",
	  .shim = "containerd-shim-runsc-v1",
	  .annotations = "dev.gvisor.*",
	  .type_url = "io.containerd.runsc.v1.options",
	  .config = runsc_configuration,
	  .isolates = true },
	{ .name = "kata",
	  .type = "io.containerd.kata.v2",
	  .shim = "containerd-shim-kata-v2",
	  .annotations = "io.katacontainers.*",
	  .config = kata_configuration,
	  .vm = true,
	  .isolates = true },
};
enum { N_ROWS = sizeof rows / sizeof *rows };

const struct handler *handler_at(size_t i) { return i < N_ROWS ? &rows[i] : NULL; }
const char *handler_name(const struct handler *h) { return h->name; }
bool handler_isolates(const struct handler *h) { return h->isolates; }

int handler_find(const char *name, const struct handler **ret, struct err *err)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (!strcmp(rows[i].name, name)) {
			*ret = &rows[i];
			return 0;
		}
	return err_set(err, ERR_NOT_FOUND, "runtime %.80s: not one of davit, runc, crun, runsc and kata", name);
}

static const char *name_in_file(const struct handler *h, const struct handler_wish *w) { return w->as ? w->as : h->name; }

int handler_path(const struct handler *h, const struct handler_wish *w, struct strv *ret, struct err *err)
{
	const char *cri;
	int r = ctrd_conf_cri(w->version, &cri, err);

	if (r < 0)
		return r;
	strv_push(ret, "plugins");
	strv_push(ret, cri);
	strv_push(ret, "containerd");
	strv_push(ret, "runtimes");
	strv_push(ret, name_in_file(h, w));
	return 0;
}

static void put_pair(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, "%s = ", key);
	json_quote(out, value, strlen(value));
	buf_addc(out, '\n');
}

struct handler_options {
	char *engine, *config;
	bool systemd;
};
static void handler_options_done(struct handler_options *o)
{
	free(o->engine);
	free(o->config);
}

static void write_options(const struct handler *h, const char *header, const struct handler_options *o, struct buf *out)
{
	if (!o->engine && !o->config && !o->systemd)
		return;
	buf_addf(out, "[%s.options]\n", header);
	if (o->engine)
		put_pair(out, "BinaryName", o->engine);
	if (o->systemd)
		buf_adds(out, "SystemdCgroup = true\n");
	if (o->config && h->type_url)
		put_pair(out, "TypeUrl", h->type_url);
	if (o->config)
		put_pair(out, "ConfigPath", o->config);
}

/* A virtual machine gets none of the host's devices, however privileged a container is. */
static void write_main(const struct handler *h, const char *header, const char *type, struct buf *out)
{
	buf_addf(out, "[%s]\n", header);
	put_pair(out, "runtime_type", type);
	if (h->vm)
		buf_adds(out, "privileged_without_host_devices = true\n");
	if (h->annotations) {
		buf_addf(out, "pod_annotations = [\"%s\"]\n", h->annotations);
		buf_addf(out, "container_annotations = [\"%s\"]\n", h->annotations);
	}
}

int handler_tables(const struct handler *h, const struct handler_wish *w, struct buf *ret, char **ret_missing, struct err *err)
{
	_cleanup_(handler_options_done) struct handler_options o = { .systemd = w->systemd && h->runc };
	_cleanup_free_ char *header = NULL, *type = NULL, *missing = NULL;
	const char *cri;
	int r = ctrd_conf_cri(w->version, &cri, err);

	if (r < 0)
		return r;
	header = mem_printf(strchr(cri, '.') ? "plugins.\"%s\".containerd.runtimes.%s" : "plugins.%s.containerd.runtimes.%s", cri,
			    name_in_file(h, w));
	type = ctrd_shim(w->folders, h->type, h->shim);
	if (!type)
		missing = mem_printf("its shim, %s", h->shim);
	if (h->engine) {
		o.engine = file_find(w->folders, h->engine);
		if (!o.engine && !missing)
			missing = mem_printf("its engine, %s", h->engine);
		if (!o.engine)
			o.engine = mem_strdup(h->engine);
	}
	o.config = h->config ? h->config(w->root) : NULL;
	write_main(h, header, type ? type : h->type, ret);
	write_options(h, header, &o, ret);
	*ret_missing = TAKE_PTR(missing);
	return 0;
}
