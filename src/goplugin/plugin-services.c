#include "plugin-services.h"
#include "empty.pb-c.h"
#include "goplugin.pb-c.h"
#include <string.h>

/* The host goes on by closing its connection, and kills what is there 2 s later. */
static void controller_shutdown(struct plugin_call *c, const ProtobufCMessage *request)
{
	Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;

	(void)request;
	plugin_stop(plugin_plugin(c));
	plugin_answer(c, &empty.base);
}

/* Streams that are open for as long as the host is: drivers broker nothing, and what is written for people goes to the log. */
static void hold_stream(struct plugin_call *c, const ProtobufCMessage *request)
{
	(void)request;
	plugin_park(c, NULL, NULL);
}

static void hold_message(struct plugin_call *c, const ProtobufCMessage *request)
{
	(void)c;
	(void)request;
}

static void health_check(struct plugin_call *c, const ProtobufCMessage *request)
{
	const char *service = ((const Goplugin__HealthCheckRequest *)request)->service;
	Goplugin__HealthCheckResponse answer = GOPLUGIN__HEALTH_CHECK_RESPONSE__INIT;
	struct err err = ERR_INIT;

	if (*service && strcmp(service, "plugin")) {
		(void)err_set(&err, ERR_NOT_FOUND, "unknown service %s", service);
		plugin_fail(c, &err);
		return;
	}
	answer.status = GOPLUGIN__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
	plugin_answer(c, &answer.base);
}

static const struct plugin_method goplugin_methods[] = {
	{ .path = "/plugin.GRPCController/Shutdown", .begin = controller_shutdown },
	{ .path = "/plugin.GRPCBroker/StartStream", .begin = hold_stream, .message = hold_message, .half_close = plugin_end },
	{ .path = "/plugin.GRPCStdio/StreamStdio", .begin = hold_stream },
	{ .path = "/grpc.health.v1.Health/Check", .request = &goplugin__health_check_request__descriptor, .begin = health_check },
	{ 0 },
};

const struct plugin_method *const plugin_services[] = { goplugin_methods, NULL };
