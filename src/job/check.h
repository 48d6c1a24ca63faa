/* Is one value of a job well-formed? Shared by job_check() and the parsers of option values. */
#pragma once
#include "job.h"

int check_env(const char *kv, struct err *err);
int check_label(const char *key, const char *value, struct err *err);
int check_sysctl(const char *key, struct err *err);
int check_ulimit(const struct ulimit *, struct err *err);
int check_extra_host(const char *name_ip, struct err *err);
int check_mount(const struct mount *, struct err *err);
int check_device(const struct device *, struct err *err);
/* "disable", or KEY:VALUE with a part of a label. */
int check_selinux(const char *option, struct err *err);
/* -ERR_INVALID "invalid @noun "@value": @why". */
int check_fail(const char *noun, const char *value, const char *why, struct err *err);
