/* What a plugin's ADD answers, in any version from 0.1.0 to 1.1. */
#pragma once
#include "cni.h"

/* @raw is borrowed (a reference is kept in the result). @ifname: the container's interface, whose mac is wanted.
 * -ERR_INVALID names what is wrong. */
int cni_result_read(json *raw, const char *ifname, struct cni_result *ret, struct err *err);
