/* Introspection, Version and Events. */
#include "serve.h"
#include "clock.h"
#include "mem.h"
#include "events.pb-c.h"
#include "introspection.pb-c.h"
#include "version.pb-c.h"
#include <string.h>

static void version(struct served *s, const ProtobufCMessage *msg)
{
	Version__VersionResponse reply = VERSION__VERSION_RESPONSE__INIT;

	(void)msg;
	reply.version = borrow("0.0.0-fake");
	reply.revision = borrow("fake");
	served_reply(s, &reply.base);
}

static void server(struct served *s, const ProtobufCMessage *msg)
{
	Introspection__ServerResponse reply = INTROSPECTION__SERVER_RESPONSE__INIT;

	(void)msg;
	reply.uuid = borrow("00000000-0000-4000-8000-000000000000");
	served_reply(s, &reply.base);
}

static const char *plugin_field(void *arg, const char *field)
{
	const Introspection__Plugin *p = arg;

	if (!strcmp(field, "type"))
		return p->type;
	return strcmp(field, "id") ? NULL : p->id;
}

static void plugins(struct served *s, const ProtobufCMessage *msg)
{
	static const struct {
		const char *type, *id, *broken;
	} all[] = {
		{ "io.containerd.snapshotter.v1", "overlayfs", NULL },
		{ "io.containerd.snapshotter.v1", "native", NULL },
		{ "io.containerd.snapshotter.v1", "btrfs", "path must be a btrfs filesystem: skip plugin" },
		{ "io.containerd.runtime.v2", "task", NULL },
	};
	enum { N = sizeof all / sizeof *all };
	const Introspection__PluginsRequest *req = (const void *)msg;
	Introspection__Plugin plugin[N], *v[N];
	Google__Rpc__Status broken[N];
	Introspection__PluginsResponse reply = INTROSPECTION__PLUGINS_RESPONSE__INIT;

	for (size_t i = 0; i < N; i++) {
		introspection__plugin__init(&plugin[i]);
		google__rpc__status__init(&broken[i]);
		plugin[i].type = borrow(all[i].type);
		plugin[i].id = borrow(all[i].id);
		broken[i].code = 2;
		broken[i].message = borrow(all[i].broken);
		plugin[i].init_err = all[i].broken ? &broken[i] : NULL;
		if (filters_match(req->filters, req->n_filters, plugin_field, &plugin[i]))
			v[reply.n_plugins++] = &plugin[i];
	}
	reply.plugins = v;
	served_reply(s, &reply.base);
}

static void subscribe(struct served *s, const ProtobufCMessage *msg)
{
	const Events__SubscribeRequest *req = (const void *)msg;

	for (size_t i = 0; i < req->n_filters; i++)
		strv_push(&s->filters, req->filters[i]);
	if (!req->n_filters)
		strv_push(&s->filters, "");
}

static const char *envelope_field(void *arg, const char *field)
{
	const Events__Envelope *e = arg;

	if (!strcmp(field, "topic"))
		return e->topic;
	return strcmp(field, "namespace") ? NULL : e->namespace_;
}

void publish(struct fake_server *f, const char *ns, const char *topic, const char *type, const ProtobufCMessage *event)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_buf_ struct buf value = { 0 };
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	Events__Envelope envelope = EVENTS__ENVELOPE__INIT;

	pb_pack(event, &value);
	any.type_url = borrow(type);
	any.value = (ProtobufCBinaryData){ .len = value.len, .data = (uint8_t *)value.data };
	envelope.timestamp = time_pack(&a, clock_wall());
	envelope.namespace_ = borrow(ns);
	envelope.topic = borrow(topic);
	envelope.event = &any;
	list_for_each(it, &f->calls) {
		struct served *s = container_of(it, struct served, node);

		if (s->filters.n && !s->ended && filters_match(s->filters.v, s->filters.n, envelope_field, &envelope))
			served_send(s, &envelope.base);
	}
}

const struct service_method other_methods[] = {
	{ "/containerd.services.version.v1.Version/Version", &google__protobuf__empty__descriptor, version },
	{ "/containerd.services.introspection.v1.Introspection/Server", &google__protobuf__empty__descriptor, server },
	{ "/containerd.services.introspection.v1.Introspection/Plugins", &introspection__plugins_request__descriptor, plugins },
	{ "/containerd.services.events.v1.Events/Subscribe", &events__subscribe_request__descriptor, subscribe },
	{ 0 },
};
