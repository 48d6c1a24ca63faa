/* Every method that a driver plugin serves, from one table: who wants to try something on all of them goes through it. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

enum host_streams { HOST_UNARY, HOST_ANSWERS /* a stream of them */, HOST_BOTH };

struct host_method {
	const char *path; /* "/package.Service/Name" */
	const ProtobufCMessageDescriptor *request, *answer;
	enum host_streams streams;
};
extern const struct host_method host_methods[];
extern const unsigned host_n_methods;

const char *host_method_name(const struct host_method *); /* behind the last '/' */
/* By its name or its path; of "Shutdown" the driver's, Nomad's, comes first. NULL: none. */
const struct host_method *host_method_find(const char *name);
