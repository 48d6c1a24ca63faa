/* The words in which people write a job's values, as Docker's users know them. Each error names the option's noun, the
 * value and what is allowed. Outputs are written on success only. */
#pragma once
#include "ctx.h"
#include "job.h"
#include "value.h"

/* [ip:]host:inside[/proto], or inside alone; ranges "8000-8010:80-90" add one port each, "8000-8010:80" the first free one of
 * the range; [v6] addresses in brackets.
 * Adds to the job. */
int parse_ports(const char *s, struct job *, struct err *err);
/* Ports inside, "80", "8000-8010/udp": as in an image's ExposedPorts. */
int parse_expose(const char *s, struct strv *out, struct err *err);
/* src:target[:options]; a src with a slash (absolute, or ./ and ../ relative to @cwd) is a bind, else a volume's name; target
 * alone is an anonymous volume. @cwd is NULL where there is none. Options: ro, rw, propagation, z, Z (SELinux labels), nocopy. Adds
 * to the task. */
int parse_volume(const char *s, const char *cwd, struct task *, struct err *err);
/* --mount type=bind,source=..,target=..,readonly / --tmpfs /path[:options] */
int parse_mount(const char *s, const char *cwd, struct task *, struct err *err);
int parse_tmpfs(const char *s, struct task *, struct err *err);
/* host[:inside[:rwm]] */
int parse_device(const char *s, struct task *, struct err *err);
/* name=soft[:hard], -1 or "unlimited" */
int parse_ulimit(const char *s, struct task *, struct err *err);
/* K=V; a bare K takes @env's value (nothing is added when unset). */
int parse_env(const char *s, char *const *env, struct strv *out, struct err *err);
/* A file (or a pipe, which is waited for under @ctx) of such lines; # comments. Errors name FILE:LINE. */
int parse_env_file(const char *path, char *const *env, const struct ctx *, struct strv *out, struct err *err);
/* K=V or K (value ""); key and value at most 4096 bytes together (containerd's limit); containerd.io/ keys are reserved. */
int parse_label(const char *s, struct dict *out, struct err *err);
int parse_label_file(const char *path, const struct ctx *, struct dict *out, struct err *err);
/* name:ip or name=ip */
int parse_extra_host(const char *s, struct job *, struct err *err);
/* key=value of a sysctl name */
int parse_sysctl(const char *s, struct task *, struct err *err);
