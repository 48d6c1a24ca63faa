/* The connection, open inside the layer. */
#pragma once
#include "ctrd.h"

struct ctrd {
	struct loop *loop;
	struct grpc *grpc;
	char *address;
	int64_t patience_ms;
	struct dict metadata; /* of every call: the headers containerd-namespace and containerd-lease */
};
