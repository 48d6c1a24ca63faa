/* Any bytes as the options of the plugin (the first byte is even) or of a task: within the bounds, each error of one line. */
#include "driver-conf.h"
#include "task-conf.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void whole(const struct task_conf *c)
{
	assert(c->image && *c->image);
	for (size_t i = 0; i < c->n_mounts; i++) {
		assert(c->mounts[i].target && *c->mounts[i].target == '/');
		assert(c->mounts[i].type != CONF_MOUNT_BIND || c->mounts[i].source);
	}
	for (size_t i = 0; i < c->n_devices; i++)
		assert(c->devices[i].host && c->devices[i].inside && c->devices[i].access);
	assert(c->cpu_cfs_period >= 1000 && c->cpu_cfs_period <= 1000000);
	assert(!c->auth.username == !c->auth.password);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(task_conf_freep) struct task_conf *task = NULL;
	struct err err = ERR_INIT;

	if (!size)
		return 0;
	if (*data & 1) {
		if (task_conf_read(data + 1, size - 1, &task, &err) >= 0)
			whole(task);
		else
			assert(*err.msg && !strchr(err.msg, '\n'));
	} else {
		_cleanup_(driver_conf_unrefp) struct driver_conf *c = driver_conf_read(data + 1, size - 1);

		assert(c->runtime && c->address && c->ns && (!c->error || (*c->error && !strchr(c->error, '\n'))));
	}
	return 0;
}
