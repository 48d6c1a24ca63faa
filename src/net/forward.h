/* Published ports on a host whose FORWARD chain drops, as Docker's does: the firewall plugin accepts what a container sends
 * and what belongs to it, not what comes in anew for a published port (reference cni.md C3). One rule in its chain for each
 * attachment with ports (and each family it has an address of) mends that: what was forwarded to the container's address is
 * accepted. It comes with the ADD and goes with the DEL; as `iptables`, since only a verdict in the same table overrides a
 * DROP there. */
#pragma once
#include "json.h"
#include "strv.h"
#include <stdbool.h>

#define FORWARD_PATH "/usr/sbin:/sbin:/usr/bin:/bin" /* where iptables is */

/* Has @list a firewall plugin that keeps such a chain? */
bool forward_wanted(json *list);
/* iptables or ip6tables. */
const char *forward_name(int family);
/* The command that adds (or deletes) the rule for @result's first address of @family; false when there is none to be run: no
 * such address, no iptables. */
bool forward_argv(int family, json *result, const char *container_id, bool add, struct strv *out);
/* Is wait(2)'s @status of the command no failure: a rule that is not there is deleted; firewalld has no such chain and needs
 * no such rule. */
bool forward_may_fail(json *list, int status, bool add);
