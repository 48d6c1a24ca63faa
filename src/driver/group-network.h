/* CreateNetwork and DestroyNetwork: the network namespace of an allocation, where the operator leaves making it to the driver
 * (create_network). It is /var/run/netns/ALLOC, the one that Nomad itself would make and find, so that either goes on with what
 * the other has made; what else is kept of it is for the looks below (group-mark.h). What is in it (interfaces, addresses,
 * forwarded ports) is Nomad's: with what we answer it has CNI's plugins run. What is asked for of one allocation, or is removed by
 * ourselves, is done one after the other: a call waits for its turn, and what is gone by then is removed. The name of the group
 * comes with each call, and goes with our answer into each task's TaskConfig. */
#pragma once
#include "nomaddriver.pb-c.h"
#include "plugin.h"

struct desk;
struct group_networks;

void create_network_begin(struct plugin_call *, const ProtobufCMessage *);
void destroy_network_begin(struct plugin_call *, const ProtobufCMessage *);

/* Those that were made, or that tasks are in. Nomad holds on to the plugin that an allocation began with: where that one was
 * killed, nobody is asked for the DestroyNetwork; nor for one that was made while the agent was killed, and whose allocation is not
 * to run any more when it comes back. What of them the next plugin cannot learn of its tasks is in their marks. The desk outlives
 * it. */
struct group_networks *group_networks_new(struct desk *);
void group_networks_free(struct group_networks *); /* behind plugin_drain() */
/* A task starts, or was found again. */
void group_networks_learn(struct group_networks *, const Driver__TaskConfig *);
/* Removes those without a task whose allocation's folder is gone, or that Nomad has emptied (CNI's DEL), if they are our own
 * client's: that is known once a task has told where it has its allocations. */
void group_networks_look(struct group_networks *);
