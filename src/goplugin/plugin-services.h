/* What every plugin serves besides its own: GRPCController, GRPCBroker, GRPCStdio and gRPC's Health. */
#pragma once
#include "plugin.h"

extern const struct plugin_method *const plugin_services[]; /* ends with NULL */
