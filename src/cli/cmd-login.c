/* login and logout: credentials of registries, in Docker's configuration. */
#include "commands.h"
#include "credentials.h"
#include "helper.h"
#include "mem.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_MAX = 64 << 10 };
#define HUB "docker.io"

struct login_flags {
	const char *username, *password, *authfile, *hosts_dir;
	bool stdin_, insecure;
};

#define AT(f) .at = offsetof(struct login_flags, f)
static const struct opt login_opts[] = {
	{ "username", 'u', .arg = "USER", .help = "Who logs in; asked for without", .topic = "Flags", .set = opt_string,
	  AT(username) },
	{ "password-stdin", .help = "The password is what standard input has", .set = opt_bool, AT(stdin_) },
	{ "password", 'p', .arg = "PASSWORD", .help = "The password, which every process of this machine then sees",
	  .set = opt_string, AT(password) },
	{ "authfile", .arg = "FILE", .help = "Where it is kept, instead of ~/.docker/config.json", .words = COMPLETE_FILE,
	  .set = opt_string, AT(authfile) },
	{ "hosts-dir", .arg = "DIR", .help = "Registries' hosts.toml (/etc/containerd/certs.d)", .words = COMPLETE_FILE,
	  .set = opt_string, AT(hosts_dir) },
	{ "insecure", .help = "Take any certificate, and http where there is no TLS", .set = opt_bool, AT(insecure) },
	{ 0 },
};
#undef AT

/* All of standard input but the line's end. */
static int password_from_stdin(char **ret, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	char part[4096];
	ssize_t n;

	do {
		n = read(STDIN_FILENO, part, sizeof part);
		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "standard input");
		if (n > 0)
			buf_add(&text, part, (size_t)n);
	} while (n && text.len <= SECRET_MAX);
	explicit_bzero(part, sizeof part);
	while (text.len && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
		buf_cut(&text, text.len - 1);
	if (!text.len || text.len > SECRET_MAX || memchr(text.data, 0, text.len))
		return err_set(err, ERR_INVALID, "login: standard input has no password");
	*ret = mem_strdup(buf_str(&text));
	explicit_bzero(text.data, text.len);
	return 0;
}

static int login_check(const struct login_flags *f, struct err *err)
{
	bool asks = !f->stdin_ && !f->password;

	if (f->stdin_ && f->password)
		return err_set(err, ERR_INVALID, "login: --password and --password-stdin are two answers to one question");
	if (f->stdin_ && !f->username)
		return err_set(err, ERR_INVALID, "login: --password-stdin needs --username");
	if ((asks || !f->username) && !isatty(STDIN_FILENO))
		return err_hint(err, err_set(err, ERR_INVALID, "login: no terminal to ask for user name and password"),
				"davit login -u USER --password-stdin REGISTRY");
	return 0;
}

static int login_credentials(struct cli *cli, const struct login_flags *f, struct credentials *c, struct err *err)
{
	int r = 0;

	if (f->username)
		c->username = mem_strdup(f->username);
	else
		r = credentials_ask_user(cli, &c->username, err);
	if (r == 0 && strchr(c->username, ':'))
		r = err_set(err, ERR_INVALID, "login: a user name has no colon");
	if (r < 0)
		return r;
	if (f->stdin_)
		return password_from_stdin(&c->password, err);
	if (!f->password)
		return credentials_ask(cli, c->username, &c->password, err);
	cli_notice(cli, "a password on the command line is seen by every process of this machine: --password-stdin");
	c->password = mem_strdup(f->password);
	return 0;
}

static int login_say(struct cli *cli, json *o, struct err *err)
{
	const char *helper = json_get_str(o, "helper"), *file = json_get_str(o, "file");

	if (!json_get_bool(o, "wanted", true))
		cli_notice(cli, "%s asks for no login", json_get_str(o, "registry"));
	if (!helper)
		cli_notice(cli, "the password stands unencrypted in %s; credHelpers there names a program that keeps it better",
			   file);
	return cli_outf(cli, err, "Login succeeded\n");
}

static int login(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct login_flags *f = opts;
	_cleanup_(credentials_done) struct credentials c = { 0 };
	_cleanup_strv_ struct strv words = { 0 };
	_cleanup_json_ json *result = NULL;
	int r = login_check(f, err);

	if (r == 0)
		r = login_credentials(cli, f, &c, err);
	if (r < 0)
		return r;
	if (f->hosts_dir)
		strv_pushf(&words, "--hosts-dir=%s", f->hosts_dir);
	if (f->insecure)
		strv_push(&words, "--insecure");
	strv_push(&words, "--");
	strv_push(&words, args->n ? args->v[0] : HUB);
	r = helper_run_alone(cli, "login",
			     &(struct image_helper){ .authfile = f->authfile, .username = c.username, .password = c.password },
			     &words, &result, err);
	explicit_bzero(c.password, strlen(c.password));
	return r < 0 ? r : login_say(cli, json_at(json_get_array(result, "images"), 0), err);
}

const struct command cmd_login = {
	.name = "login",
	.usage = "[FLAGS] [REGISTRY]",
	.summary = "Log in to a registry",
	.text = "The registry is asked whether it takes user name and password, which are then kept where Docker keeps them:\n"
		"$DOCKER_CONFIG/config.json, else ~/.docker/config.json, or the credential helper that it names. pull, push and "
		"run\n"
		"read them there. Without REGISTRY it is Docker Hub.",
	.opts = login_opts,
	.examples =
		"  davit login registry.example\n  pass show registry | davit login -u me --password-stdin registry.example:5000",
	.max = 1,
	.size = sizeof(struct login_flags),
	.run = login,
};

struct logout_flags {
	bool all;
	const char *authfile;
};
static const struct opt logout_opts[] = {
	{ "all", 'a', .help = "Of every registry", .topic = "Flags", .set = opt_bool, .at = offsetof(struct logout_flags, all) },
	{ "authfile", .arg = "FILE", .help = "Where it is kept, instead of ~/.docker/config.json", .words = COMPLETE_FILE,
	  .set = opt_string, .at = offsetof(struct logout_flags, authfile) },
	{ 0 },
};

static int logout(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct logout_flags *f = opts;
	_cleanup_strv_ struct strv words = { 0 };
	_cleanup_json_ json *result = NULL;
	json *gone;
	int r;

	if (f->all && args->n)
		return err_set(err, ERR_INVALID, "logout: --all and a registry are two answers to one question");
	strv_push(&words, f->all ? "--all" : "--");
	if (!f->all)
		strv_push(&words, args->n ? args->v[0] : HUB);
	r = helper_run_alone(cli, "logout", &(struct image_helper){ .authfile = f->authfile }, &words, &result, err);
	gone = r < 0 ? NULL : json_get_array(json_at(json_get_array(result, "images"), 0), "registries");
	for (size_t i = 0; r >= 0 && i < json_len(gone); i++)
		r = cli_outf(cli, err, "%s\n", json_text(json_at(gone, i)));
	if (r >= 0 && !json_len(gone))
		cli_notice(cli, "no login is kept%s%s", f->all ? "" : " for ", f->all ? "" : args->n ? args->v[0] : HUB);
	return r;
}

const struct command cmd_logout = {
	.name = "logout",
	.usage = "[FLAGS] [REGISTRY]",
	.summary = "Forget the login to a registry",
	.text = "Prints the registries whose login was forgotten. Without REGISTRY it is Docker Hub.",
	.opts = logout_opts,
	.examples = "  davit logout registry.example\n  davit logout --all",
	.max = 1,
	.size = sizeof(struct logout_flags),
	.run = logout,
};
