#include "version.h"
#include "call.h"
#include "mem.h"
#include "version.pb-c.h"

static const struct method version = {
	"/containerd.services.version.v1.Version/Version",
	&version__version_response__descriptor,
	NULL,
};

void ctrd_version_done(struct ctrd_version *v)
{
	free(v->version);
	free(v->revision);
	*v = (struct ctrd_version){ 0 };
}

struct ctrd_call *version_begin(struct ctrd *c, const struct ctx *ctx)
{
	Google__Protobuf__Empty req = GOOGLE__PROTOBUF__EMPTY__INIT;

	return call_begin(c, &version, NULL, &req.base, ctx);
}

int version_end(struct ctrd_call *call, const struct ctx *ctx, struct ctrd_version *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	const Version__VersionResponse *m;
	int r = call_end(call, ctx, &reply, err);

	if (r < 0)
		return r;
	m = (const void *)reply.msg;
	ret->version = mem_strdup(m->version);
	ret->revision = mem_strdup(m->revision);
	return 0;
}

int version_get(struct ctrd *c, const struct ctx *ctx, struct ctrd_version *ret, struct err *err)
{
	return version_end(version_begin(c, ctx), ctx, ret, err);
}
