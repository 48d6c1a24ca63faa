/* Any bytes as any of containerd's or Nomad's messages (the first byte says which): unpacked within bounds, and packed again. */
#include "pb.h"
#include "containers.pb-c.h"
#include "content.pb-c.h"
#include "diff.pb-c.h"
#include "events.pb-c.h"
#include "hclspec.pb-c.h"
#include "images.pb-c.h"
#include "introspection.pb-c.h"
#include "leases.pb-c.h"
#include "namespaces.pb-c.h"
#include "nomadbase.pb-c.h"
#include "nomaddriver.pb-c.h"
#include "snapshots.pb-c.h"
#include "tasks.pb-c.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *const types[] = {
	&containers__get_response__descriptor,
	&content__info_response__descriptor,
	&content__write_response__descriptor,
	&content__write_request__descriptor,
	&diff__apply_response__descriptor,
	&events__envelope__descriptor,
	&events__task_exit__descriptor,
	&images__list_response__descriptor,
	&introspection__plugins_response__descriptor,
	&leases__list_response__descriptor,
	&namespaces__list_response__descriptor,
	&snapshots__list_response__descriptor,
	&snapshots__mounts_response__descriptor,
	&tasks__list_response__descriptor,
	&tasks__metrics_response__descriptor,
	&base__set_config_request__descriptor,
	&driver__recover_task_request__descriptor,
	&driver__exec_task_streaming_request__descriptor,
	&hclspec__spec__descriptor,
};

/* What was packed must be taken, and give the same bytes once more. */
static void again(const ProtobufCMessage *msg)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_buf_ struct buf once = { 0 }, twice = { 0 };
	const ProtobufCMessage *copy;

	pb_pack(msg, &once);
	if (pb_unpack(msg->descriptor, once.data, once.len, &a, &copy, NULL) < 0)
		abort();
	pb_pack(copy, &twice);
	assert(once.len == twice.len && !memcmp(buf_str(&once), buf_str(&twice), once.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena_ struct arena a = { 0 };
	const ProtobufCMessage *msg;
	struct err err = ERR_INIT;

	if (!size)
		return 0;
	if (pb_unpack(types[data[0] % (sizeof types / sizeof *types)], data + 1, size - 1, &a, &msg, &err) == 0)
		again(msg);
	return 0;
}
