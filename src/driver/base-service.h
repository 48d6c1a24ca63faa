/* What every plugin of Nomad answers: who it is, which options it has, and what the operator has set. */
#pragma once
#include "plugin.h"

#define DRIVER_NAME "containerd-driver"

extern const struct plugin_method base_service[]; /* ends with a zeroed row */
