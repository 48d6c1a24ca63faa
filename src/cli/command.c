#include "command.h"
#include "mem.h"
#include "name.h"
#include <string.h>

/* Words of Docker's command line: what they are called here, or what does it instead. */
static const struct { const char *docker, *ours, *instead; } elsewhere[] = {
	{ "load", .ours = "image load" }, { "import", .ours = "image import" }, { "rmi", .ours = "image rm" },
	{ "info", .ours = "doctor" }, { "ls", .ours = "ps" }, { "list", .ours = "ps" }, { "log", .ours = "logs" },
	{ "port", .ours = "ps" },
	{ "container", .instead = "jobs need no group: davit run, davit ps, davit rm" },
	{ "system", .instead = "davit prune removes what was left behind, davit doctor looks at the machine" },
	{ "build", .instead = "build with docker, podman or buildah; then: docker save IMAGE | davit image load" },
	{ "push", .instead = "docker, podman or skopeo push images" },
	{ "login", .instead = "docker login, podman login --authfile ~/.docker/config.json: pull reads Docker's credentials" },
	{ "attach", .instead = "davit logs -f JOB follows its output; davit exec -it JOB sh gives a shell" },
	{ "top", .instead = "davit exec JOB ps" },
	{ "stats", .instead = "davit exec JOB top" },
	{ "rename", .instead = "davit rm JOB, then davit run --name" },
	{ "cp", .instead = "mount a folder with davit run -v, or: davit exec -i JOB tar -x -C DIR <FILE" },
	{ "network", .instead = "networks are CNI configurations in /etc/cni/net.d; davit run --network NAME uses one" },
	{ "compose", .instead = "davit run, once for each job" },
};

static int unknown(const struct command *const *list, const char *group, const char *name, struct err *err)
{
	const char *all[64], *near = NULL, *instead = NULL, *space = group ? " " : "";
	size_t n = 0;
	int r;

	group = group ? group : "";
	for (size_t i = 0; !*group && i < sizeof elsewhere / sizeof *elsewhere; i++)
		if (strcmp(name, elsewhere[i].docker) == 0) {
			near = elsewhere[i].ours;
			instead = elsewhere[i].instead;
		}
	for (; list && list[n] && n < sizeof all / sizeof *all; n++)
		all[n] = list[n]->name;
	if (!near && !instead)
		near = name_nearest(name, all, n);
	if (near)
		return err_set(err, ERR_NOT_FOUND, "unknown command %s%s%s: did you mean %s%s%s?", group, space, name, group, space,
			       near);
	r = err_set(err, ERR_NOT_FOUND, "unknown command %s%s%s", group, space, name);
	return instead ? err_hint(err, r, "%s", instead) : err_hint(err, r, "davit help%s%s lists the commands", list ? space : "",
								    list ? group : "");
}

int command_find(const struct command *const *list, const char *group, const char *name, const struct command **ret,
		 struct err *err)
{
	for (size_t i = 0; list && list[i]; i++)
		if (strcmp(list[i]->name, name) == 0) {
			*ret = list[i];
			return 0;
		}
	return unknown(list, group, name, err);
}

char *command_path(const struct command *cmd)
{
	return mem_printf("%s%s%s", cmd->group ? cmd->group : "", cmd->group ? " " : "", cmd->name);
}

int command_parse(const struct command *cmd, void *global, char *const *argv, size_t i, void *opts, struct strv *args,
		  struct err *err)
{
	const struct opt_table tables[] = { { cmd->opts, opts }, { global_opts, global } };
	_cleanup_free_ char *path = command_path(cmd);

	return opt_parse(tables, 2, path, cmd->stop_at_first, argv, i, args, err);
}

int command_check_args(const struct command *cmd, const struct strv *args, struct err *err)
{
	_cleanup_free_ char *path = command_path(cmd);
	int r;

	if (args->n < cmd->min)
		r = err_set(err, ERR_INVALID, "%s: an argument is missing", path);
	else if (args->n > cmd->max && !cmd->max)
		r = err_set(err, ERR_INVALID, "%s: takes no argument, not \"%s\"", path, args->v[0]);
	else if (args->n > cmd->max)
		r = err_set(err, ERR_INVALID, "%s: too many arguments, from \"%s\" on", path, args->v[cmd->max]);
	else
		return 0;
	return err_hint(err, r, "usage: davit %s%s%s", path, *cmd->usage ? " " : "", cmd->usage);
}
