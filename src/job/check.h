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
int check_selinux(const char *option, const char *, struct err *);    /* "disable", or KEY:VALUE with a part of a label */
int check_host_path(const char *path, const char *, struct err *err); /* absolute, of the host */
int check_inside(const char *path, const char *, struct err *err);    /* absolute, in the container */
int check_mode(const char *octal, const char *, struct err *err);
int check_auth_file(const char *path, const char *, struct err *err);
int check_namespace(const char *mode, const char *, struct err *err); /* host, private, task:NAME */
int check_userns(const char *mode, const char *, struct err *err);    /* host, private */
int check_cgroupns(const char *mode, const char *, struct err *err);  /* host, private */
int check_device_rule(const char *rule, const char *, struct err *err);
int check_cdi(const char *name, const char *, struct err *err); /* VENDOR/CLASS=NAME */
int check_hugepage(const char *size, const char *, struct err *err);
int check_ip(const char *address, const char *, struct err *err);
int check_mac(const char *mac, const char *, struct err *err);
int check_alias(const char *name, const char *, struct err *err);
int check_network_name(const char *name, const char *, struct err *err); /* a conflist's, no mode */
int check_port_name(const char *name, const char *, struct err *err);
int check_runtime_option(const char *key, const char *value, struct err *err);
int check_containerd_ns(const char *ns, const char *, struct err *err);
int check_seccomp(const char *, const char *, struct err *);
int check_apparmor(const char *, const char *, struct err *);
int check_platform(const char *, const char *, struct err *);
int check_cwd(const char *, const char *, struct err *);
int check_user(const char *, const char *, struct err *);
int check_group(const char *, const char *, struct err *);
int check_signal(const char *, const char *, struct err *);
int check_cpuset_cpus(const char *, const char *, struct err *);
int check_cpuset_mems(const char *, const char *, struct err *);
int check_cgroup(const char *, const char *, struct err *);
int check_job_name(const char *, const char *, struct err *);
int check_network(const char *, const char *, struct err *);
int check_expose(const char *, const char *, struct err *);
int check_hostname(const char *, const char *, struct err *);
int check_dns(const char *, const char *, struct err *);
int check_dns_search(const char *, const char *, struct err *);
int check_dns_option(const char *, const char *, struct err *);
int check_runtime(const char *, const char *, struct err *);
int check_snapshotter(const char *, const char *, struct err *);

int check_ips(const struct strv *ips, struct err *err); /* at most one of each family */

/* of a shape: the object, whose fields are each well-formed */
int check_port(const void *port, struct err *);
int check_mount(const void *mount, struct err *);
int check_ulimit(const void *ulimit, struct err *);
int check_device(const void *device, struct err *);
int check_attachment(const void *attachment, struct err *);
int check_auth(const void *auth, struct err *);
int check_healthcheck(const void *healthcheck, struct err *);
int check_rate(const void *rate, struct err *);
int check_weight(const void *weight, struct err *);
int check_task(const void *task, struct err *);
int check_job(const void *job, struct err *);
int check_jobset(const void *set, struct err *);
