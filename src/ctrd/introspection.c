#include "introspection.h"
#include "call.h"
#include "mem.h"
#include "introspection.pb-c.h"

static const struct method plugins = { "/containerd.services.introspection.v1.Introspection/Plugins",
				       &introspection__plugins_response__descriptor, NULL },
			   server = { "/containerd.services.introspection.v1.Introspection/Server",
				      &introspection__server_response__descriptor, NULL };

void ctrd_plugins_done(struct ctrd_plugins *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].type);
		free(p->v[i].id);
		free(p->v[i].init_err);
		strv_done(&p->v[i].capabilities);
	}
	free(p->v);
	*p = (struct ctrd_plugins){ 0 };
}

static void plugin_unpack(const Introspection__Plugin *m, struct ctrd_plugin *ret)
{
	ret->type = mem_strdup(m->type);
	ret->id = mem_strdup(m->id);
	if (m->init_err)
		ret->init_err = mem_strdup(m->init_err->message);
	for (size_t i = 0; i < m->n_capabilities; i++)
		strv_push(&ret->capabilities, m->capabilities[i]);
}

int introspection_plugins(struct ctrd *c, const char *filter, const struct ctx *ctx, struct ctrd_plugins *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	Introspection__PluginsRequest req = INTROSPECTION__PLUGINS_REQUEST__INIT;
	const Introspection__PluginsResponse *m;
	int r;

	req.n_filters = filter ? 1 : 0;
	req.filters = (char *[]){ borrow(filter) };
	r = call_end(call_begin(c, &plugins, NULL, &req.base, ctx), ctx, &reply, err);
	if (r < 0)
		return r;
	m = (const void *)reply.msg;
	ret->v = mem_array(struct ctrd_plugin, m->n_plugins);
	ret->n = m->n_plugins;
	for (size_t i = 0; i < m->n_plugins; i++)
		plugin_unpack(m->plugins[i], &ret->v[i]);
	return 0;
}

int introspection_server(struct ctrd *c, const struct ctx *ctx, char **ret_uuid, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	Google__Protobuf__Empty req = GOOGLE__PROTOBUF__EMPTY__INIT;
	int r = call_end(call_begin(c, &server, NULL, &req.base, ctx), ctx, &reply, err);

	if (r < 0)
		return r;
	*ret_uuid = mem_strdup(((const Introspection__ServerResponse *)(const void *)reply.msg)->uuid);
	return 0;
}
