/* Connections and scopes, open inside the layer. */
#pragma once
#include "ctrd.h"

/* One socket. Its calls hold it: a connection that was made anew leaves the old one to those that are still open on it. */
struct ctrd_line {
	struct grpc *grpc;
	unsigned refs;
};
void ctrd_line_unref(struct ctrd_line *);

/* What every scope of one ctrd_open() shares. */
struct ctrd_conn {
	struct loop *loop;
	struct ctrd_line *line;
	char *address;
	int64_t patience_ms;
	unsigned refs;
};

struct ctrd {
	struct ctrd_conn *conn;
	struct dict metadata; /* of every call, never changed: the headers containerd-namespace and containerd-lease */
};
