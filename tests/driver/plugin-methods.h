/* Every method that a driver plugin serves, from one table: who wants to try something on all of them goes through it. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

enum plugin_streams { PLUGIN_UNARY, PLUGIN_ANSWERS /* a stream of them */, PLUGIN_BOTH };

struct plugin_method {
	const char *path; /* "/package.Service/Name" */
	const ProtobufCMessageDescriptor *request, *answer;
	enum plugin_streams streams;
};
extern const struct plugin_method plugin_methods[];
extern const unsigned plugin_n_methods;

const char *plugin_method_name(const struct plugin_method *); /* behind the last '/' */
/* By its name or its path; of "Shutdown" the driver's, Nomad's, comes first. NULL: none. */
const struct plugin_method *plugin_method_find(const char *name);
