/* What a health check of type http or tcp asks: pure. Names are looked up nowhere: one stands for the job itself, so that
 * "localhost" and the job's own name do what they say. */
#pragma once
#include "job.h"
#include <sys/socket.h>

struct health_url {
	struct sockaddr_storage at;
	socklen_t at_len;
	char host[262];   /* as a request names it, with the port where one was given */
	const char *path; /* with the query, borrowed from the text; "/" where it has none */
	int path_len;
};
/* http: "http://HOST[:PORT][/PATH]", or "/PATH" of port 80; tcp: "PORT" or "HOST:PORT". HOST may be [IPv6]. -ERR_INVALID, https
 * too. */
int health_url_parse(enum health_kind, const char *text, struct health_url *ret, struct err *err);
