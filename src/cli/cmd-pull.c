/* pull, which is also image pull. */
#include "commands.h"
#include "credentials.h"
#include "helper.h"

struct pull_flags {
	bool quiet;
	const char *platform, *hosts_dir, *authfile;
	struct credentials creds;
};

static int set_creds(const struct opt *o, const char *value, void *into, struct err *err)
{
	return credentials_parse(o->name, value, &((struct pull_flags *)into)->creds, err);
}

static void pull_flags_done(void *opts) { credentials_done(&((struct pull_flags *)opts)->creds); }

#define AT(f) .at = offsetof(struct pull_flags, f)
static const struct opt pull_opts[] = {
	{ "quiet", 'q', .help = "No progress", .topic = "Flags", .set = opt_bool, AT(quiet) },
	{ "platform", .arg = "OS/ARCH", .help = "Which image of several; the host's without", .set = opt_string, AT(platform) },
	{ "hosts-dir", .arg = "DIR", .help = "Registries' hosts.toml (/etc/containerd/certs.d)", .words = COMPLETE_FILE,
	  .set = opt_string, AT(hosts_dir) },
	{ "creds", .arg = "USER[:PASSWORD]", .help = "Who pulls it; a password that is missing is asked for", .set = set_creds },
	{ "authfile", .arg = "FILE", .help = "Credentials, instead of ~/.docker/config.json", .words = COMPLETE_FILE,
	  .set = opt_string, AT(authfile) },
	OPT_NOT_HERE("all-tags", 'a', "name each tag that you want"),
	{ 0 },
};
#undef AT

static int pull(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct pull_flags *f = opts;
	_cleanup_strv_ struct strv words = { 0 };
	struct image_helper how = { .platform = f->platform, .quiet = f->quiet, .authfile = f->authfile };
	int r = 0;

	if (f->creds.username && !f->creds.password)
		r = credentials_ask(cli, f->creds.username, &f->creds.password, err);
	if (r < 0)
		return r;
	how.username = f->creds.username;
	how.password = f->creds.password;
	if (f->hosts_dir)
		strv_pushf(&words, "--hosts-dir=%s", f->hosts_dir);
	strv_add(&words, args);
	return helper_run(cli, "pull", &how, &words, err);
}

#define PULL \
	.name = "pull", .usage = "[FLAGS] IMAGE", .summary = "Fetch an image from its registry", .opts = pull_opts, .min = 1, \
	.max = 1, \
	.text = "redis:7 is docker.io/library/redis:7. Credentials are Docker's (~/.docker/config.json), mirrors and\n" \
		"certificates containerd's (hosts.toml). An interrupted pull goes on where it was.", \
	.examples = "  davit pull redis:7\n  davit pull --platform linux/arm64 localhost:5000/app@sha256:...", \
	.size = sizeof(struct pull_flags), .done = pull_flags_done, .run = pull
const struct command cmd_pull = { PULL };
const struct command image_pull = { .group = "image", PULL };
