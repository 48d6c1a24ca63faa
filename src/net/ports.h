/* Host ports: is one free, who has it, which is. */
#pragma once
#include "err.h"
#include "job.h"

/* 0 when nobody listens on @p's host port and address; else -ERR_EXISTS "port 18080/tcp is used by process 812 (nginx)" (or
 * "by another process" when it cannot be seen). -ERR_INVALID when its address is not one of this host's. A port that is
 * forwarded, not listened on, is not seen: the core knows its own jobs'. */
int port_check(const struct port *, struct err *err);
/* Picks a free port for @p, not one in @taken: of its range the first, else any of 32768..60999. Its range is then done with.
 * -ERR_EXHAUSTED. */
int port_pick(struct port *p, const uint16_t *taken, size_t n, struct err *err);
