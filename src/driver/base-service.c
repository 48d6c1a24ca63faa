#include "base-service.h"
#include "desk.h"
#include "log.h"

static void plugin_info_begin(struct plugin_call *c, const ProtobufCMessage *request)
{
	Base__PluginInfoResponse m = BASE__PLUGIN_INFO_RESPONSE__INIT;
	char api[] = "v0.1.0", *versions[] = { api }, version[] = DAVIT_VERSION, name[] = DRIVER_NAME;

	(void)request;
	m.type = BASE__PLUGIN_TYPE__DRIVER;
	m.n_plugin_api_versions = 1;
	m.plugin_api_versions = versions;
	m.plugin_version = version;
	m.name = name;
	plugin_answer(c, &m.base);
}

static void config_schema_begin(struct plugin_call *c, const ProtobufCMessage *request)
{
	_cleanup_buf_ struct buf packed = { 0 };

	(void)request;
	driver_conf_schema(&packed);
	plugin_answer_packed(c, packed.data, packed.len);
}

static void warn_of(const struct driver_conf *c)
{
	if (c->auth.username && !(c->auth.server && *c->auth.server))
		log_warn("option auth: without server_address its password goes to any registry that a job's image names");
}

/* It never fails, whatever is set: the agent would refuse to start. What is wrong is the driver's health. */
static void set_config_begin(struct plugin_call *c, const ProtobufCMessage *request)
{
	const Base__SetConfigRequest *q = (const void *)request;
	Base__SetConfigResponse m = BASE__SET_CONFIG_RESPONSE__INIT;
	struct desk *d = desk_of(c);
	struct driver_conf *conf = driver_conf_read(q->msgpack_config.data, q->msgpack_config.len);

	warn_of(conf);
	desk_learn_client(d, q->nomad_config);
	desk_configure(d, conf);
	plugin_answer(c, &m.base);
}

#define BASE(name) "/hashicorp.nomad.plugins.base.proto.BasePlugin/" name
const struct plugin_method base_service[] = {
	{ .path = BASE("PluginInfo"), .begin = plugin_info_begin },
	{ .path = BASE("ConfigSchema"), .begin = config_schema_begin },
	{ .path = BASE("SetConfig"), .request = &base__set_config_request__descriptor, .begin = set_config_begin },
	{ 0 },
};
