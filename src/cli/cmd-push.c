/* push, which is also image push. */
#include "commands.h"
#include "credentials.h"
#include "format.h"
#include "helper.h"
#include "listing.h"
#include "ref.h"

struct push_flags {
	bool quiet, insecure, all_platforms;
	const char *platform, *hosts_dir, *authfile, *format;
	struct credentials creds;
};

static int set_push_creds(const struct opt *o, const char *value, void *into, struct err *err)
{
	return credentials_parse(o->name, value, &((struct push_flags *)into)->creds, err);
}

static void push_flags_init(void *opts) { ((struct push_flags *)opts)->format = "text"; }

static void push_flags_done(void *opts) { credentials_done(&((struct push_flags *)opts)->creds); }

#define AT(f) .at = offsetof(struct push_flags, f)
static const struct opt push_opts[] = {
	{ "quiet", 'q', .help = "No progress", .topic = "Flags", .set = opt_bool, AT(quiet) },
	{ "platform", .arg = "OS/ARCH", .help = "This one alone of several", .set = opt_string, AT(platform) },
	{ "all-platforms", .help = "All of them, or nothing where one is not here", .set = opt_bool, AT(all_platforms) },
	{ "format", .arg = "text|json|TEMPLATE", .help = "How the result is printed", .set = opt_string, AT(format) },
	{ "hosts-dir", .arg = "DIR", .help = "Registries' hosts.toml (/etc/containerd/certs.d)", .words = COMPLETE_FILE,
	  .set = opt_string, AT(hosts_dir) },
	{ "insecure", .help = "Take any certificate, and http where there is no TLS", .set = opt_bool, AT(insecure) },
	{ "creds", .arg = "USER[:PASSWORD]", .help = "Who pushes it; a password that is missing is asked for",
	  .set = set_push_creds },
	{ "authfile", .arg = "FILE", .help = "Credentials, instead of ~/.docker/config.json", .words = COMPLETE_FILE,
	  .set = opt_string, AT(authfile) },
	OPT_NOT_HERE("all-tags", 'a', "name each tag that you want"),
	OPT_NOT_HERE("disable-content-trust", 0, "davit signs nothing"),
	{ 0 },
};
#undef AT

/* Where the image can be had from now on: as a reference that davit run takes. */
static int push_print(struct cli *cli, const struct push_flags *f, json *o, struct err *err)
{
	_cleanup_(listing_done) struct listing l = { 0 };
	const char *digest = json_get_str(o, "digest");
	int r;

	if (!strcmp(f->format, "json"))
		return cli_out_json(cli, o, err);
	if (!format_is_template(f->format))
		return cli_outf(cli, err, "%s@%s\n", ref_familiar(json_get_str(o, "name")), digest ? digest : "");
	r = listing_open(&l, f->format, listing_fields("name digest size platform"), err);
	if (r >= 0)
		r = listing_add(&l, cli, o, err);
	return r < 0 ? r : listing_close(&l, cli, true, err);
}

static int push_check(const struct push_flags *f, struct err *err)
{
	if (f->all_platforms && f->platform)
		return err_set(err, ERR_INVALID, "push: --platform and --all-platforms are two answers to one question");
	if (strcmp(f->format, "text") != 0 && strcmp(f->format, "json") != 0 && !format_is_template(f->format))
		return err_set(err, ERR_INVALID, "flag --format: \"%.40s\" is not text, json or a template", f->format);
	return 0;
}

static int push_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct push_flags *f = opts;
	_cleanup_strv_ struct strv words = { 0 };
	_cleanup_json_ json *result = NULL;
	struct image_helper how = { .platform = f->platform, .quiet = f->quiet, .authfile = f->authfile };
	json *pushed;
	int r = push_check(f, err);

	if (r == 0 && f->creds.username && !f->creds.password)
		r = credentials_ask(cli, f->creds.username, &f->creds.password, err);
	if (r < 0)
		return r;
	how.username = f->creds.username;
	how.password = f->creds.password;
	if (f->hosts_dir)
		strv_pushf(&words, "--hosts-dir=%s", f->hosts_dir);
	if (f->insecure)
		strv_push(&words, "--insecure");
	if (f->all_platforms)
		strv_push(&words, "--all-platforms");
	strv_push(&words, "--");
	strv_add(&words, args);
	r = helper_run_result(cli, "push", &how, &words, &result, err);
	if (r < 0)
		return r;
	pushed = json_at(json_get_array(result, "images"), 0);
	if (json_get_str(pushed, "platform") && !f->platform)
		cli_notice(cli, "only %s of the image is here: it alone was pushed", json_get_str(pushed, "platform"));
	return push_print(cli, f, pushed, err);
}

#define PUSH \
	.name = "push", .usage = "[FLAGS] IMAGE [TARGET]", .summary = "Send an image to a registry", .opts = push_opts, .min = 1, \
	.max = 2, .words = COMPLETE_IMAGE, \
	.text = "It goes to the registry that its name says, or to TARGET, which is another name. What the registry has already " \
		"is\n" \
		"not sent again. Of an image for several platforms all go where all are here, else the host's alone, which is " \
		"said.\n" \
		"Credentials are Docker's (davit login), certificates and mirrors containerd's (hosts.toml). The name with the " \
		"digest\n" \
		"is printed.", \
	.examples = "  davit push registry.example/team/app:1\n  davit push app:1 localhost:5000/app:1", \
	.size = sizeof(struct push_flags), .init = push_flags_init, .done = push_flags_done, .run = push_run
const struct command cmd_push = { PUSH };
const struct command image_push = { .group = "image", PUSH };
