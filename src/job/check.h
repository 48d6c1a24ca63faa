/* Is one value of a job well-formed? What the tables of job-table.c name: the texts of a field, and what is between the fields
 * of one object. Nothing here looks at the host. */
#pragma once
#include "job.h"

/* -ERR_INVALID "invalid @noun "@value": @why". */
int check_fail(const char *noun, const char *value, const char *why, struct err *err);

/* field_check_fn: a text; of a dictionary its key and value */
int check_env(const char *kv, const char *, struct err *);
int check_label(const char *key, const char *value, struct err *);
int check_sysctl(const char *key, const char *value, struct err *);
int check_extra_host(const char *name_ip, const char *, struct err *);
int check_selinux(const char *option, const char *, struct err *); /* "disable", or KEY:VALUE with a part of a label */
int check_masked_off(const char *, const char *, struct err *);
int check_seccomp(const char *, const char *, struct err *);
int check_apparmor(const char *, const char *, struct err *);
int check_platform(const char *, const char *, struct err *);
int check_cwd(const char *, const char *, struct err *);
int check_user(const char *, const char *, struct err *);
int check_group(const char *, const char *, struct err *);
int check_signal(const char *, const char *, struct err *);
int check_cpuset_cpus(const char *, const char *, struct err *);
int check_cpuset_mems(const char *, const char *, struct err *);
int check_job_name(const char *, const char *, struct err *);
int check_network(const char *, const char *, struct err *);
int check_expose(const char *, const char *, struct err *);
int check_hostname(const char *, const char *, struct err *);
int check_dns(const char *, const char *, struct err *);
int check_dns_search(const char *, const char *, struct err *);
int check_dns_option(const char *, const char *, struct err *);
int check_runtime(const char *, const char *, struct err *);
int check_snapshotter(const char *, const char *, struct err *);

/* of a shape: the object, whose fields are each well-formed */
int check_port(const void *port, struct err *);
int check_mount(const void *mount, struct err *);
int check_ulimit(const void *ulimit, struct err *);
int check_device(const void *device, struct err *);
int check_task(const void *task, struct err *);
int check_job(const void *job, struct err *);
