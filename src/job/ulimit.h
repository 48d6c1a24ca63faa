/* Resource limits, as setrlimit(2) has them and people name them. */
#pragma once

/* RLIMIT_* of "nofile", "nproc" ...; -1: there is no such limit. */
int ulimit_resource(const char *name);
/* What a mistyped name was meant to be, or NULL. */
const char *ulimit_nearest(const char *name);
