#include "isolation.h"
#include "child.h"
#include "cni-net.h"
#include "file.h"
#include "forward.h"
#include "log.h"
#include "mem.h"
#include <string.h>
#include <sys/socket.h>

enum { ISOLATION_MS = 10000, TIMES_MAX = 16 /* plugins that ran at the same time have each added one */ };

/* As the plugin has them (ingresspolicy.go, 1.1.1): what leaves a bridge for another interface is looked at again, and does not
 * come in to another such bridge. Each %s is the bridge. */
static const char *const rules[] = {
	"CNI-ISOLATION-STAGE-1 -i %s ! -o %s -j CNI-ISOLATION-STAGE-2",
	"CNI-ISOLATION-STAGE-2 -o %s -j DROP",
};

static void rule_argv(const char *rule, const char *program, const char *bridge, struct strv *out)
{
	strv_push(out, program);
	strv_split(out, "-w 10 -D", " ");
	strv_split(out, rule, " ");
	for (size_t i = 0; i < out->n; i++)
		if (!strcmp(out->v[i], "%s")) {
			free(out->v[i]);
			out->v[i] = mem_strdup(bridge);
		}
	strv_split(out, "-m comment --comment", " ");
	strv_push(out, "CNI firewall plugin rules (ingressPolicy: " ISOLATION_POLICY ")");
}

/* The wait(2) status, or less than 0. */
static int iptables_run(struct loop *loop, const struct strv *argv)
{
	const struct ctx ctx = ctx_within(NULL, ISOLATION_MS);
	const struct child_spec spec = { .path = argv->v[0], .argv = strv_argv(argv), .out_max = 1024, .err_max = 1024 };
	_cleanup_(child_freep) struct child *child = NULL;
	struct err err = ERR_INIT;
	int r = child_start(loop, &spec, &child, &err);

	if (r >= 0)
		r = child_wait(child, &ctx, &err);
	if (r < 0)
		log_debug("%s: %s", argv->v[0], err.msg);
	return r;
}

void isolation_forget(const char *bridge)
{
	_cleanup_(loop_freep) struct loop *loop = NULL;

	if (!cni_ifname_valid(bridge))
		return;
	loop = loop_new();
	for (size_t i = 0; i < 2 * (sizeof rules / sizeof *rules); i++) {
		_cleanup_free_ char *program = file_find(FORWARD_PATH, forward_name(i % 2 ? AF_INET6 : AF_INET));
		_cleanup_strv_ struct strv argv = { 0 };

		if (!program)
			continue;
		rule_argv(rules[i / 2], program, bridge, &argv);
		for (int n = 0; n < TIMES_MAX && iptables_run(loop, &argv) == 0; n++)
			;
	}
}
