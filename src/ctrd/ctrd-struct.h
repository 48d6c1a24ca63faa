/* The connection, open inside the layer. */
#pragma once
#include "ctrd.h"

struct ctrd {
	struct loop *loop;
	struct grpc *grpc;
	char *address;
	struct dict metadata; /* of every call: the headers containerd-namespace and containerd-lease */
};
