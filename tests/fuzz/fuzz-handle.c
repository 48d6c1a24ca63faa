/* Any bytes as the driver_state that an agent kept on its disk: an error of one line, or what comes to the same when it is written
 * and read once more. */
#include "handle.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(handle_kept_done) struct handle_kept kept = { 0 }, again = { 0 };
	_cleanup_buf_ struct buf first = { 0 }, second = { 0 };
	struct err err = ERR_INIT;
	int r = handle_kept_read(data, size, &kept, &err);

	if (r < 0) {
		assert(r == -ERR_INVALID || r == -ERR_UNIMPLEMENTED || r == -ERR_EXHAUSTED);
		assert(*err.msg && !strchr(err.msg, '\n'));
		return 0;
	}
	assert(kept.task_id && kept.ns && kept.job);
	handle_kept_write(&kept, &first);
	r = handle_kept_read(first.data, first.len, &again, &err);
	assert(r == 0);
	handle_kept_write(&again, &second);
	assert(first.len == second.len && !memcmp(first.data, second.data, first.len));
	return 0;
}
