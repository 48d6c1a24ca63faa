/* Labels of the containers that the driver makes. */
#pragma once
#include "labels.h"

#define NOMAD_LABEL "com.hashicorp.nomad."
#define NOMAD_ALLOC_LABEL RECORD_AGENT
#define NOMAD_TASK_LABEL NOMAD_LABEL "task_id" /* Nomad's id of it */
#define NOMAD_NODE_LABEL NOMAD_LABEL "node_id" /* whose client's it is; none where the agent does not say */
