#include "host-methods.h"
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

const struct host_method host_methods[] = {
	METHOD(BASE, base, "PluginInfo", plugin_info, HOST_UNARY),
	METHOD(BASE, base, "ConfigSchema", config_schema, HOST_UNARY),
	METHOD(BASE, base, "SetConfig", set_config, HOST_UNARY),
	METHOD(DRIVER, driver, "Init", init, HOST_UNARY),
	METHOD(DRIVER, driver, "TaskConfigSchema", task_config_schema, HOST_UNARY),
	METHOD(DRIVER, driver, "Capabilities", capabilities, HOST_UNARY),
	METHOD(DRIVER, driver, "Fingerprint", fingerprint, HOST_ANSWERS),
	METHOD(DRIVER, driver, "RecoverTask", recover_task, HOST_UNARY),
	METHOD(DRIVER, driver, "StartTask", start_task, HOST_UNARY),
	METHOD(DRIVER, driver, "WaitTask", wait_task, HOST_UNARY),
	METHOD(DRIVER, driver, "StopTask", stop_task, HOST_UNARY),
	METHOD(DRIVER, driver, "DestroyTask", destroy_task, HOST_UNARY),
	METHOD(DRIVER, driver, "InspectTask", inspect_task, HOST_UNARY),
	METHOD(DRIVER, driver, "TaskStats", task_stats, HOST_ANSWERS),
	{ DRIVER "TaskEvents", &driver__task_events_request__descriptor, &driver__driver_task_event__descriptor, HOST_ANSWERS },
	METHOD(DRIVER, driver, "SignalTask", signal_task, HOST_UNARY),
	METHOD(DRIVER, driver, "ExecTask", exec_task, HOST_UNARY),
	METHOD(DRIVER, driver, "ExecTaskStreaming", exec_task_streaming, HOST_BOTH),
	METHOD(DRIVER, driver, "CreateNetwork", create_network, HOST_UNARY),
	METHOD(DRIVER, driver, "DestroyNetwork", destroy_network, HOST_UNARY),
	METHOD(DRIVER, driver, "Shutdown", shutdown, HOST_UNARY),
	{ "/plugin.GRPCBroker/StartStream", &goplugin__conn_info__descriptor, &goplugin__conn_info__descriptor, HOST_BOTH },
	{ "/plugin.GRPCStdio/StreamStdio", EMPTY, &goplugin__stdio_data__descriptor, HOST_ANSWERS },
	{ "/grpc.health.v1.Health/Check", &goplugin__health_check_request__descriptor, &goplugin__health_check_response__descriptor,
	  HOST_UNARY },
	{ "/plugin.GRPCController/Shutdown", EMPTY, EMPTY, HOST_UNARY }, /* last: the plugin ends by it */
};
const unsigned host_n_methods = sizeof host_methods / sizeof *host_methods;

const char *host_method_name(const struct host_method *m) { return strrchr(m->path, '/') + 1; }

const struct host_method *host_method_find(const char *name)
{
	for (unsigned i = 0; name && i < host_n_methods; i++)
		if (!strcmp(host_methods[i].path, name) || !strcmp(host_method_name(&host_methods[i]), name))
			return &host_methods[i];
	return NULL;
}
