#include "plugin-methods.h"
#include "empty.pb-c.h"
#include "goplugin.pb-c.h"
#include "nomadbase.pb-c.h"
#include "nomaddriver.pb-c.h"
#include <string.h>

#define BASE "/hashicorp.nomad.plugins.base.proto.BasePlugin/"
#define DRIVER "/hashicorp.nomad.plugins.drivers.proto.Driver/"
#define EMPTY &google__protobuf__empty__descriptor

#define METHOD(service, package, name, stem, streams) \
	{ \
		service name, &package##__##stem##_request__descriptor, &package##__##stem##_response__descriptor, streams \
	}

const struct plugin_method plugin_methods[] = {
	METHOD(BASE, base, "PluginInfo", plugin_info, PLUGIN_UNARY),
	METHOD(BASE, base, "ConfigSchema", config_schema, PLUGIN_UNARY),
	METHOD(BASE, base, "SetConfig", set_config, PLUGIN_UNARY),
	METHOD(DRIVER, driver, "Init", init, PLUGIN_UNARY),
	METHOD(DRIVER, driver, "TaskConfigSchema", task_config_schema, PLUGIN_UNARY),
	METHOD(DRIVER, driver, "Capabilities", capabilities, PLUGIN_UNARY),
	METHOD(DRIVER, driver, "Fingerprint", fingerprint, PLUGIN_ANSWERS),
	METHOD(DRIVER, driver, "RecoverTask", recover_task, PLUGIN_UNARY),
	METHOD(DRIVER, driver, "StartTask", start_task, PLUGIN_UNARY),
	METHOD(DRIVER, driver, "WaitTask", wait_task, PLUGIN_UNARY),
	METHOD(DRIVER, driver, "StopTask", stop_task, PLUGIN_UNARY),
	METHOD(DRIVER, driver, "DestroyTask", destroy_task, PLUGIN_UNARY),
	METHOD(DRIVER, driver, "InspectTask", inspect_task, PLUGIN_UNARY),
	METHOD(DRIVER, driver, "TaskStats", task_stats, PLUGIN_ANSWERS),
	{ DRIVER "TaskEvents", &driver__task_events_request__descriptor, &driver__driver_task_event__descriptor, PLUGIN_ANSWERS },
	METHOD(DRIVER, driver, "SignalTask", signal_task, PLUGIN_UNARY),
	METHOD(DRIVER, driver, "ExecTask", exec_task, PLUGIN_UNARY),
	METHOD(DRIVER, driver, "ExecTaskStreaming", exec_task_streaming, PLUGIN_BOTH),
	METHOD(DRIVER, driver, "CreateNetwork", create_network, PLUGIN_UNARY),
	METHOD(DRIVER, driver, "DestroyNetwork", destroy_network, PLUGIN_UNARY),
	METHOD(DRIVER, driver, "Shutdown", shutdown, PLUGIN_UNARY),
	{ "/plugin.GRPCBroker/StartStream", &goplugin__conn_info__descriptor, &goplugin__conn_info__descriptor, PLUGIN_BOTH },
	{ "/plugin.GRPCStdio/StreamStdio", EMPTY, &goplugin__stdio_data__descriptor, PLUGIN_ANSWERS },
	{ "/grpc.health.v1.Health/Check", &goplugin__health_check_request__descriptor, &goplugin__health_check_response__descriptor,
	  PLUGIN_UNARY },
	{ "/plugin.GRPCController/Shutdown", EMPTY, EMPTY, PLUGIN_UNARY }, /* last: the plugin ends by it */
};
const unsigned plugin_n_methods = sizeof plugin_methods / sizeof *plugin_methods;

const char *plugin_method_name(const struct plugin_method *m) { return strrchr(m->path, '/') + 1; }

const struct plugin_method *plugin_method_find(const char *name)
{
	for (unsigned i = 0; name && i < plugin_n_methods; i++)
		if (!strcmp(plugin_methods[i].path, name) || !strcmp(plugin_method_name(&plugin_methods[i]), name))
			return &plugin_methods[i];
	return NULL;
}
