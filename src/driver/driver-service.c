#include "driver-service.h"
#include "desk.h"
#include "exec-call.h"
#include "fingerprint.h"
#include "group-network.h"
#include "recover.h"
#include "start.h"
#include "stop.h"
#include "task-conf.h"
#include "wait-call.h"

/* The agent is there. What was to be begun has begun with SetConfig. */
static void init_begin(struct plugin_call *c, const ProtobufCMessage *request)
{
	Driver__InitResponse m = DRIVER__INIT_RESPONSE__INIT;

	(void)request;
	plugin_answer(c, &m.base);
}

/* GRPCController.Shutdown follows: tasks go on. */
static void driver_shutdown_begin(struct plugin_call *c, const ProtobufCMessage *request)
{
	Driver__ShutdownResponse m = DRIVER__SHUTDOWN_RESPONSE__INIT;

	(void)request;
	plugin_answer(c, &m.base);
}

static void task_schema_begin(struct plugin_call *c, const ProtobufCMessage *request)
{
	_cleanup_buf_ struct buf packed = { 0 };

	(void)request;
	task_conf_schema(&packed);
	plugin_answer_packed(c, packed.data, packed.len);
}

#define MODE(m) DRIVER__NETWORK_ISOLATION_SPEC__NETWORK_ISOLATION_MODE__##m

static void capabilities_begin(struct plugin_call *c, const ProtobufCMessage *request)
{
	Driver__CapabilitiesResponse m = DRIVER__CAPABILITIES_RESPONSE__INIT;
	Driver__DriverCapabilities caps = DRIVER__DRIVER_CAPABILITIES__INIT;
	Driver__NetworkIsolationSpec__NetworkIsolationMode modes[] = { MODE(HOST), MODE(GROUP), MODE(TASK) };

	(void)request;
	caps.send_signals = true;
	caps.exec = true;
	caps.fs_isolation = DRIVER__DRIVER_CAPABILITIES__FSISOLATION__IMAGE;
	caps.n_network_isolation_modes = sizeof modes / sizeof *modes;
	caps.network_isolation_modes = modes;
	caps.must_create_network = desk_of(c)->conf->create_network;
	caps.disable_log_collection = desk_of(c)->conf->disable_log_collection;
	m.capabilities = &caps;
	plugin_answer(c, &m.base);
}

#define DRIVER(name) "/hashicorp.nomad.plugins.drivers.proto.Driver/" name
#define REQUEST(name) .request = &driver__##name##_request__descriptor
const struct plugin_method driver_service[] = {
	{ .path = DRIVER("Init"), .begin = init_begin },
	{ .path = DRIVER("TaskConfigSchema"), .begin = task_schema_begin },
	{ .path = DRIVER("Capabilities"), .begin = capabilities_begin },
	{ .path = DRIVER("Fingerprint"), .begin = fingerprint_begin },
	{ .path = DRIVER("RecoverTask"), REQUEST(recover_task), .begin = recover_task_begin },
	{ .path = DRIVER("StartTask"), REQUEST(start_task), .begin = start_task_begin },
	{ .path = DRIVER("WaitTask"), REQUEST(wait_task), .begin = wait_task_begin },
	{ .path = DRIVER("StopTask"), REQUEST(stop_task), .begin = stop_task_begin },
	{ .path = DRIVER("DestroyTask"), REQUEST(destroy_task), .begin = destroy_task_begin },
	{ .path = DRIVER("InspectTask"), REQUEST(inspect_task), .begin = inspect_task_begin },
	{ .path = DRIVER("TaskStats"), REQUEST(task_stats), .begin = task_stats_begin },
	{ .path = DRIVER("TaskEvents"), REQUEST(task_events), .begin = task_events_begin },
	{ .path = DRIVER("Shutdown"), .begin = driver_shutdown_begin },
	{ .path = DRIVER("SignalTask"), REQUEST(signal_task), .begin = signal_task_begin },
	{ .path = DRIVER("ExecTask"), REQUEST(exec_task), .begin = exec_task_begin },
	{ .path = DRIVER("ExecTaskStreaming"),
	  REQUEST(exec_task_streaming),
	  .begin = exec_streaming_begin,
	  .message = exec_streaming_message,
	  .half_close = exec_streaming_half_close },
	{ .path = DRIVER("CreateNetwork"), REQUEST(create_network), .begin = create_network_begin },
	{ .path = DRIVER("DestroyNetwork"), REQUEST(destroy_network), .begin = destroy_network_begin },
	{ 0 },
};
