/* Network interfaces of this network namespace, by rtnetlink(7). */
#pragma once
#include "err.h"
#include <stdbool.h>

struct link {
	int index;
	char kind[16];  /* "bridge", "veth" ...; "" for a device */
	bool has_ports; /* another interface is attached to it */
};
/* -ERR_NOT_FOUND. */
int link_look(const char *name, struct link *ret, struct err *err);
int link_remove(int index, struct err *err); /* absent is success */
