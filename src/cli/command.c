#include "command.h"
#include "mem.h"
#include "name.h"
#include <string.h>

/* Words of Docker's command line that davit does not have: what does it instead. A test holds every one of Docker's against this
 * table, the aliases and the commands; docs/from-docker.md has them all. */
static const struct {
	const char *docker, *ours, *instead;
} elsewhere[] = {
	{ "info", .ours = "doctor" },
	{ "log", .ours = "logs" },
	{ "container", .instead = "the group may be left away: davit ps, davit run, davit rm" },
	{ "build", .instead = "build with docker, podman or buildah; then: docker save IMAGE | davit image load" },
	{ "buildx", .instead = "build with docker, podman or buildah; then: docker save IMAGE | davit image load" },
	{ "builder", .instead = "build with docker, podman or buildah; then: docker save IMAGE | davit image load" },
	{ "search", .instead = "registries have web pages; davit pull NAME fetches an image" },
	{ "manifest", .instead = "docker, podman or skopeo inspect registries; davit image inspect --platform looks at an image" },
	{ "trust", .instead = "name images by digest: davit run NAME@sha256:..." },
	{ "compose", .instead = "davit run, once for each job" },
	{ "swarm", .instead = "davit runs jobs on one machine; a scheduler such as Nomad spreads them" },
	{ "node", .instead = "davit runs jobs on one machine; a scheduler such as Nomad spreads them" },
	{ "service", .instead = "davit runs jobs on one machine; a scheduler such as Nomad spreads them" },
	{ "stack", .instead = "davit runs jobs on one machine; a scheduler such as Nomad spreads them" },
	{ "config", .instead = "mount a file: davit run -v /path/file:/etc/file:ro" },
	{ "secret", .instead = "mount a file: davit run -v /path/file:/run/secrets/file:ro" },
	{ "plugin", .instead = "networks are CNI plugins in /opt/cni/bin; runtimes and snapshotters are containerd's" },
	{ "context", .instead = "davit --address SOCKET talks to another containerd of this machine" },
	{ "scout", .instead = "no replacement: scan images with a tool of that trade" },
	{ "machine", .instead = "davit runs on Linux, without a virtual machine" },
	{ "pod", .instead = "davit run --network container:JOB joins another job's network" },
	{ "init", .instead = "davit needs no init: a job's file system is mounted when it starts" },
	{ "auto-update", .instead = "davit pull IMAGE, davit rm -f JOB, davit run, from a timer" },
	{ "generate", .instead = "davit inspect JOB | jq .[0].job prints a job; write a unit with davit run in the foreground" },
	{ "kube", .instead = "no replacement: write davit run for each container" },
	{ "play", .instead = "no replacement: write davit run for each container" },
	{ "healthcheck", .instead = "davit inspect -f '{{.State.Health.Status}}' JOB says what its checks have said; davit wait "
				    "--status healthy JOB waits for it" },
	{ "mount", .instead = "davit exec JOB sh looks at its files" },
	{ "unmount", .instead = "davit exec JOB sh looks at its files" },
	{ "unshare", .instead = "no replacement: davit runs as root" },
	{ "untag", .instead = "davit image rm NAME:TAG takes a name away" },
};

const char *command_elsewhere(const char *word, bool *ret_ours)
{
	for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
		if (strcmp(word, elsewhere[i].docker) == 0) {
			*ret_ours = elsewhere[i].ours != NULL;
			return elsewhere[i].ours ? elsewhere[i].ours : elsewhere[i].instead;
		}
	return NULL;
}

static int unknown_command(const struct command *const *list, const char *group, const char *name, struct err *err)
{
	const char *all[64] = { NULL }, *near = NULL, *instead = NULL, *space = group ? " " : "";
	bool ours = false;
	size_t n = 0;
	int r;

	group = group ? group : "";
	instead = *group ? NULL : command_elsewhere(name, &ours);
	if (ours)
		near = instead;
	for (; list && list[n] && n < sizeof all / sizeof *all; n++)
		all[n] = list[n]->name;
	if (!near && !instead)
		near = name_nearest(name, all, n);
	if (near)
		return err_set(err, ERR_NOT_FOUND, "unknown command %s%s%s: did you mean %s%s%s?", group, space, name, group, space,
			       near);
	r = err_set(err, ERR_NOT_FOUND, "unknown command %s%s%s", group, space, name);
	return instead ? err_hint(err, r, "%s", instead)
		       : err_hint(err, r, "davit help%s%s lists the commands", list ? space : "", list ? group : "");
}

int command_find(const struct command *const *list, const char *group, const char *name, const struct command **ret,
		 struct err *err)
{
	for (size_t i = 0; list && list[i]; i++)
		if (strcmp(list[i]->name, name) == 0) {
			*ret = list[i];
			return 0;
		}
	return unknown_command(list, group, name, err);
}

char *command_path(const struct command *cmd)
{
	return mem_printf("%s%s%s", cmd->group ? cmd->group : "", cmd->group ? " " : "", cmd->name);
}

struct opt *command_opts(const struct command *cmd)
{
	size_t n = 0;

	if (cmd->make_opts)
		return cmd->make_opts();
	while (cmd->opts && cmd->opts[n].name)
		n++;
	return n ? mem_dup(cmd->opts, (n + 1) * sizeof *cmd->opts) : mem_new(struct opt);
}

int command_parse(const struct command *cmd, void *global, char *const *argv, size_t i, void *opts, struct strv *args,
		  struct err *err)
{
	_cleanup_free_ struct opt *made = cmd->make_opts ? cmd->make_opts() : NULL;
	const struct opt_table tables[] = { { .opts = made ? made : cmd->opts, .into = opts, .seen = cmd->seen },
					    { global_opts, global, .behind = true } };
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
