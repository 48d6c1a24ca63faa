/* runtime ls, config. */
#include "cli.h"
#include "commands.h"

static const struct command *const subs[] = { &runtime_config_cmd, NULL };
const struct command cmd_runtime = {
	.name = "runtime",
	.usage = "COMMAND",
	.summary = "Runtimes for Kubernetes: config",
	.examples = "  davit runtime config --write davit",
	.sub = subs,
};
