/* Published ports, as what a host has of them. */
#pragma once
#include "job.h"

/* Do both want one port of the host? Without an address a port is on every one of both families; 0.0.0.0 and :: are all of
 * their own family. One that is still to be chosen clashes with none. */
bool port_clashes(const struct port *, const struct port *);
/* The first of the @n ports that clashes with one before it; @n: none does. It goes by sorting. */
size_t ports_clash(const struct port *, size_t n);
/* Is it to be chosen when the job starts? */
static inline bool port_is_open(const struct port *p) { return !p->host || p->host_last; }
