/* What CDI devices want beside nodes, mounts and environment: hooks and Intel RDT, in the words of the runtime spec. */
#include "spec-parts.h"
#include <string.h>

static void emit_hook(const struct cdi_hook *h, struct buf *out)
{
	emit_open(out, NULL, '{');
	emit_str(out, "path", h->path);
	if (h->args.n)
		emit_strv(out, "args", &h->args);
	if (h->env.n)
		emit_strv(out, "env", &h->env);
	if (h->timeout)
		emit_int(out, "timeout", h->timeout);
	emit_close(out, '}');
}

/* Those of one moment stand together, in their order. */
void spec_hooks(const struct spec_in *in, struct buf *out)
{
	static const char *const moments[] = { "prestart",       "createRuntime", "createContainer",
					       "startContainer", "poststart",     "poststop" };

	if (!in->cdi || !in->cdi->n_hooks)
		return;
	emit_open(out, "hooks", '{');
	for (size_t m = 0; m < sizeof moments / sizeof *moments; m++) {
		bool open = false;

		for (size_t i = 0; i < in->cdi->n_hooks; i++) {
			if (strcmp(in->cdi->hooks[i].when, moments[m]) != 0)
				continue;
			if (!open)
				emit_open(out, moments[m], '[');
			open = true;
			emit_hook(&in->cdi->hooks[i], out);
		}
		if (open)
			emit_close(out, ']');
	}
	emit_close(out, '}');
}

void spec_rdt(const struct spec_in *in, struct buf *out)
{
	const struct cdi_rdt *r = in->cdi ? in->cdi->rdt : NULL;

	if (!r)
		return;
	emit_open(out, "intelRdt", '{');
	emit_str(out, "closID", r->clos);
	emit_str(out, "l3CacheSchema", r->l3);
	emit_str(out, "memBwSchema", r->bandwidth);
	if (r->cmt)
		emit_bool(out, "enableCMT", true);
	if (r->mbm)
		emit_bool(out, "enableMBM", true);
	if (r->schemata.n)
		emit_strv(out, "schemata", &r->schemata);
	if (r->monitoring)
		emit_bool(out, "enableMonitoring", true);
	emit_close(out, '}');
}
