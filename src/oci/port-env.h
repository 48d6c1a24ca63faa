/* What a task is told of the ports that have names: Nomad's variables, once the host's ports are chosen. */
#pragma once
#include "buf.h"
#include "job.h"

/* Of port "http": NOMAD_PORT_http and NOMAD_ALLOC_PORT_http (inside), NOMAD_HOST_PORT_http, NOMAD_IP_http and NOMAD_HOST_IP_http,
 * NOMAD_ADDR_http and NOMAD_HOST_ADDR_http (IP:PORT of the host). In a name '_' stands for what is no letter or digit. */
void port_env(const struct job *, struct strv *env);
/* Appends @text with these in the place of ${NAME}; other names stay as they are. */
void port_env_expand(const struct job *, const char *text, struct buf *out);
/* Does the job have ports with names? */
bool port_env_any(const struct job *);
