/* The methods of Nomad's Driver service: which function begins each. Here are those that need no task; the others stand where
 * their noun is. */
#pragma once
#include "plugin.h"

extern const struct plugin_method driver_service[]; /* ends with a zeroed row */
