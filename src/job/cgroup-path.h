/* Where a job's cgroup is, by namespace and id: what the spec asks for, and what is looked for again. */
#pragma once

#define CGROUP_PATH "/%s/%s"
/* With SystemdCgroup: SLICE:PREFIX:NAME, of which systemd makes a scope. Neither namespaces nor ids have two hyphens in a row, so a
 * scope is of one job only. */
#define CGROUP_SLICE "system.slice"
#define CGROUP_SYSTEMD CGROUP_SLICE ":davit-%s-:%s"
#define CGROUP_SCOPE_BEGIN "davit-%s--" /* of the namespace alone */
#define CGROUP_SCOPE_END ".scope"
#define CGROUP_SCOPE "/" CGROUP_SLICE "/" CGROUP_SCOPE_BEGIN "%s" CGROUP_SCOPE_END
