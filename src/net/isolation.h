/* Bridges whose jobs do not reach each other's: what the firewall plugin's ingressPolicy "same-bridge" does (1.1 and later; older
 * ones pass over the word). Of each such bridge it keeps two rules, which no DEL takes away, since the plugin does not know who
 * else is on the bridge. Whoever removes the bridge does. */
#pragma once

#define ISOLATION_POLICY "same-bridge"

/* What the plugin has left of a bridge that is no more; waits for iptables. Nothing that fails is anybody's failure. */
void isolation_forget(const char *bridge);
