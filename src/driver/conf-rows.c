#include "conf-rows.h"
#include "cap.h"
#include "mem.h"
#include <ctype.h>
#include <string.h>

/* ---- credentials */

/* "ecr-login" or "docker-credential-ecr-login": it is looked for in PATH, and is no path itself. */
static int auth_helper(const struct node *n, void *into, struct err *err)
{
	static const char prefix[] = "docker-credential-";
	struct conf_auth *a = into;
	const char *text = "";
	int r = option_text(n, &text, err);

	if (r < 0 || !*text)
		return r;
	if (!strncmp(text, prefix, sizeof prefix - 1))
		text += sizeof prefix - 1;
	if (!*text || strchr(text, '/') || strlen(text) > 200)
		return err_set(err, ERR_INVALID, "\"%.80s\": it is what follows docker-credential- in a program's name", text);
	free(a->helper);
	a->helper = mem_strdup(text);
	return 0;
}

/* What certificates are good is the host's to say, for all tasks. */
static int auth_tls_verify(const struct node *n, void *into, struct err *err)
{
	bool yes = true;
	int r = option_bool(n, &yes, err);

	(void)into;
	return r < 0 || yes ? r
			    : err_hint(err, err_set(err, ERR_INVALID, "a task cannot have the registry's certificate passed over"),
				       "the registry's hosts.toml in /etc/containerd/certs.d: skip_verify = true");
}

#define AT(field) offsetof(struct conf_auth, field)
const struct option conf_auth_rows[] = {
	{ "username", OPTION_TEXT, .from = OPTION_ALL, .at = AT(username), .doc = "of the registry" },
	{ "password", OPTION_TEXT, .from = OPTION_ALL, .at = AT(password), .doc = "its password; it is kept nowhere" },
	{ "email", OPTION_TEXT, OPTION_MAPPED, FROM_DOCKER, .at = OPTION_NOWHERE,
	  .doc = "nothing is made of it: no registry asks for it" },
	{ "server_address", OPTION_TEXT, .from = FROM_DOCKER, .at = AT(server), .otherwise = "the image's registry",
	  .doc = "whose they are: they go nowhere else" },
	{ "config", OPTION_TEXT, .from = OPTION_D_P, .at = AT(config), .doc = "a file of the form of Docker's config.json" },
	{ "helper", OPTION_TEXT, .from = OPTION_D_P, .at = AT(helper), .read = auth_helper,
	  .doc = "`NAME` of the program `docker-credential-NAME` that knows them" },
	{ "tls_verify", OPTION_BOOL, OPTION_MAPPED, FROM_PODMAN, .at = OPTION_NOWHERE, .read = auth_tls_verify,
	  .otherwise = "`true`", .doc = "`false` is an error: the registry's `hosts.toml` says `skip_verify`" },
	{ .name = NULL },
};
#undef AT

int conf_auth_check(const struct conf_auth *a, struct err *err)
{
	if (!a->username != !a->password)
		return err_set(err, ERR_INVALID, "option auth: %s",
			       a->username ? "username without password" : "password without username");
	if (a->username && (a->config || a->helper))
		return err_set(err, ERR_INVALID, "option auth: either username and password, or %s",
			       a->config ? "config" : "helper");
	return 0;
}

/* ---- logs */

static int logging_kind(const struct node *n, void *into, struct err *err)
{
	static const struct {
		const char *name;
		enum conf_logging kind;
	} kinds[] = {
		{ "nomad", LOGGING_NOMAD }, { "json-file", LOGGING_NOMAD }, { "local", LOGGING_NOMAD }, { "none", LOGGING_NONE }
	};
	const char *text = "";
	int r = option_text(n, &text, err);

	for (size_t i = 0; r >= 0 && *text && i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(text, kinds[i].name)) {
			*(enum conf_logging *)into = kinds[i].kind;
			return 0;
		}
	return r < 0 || !*text
		       ? r
		       : err_hint(err,
				  err_set(err, ERR_INVALID, "\"%.80s\": what a task writes goes to Nomad's logs or nowhere", text),
				  "nomad (or json-file, local), none");
}

#define LOGGING_KIND_DOC "`nomad`, `json-file`, `local`: Nomad's logs; `none`: nowhere; others are refused"
#define LOGGING_REST_DOC "nothing is made of it: Nomad's `logs` block says how many files and how large"
const struct option conf_logging_rows[] = {
	{ "type", OPTION_TEXT, .from = FROM_DOCKER, .at = OPTION_NOWHERE, .read = logging_kind, .otherwise = "`nomad`",
	  .doc = LOGGING_KIND_DOC },
	{ "driver", OPTION_TEXT, .from = OPTION_D_P, .at = OPTION_NOWHERE, .read = logging_kind, .otherwise = "`nomad`",
	  .doc = LOGGING_KIND_DOC },
	{ "config", OPTION_DICT, OPTION_MAPPED, FROM_DOCKER, .at = OPTION_NOWHERE, .doc = LOGGING_REST_DOC },
	{ "options", OPTION_DICT, OPTION_MAPPED, FROM_PODMAN, .at = OPTION_NOWHERE, .doc = LOGGING_REST_DOC },
	{ .name = NULL },
};

/* ---- capabilities */

int conf_cap(const struct node *n, void *into, struct err *err)
{
	_cleanup_free_ char *name = NULL;
	const char *text = "";
	uint64_t bits = 0;
	int r = option_text(n, &text, err);

	if (r >= 0)
		r = cap_parse(text, &bits, err);
	if (r < 0)
		return r;
	name = mem_printf("%s%s", !strcasecmp(text, "all") || !strncasecmp(text, "cap_", 4) ? "" : "CAP_", text);
	for (char *c = name; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	strv_push(into, name);
	return 0;
}

int conf_caps(const struct node *n, struct strv *into, struct err *err)
{
	strv_done(into);
	return option_each(n, conf_cap, into, err);
}
