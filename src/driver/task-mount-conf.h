/* Inside task-conf.c: what its options say of files. Each read() is one of option.h's, into a struct task_conf. */
#pragma once
#include "conf-rows.h"
#include "task-conf.h"

extern const struct option task_mount_rows[], task_device_rows[];
int task_mount_read(const struct node *, void *into, struct err *err);   /* a block */
int task_volumes_read(const struct node *, void *into, struct err *err); /* a list of "source:target:options" */
int task_tmpfs_read(const struct node *, void *into, struct err *err);   /* a list of "target:options" */
int task_devices_read(const struct node *, void *into, struct err *err); /* all of them, as texts or as blocks */
void conf_mount_done(struct conf_mount *);
void conf_device_done(struct conf_device *);
