/* Methods that are on their way: each is to stand where its noun is, and goes from here then. */
#include "driver-service.h"

static void soon_begin(struct plugin_call *c)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, ERR_UNIMPLEMENTED, "%s: not there yet", plugin_method_name(c));
	plugin_fail(c, &err);
}

#define SOON(name) \
	void name(struct plugin_call *c, const ProtobufCMessage *request) \
	{ \
		(void)request; \
		soon_begin(c); \
	}
SOON(exec_task_begin)
SOON(exec_streaming_begin)
SOON(exec_streaming_message)

void exec_streaming_half_close(struct plugin_call *c) { soon_begin(c); }
