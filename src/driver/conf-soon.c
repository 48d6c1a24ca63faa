/* Until the options can be read: the defaults. */
#include "driver-conf.h"
#include "mem.h"
#include "task-conf.h"

struct driver_conf *driver_conf_new(void)
{
	struct driver_conf *c = mem_new(struct driver_conf);

	c->refs = 1;
	c->enabled = c->allow_privileged = c->allow_all_caps = c->allow_all_runtimes = c->volumes.enabled = c->gc.container = true;
	c->runtime = mem_strdup("io.containerd.runc.v2");
	c->address = mem_strdup("/run/containerd/containerd.sock");
	c->ns = mem_strdup("nomad");
	return c;
}

struct driver_conf *driver_conf_ref(struct driver_conf *c)
{
	c->refs++;
	return c;
}

void driver_conf_unref(struct driver_conf *c)
{
	if (!c || --c->refs)
		return;
	free(c->runtime);
	free(c->address);
	free(c->ns);
	free(c);
}

struct driver_conf *driver_conf_read(const void *data, size_t len)
{
	(void)data;
	(void)len;
	return driver_conf_new();
}

bool driver_conf_permits(const struct strv *modes, const char *mode) { return strv_has(modes, mode); }

void driver_conf_schema(struct buf *out) { (void)out; }

void task_conf_schema(struct buf *out) { (void)out; }

void task_conf_free(struct task_conf *c) { free(c); }

int task_conf_read(const void *data, size_t len, struct task_conf **ret, struct err *err)
{
	(void)data;
	(void)len;
	(void)ret;
	return err_set(err, ERR_UNIMPLEMENTED, "options cannot be read yet");
}
