#include "args.h"
#include "buf.h"
#include "ctrd.h"
#include "name.h"
#include "self.h"
#include <stdint.h>
#include <string.h>

enum kind { FLAG, TEXT, LIST };

struct option_row {
	const char *name, *letter;
	enum kind kind;
	size_t at;
	const char *verbs; /* NULL: every verb */
	const char *value, *help;
};

#define AT(field) offsetof(struct args, field)
static const struct option_row options[] = {
	{ "--address", "-a", TEXT, AT(address), NULL, "SOCKET", "containerd's socket" },
	{ "--namespace", "-n", TEXT, AT(ns), NULL, "NAME", "containerd's namespace (davit)" },
	{ "--snapshotter", NULL, TEXT, AT(snapshotter), NULL, "NAME", "what unpacks (the namespace's, or overlayfs)" },
	{ "--platform", NULL, TEXT, AT(platform), NULL, "OS/ARCH[/VARIANT]", "which image of several (the host's)" },
	{ "--lease", NULL, TEXT, AT(lease), NULL, "ID", "keep what is made under this lease" },
	{ "--progress", NULL, TEXT, AT(progress), NULL, "json|plain|tty", "how progress is shown on standard error" },
	{ "--quiet", "-q", FLAG, AT(quiet), NULL, NULL, "show no progress" },
	{ "--debug", NULL, FLAG, AT(debug), NULL, NULL, "log what is done" },
	{ "--help", "-h", FLAG, AT(help), NULL, NULL, "this text" },
	{ "--version", NULL, FLAG, AT(version), NULL, NULL, "the version" },
	{ "--hosts-dir", NULL, TEXT, AT(hosts_dir), "pull push login", "DIR", "registries' hosts.toml (/etc/containerd/certs.d)" },
	{ "--authfile", NULL, TEXT, AT(authfile), "pull push login logout", "FILE", "credentials, as in ~/.docker/config.json" },
	{ "--no-authfile", NULL, FLAG, AT(no_authfile), "pull push", NULL, "no credentials but those that are given here" },
	{ "--helper", NULL, TEXT, AT(helper), "pull push", "NAME",
	  "docker-credential-NAME is asked where the authfile says nothing" },
	{ "--login", NULL, FLAG, AT(login), "pull push login", NULL, "read {\"username\",\"password\"} from standard input" },
	{ "--insecure", NULL, FLAG, AT(insecure), "pull push login", NULL, "take any certificate, and http where there is no TLS" },
	{ "--all-platforms", NULL, FLAG, AT(all_platforms), "push", NULL, "all that an index lists, or nothing" },
	{ "--all", NULL, FLAG, AT(all), "logout", NULL, "of every registry" },
	{ "--input", "-i", TEXT, AT(input), "load", "FILE", "the archive (standard input)" },
	{ "--only", NULL, TEXT, AT(only), "load", "REF", "the image of this name alone" },
	{ "--mark", NULL, LIST, AT(mark), "pull load", "KEY=VALUE", "a label of the record, where there was none of that name" },
	{ "--output", "-o", TEXT, AT(output), "save export", "FILE", "where the archive goes" },
	{ "--output-fd", NULL, TEXT, AT(output_fd), "save export", "FD", "the same as an open descriptor" },
	{ "--base", NULL, TEXT, AT(base), "export commit", "NAME",
	  "of export: the file at descriptor 4 itself, under this name; of commit: the image below" },
	{ "--key", NULL, TEXT, AT(key), "commit", "KEY", "of the snapshot that was written to" },
	{ "--own-lease", NULL, TEXT, AT(own_lease), "commit", "ID", "what our own lease is called, for who ends it in our place" },
	{ "--freeze", NULL, TEXT, AT(freeze), "commit", "ID", "the task that is paused while the layer is made" },
	{ "--freeze-pid", NULL, TEXT, AT(freeze_pid), "commit", "PID",
	  "its first process: both are noted at descriptor 3, a lock, for who finds the task frozen and us gone" },
	{ "--author", NULL, TEXT, AT(author), "commit", "NAME", "who made it" },
	{ "--message", NULL, TEXT, AT(message), "commit", "TEXT", "what it is" },
	{ "--change", NULL, LIST, AT(change), "commit", "INSTRUCTION", "of a Dockerfile, such as CMD" },
	{ "--ids", NULL, TEXT, AT(ids), "export extract", "UID:GID:N", "N owners from these on are 0 and on: of a user namespace" },
	{ "--cmd", NULL, LIST, AT(cmd), "import", "WORDS", "the command: words, or a JSON array" },
	{ "--entrypoint", NULL, LIST, AT(entrypoint), "import", "WORDS", "the entry point: words, or a JSON array" },
	{ "--env", "-e", LIST, AT(env), "import", "NAME=VALUE", "an environment variable" },
	{ "--expose", NULL, LIST, AT(expose), "import", "PORT[/PROTO]", "a port that the image serves" },
	{ "--label", "-l", LIST, AT(label), "import", "KEY=VALUE", "a label" },
	{ "--workdir", "-w", TEXT, AT(workdir), "import", "DIR", "the working directory" },
	{ "--user", "-u", TEXT, AT(user), "import", "USER[:GROUP]", "the user" },
};
enum { N_OPTIONS = sizeof options / sizeof *options };

static const struct {
	const char *verb, *operands, *help;
	size_t min, max;
} verbs[] = {
	{ "pull", "REF", "fetch an image from its registry and unpack it", 1, 1 },
	{ "push", "IMAGE [REF]", "send an image to its registry, or to this one", 1, 2 },
	{ "login", "REGISTRY", "ask whether it takes the login, and keep that", 1, 1 },
	{ "logout", "[REGISTRY]", "forget the login", 0, 1 },
	{ "unpack", "REF", "unpack an image that is there", 1, 1 },
	{ "load", "", "read an OCI or Docker archive (docker save)", 0, 0 },
	{ "save", "REF...", "write images as an archive", 1, SIZE_MAX },
	{ "export", "", "write the tree at descriptor 4 as a tar", 0, 0 },
	{ "extract", "FILE|- FOLDER", "write a tar's files into this folder below descriptor 4", 2, 2 },
	{ "commit", "REF", "make an image of what a snapshot has changed over one", 1, 1 },
	{ "import", "FILE|- REF", "make an image of a root file system's tar", 2, 2 },
};
enum { N_VERBS = sizeof verbs / sizeof *verbs };

void args_done(struct args *a)
{
	strv_done(&a->cmd);
	strv_done(&a->entrypoint);
	strv_done(&a->env);
	strv_done(&a->expose);
	strv_done(&a->label);
	strv_done(&a->mark);
	strv_done(&a->change);
	strv_done(&a->rest);
	*a = (struct args){ 0 };
}

/* "--name", "--name=value" or "-x". */
static const struct option_row *option_find(const char *arg, const char **ret_value)
{
	size_t n = strcspn(arg, "=");

	*ret_value = arg[n] ? arg + n + 1 : NULL;
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct option_row *o = &options[i];

		if ((strlen(o->name) == n && strncmp(arg, o->name, n) == 0) || (o->letter && strcmp(arg, o->letter) == 0))
			return o;
	}
	return NULL;
}

static int args_unknown_option(const char *arg, struct err *err)
{
	const char *names[N_OPTIONS], *near;

	for (size_t i = 0; i < N_OPTIONS; i++)
		names[i] = options[i].name;
	near = name_nearest(arg, names, N_OPTIONS);
	(void)err_set(err, ERR_INVALID, "option %.80s: unknown", arg);
	return near ? err_hint(err, -ERR_INVALID, "did you mean %s?", near)
		    : err_hint(err, -ERR_INVALID, "davit-image --help lists them");
}

static int option_take(struct args *a, const struct option_row *o, const char *value, struct err *err)
{
	char *field = (char *)a + o->at;

	if (o->kind == FLAG) {
		if (value)
			return err_set(err, ERR_INVALID, "option %s takes no value", o->name);
		*(bool *)(void *)field = true;
	} else if (!value) {
		return err_set(err, ERR_INVALID, "option %s needs a value: %s", o->name, o->value);
	} else if (o->kind == TEXT) {
		*(const char **)(void *)field = value;
	} else {
		strv_push((struct strv *)(void *)field, value);
	}
	return 0;
}

static int parse_words(int argc, char **argv, struct args *a, struct err *err)
{
	bool only_operands = false;

	for (int i = 1; i < argc; i++) {
		const char *value;
		const struct option_row *o;
		int r;

		if (only_operands || argv[i][0] != '-' || !argv[i][1]) {
			if (a->verb)
				strv_push(&a->rest, argv[i]);
			else
				a->verb = argv[i];
			continue;
		}
		only_operands = strcmp(argv[i], "--") == 0;
		if (only_operands)
			continue;
		o = option_find(argv[i], &value);
		if (!o)
			return args_unknown_option(argv[i], err);
		if (o->kind != FLAG && !value && i + 1 < argc)
			value = argv[++i];
		r = option_take(a, o, value, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_of(const char *verb, const char *words)
{
	_cleanup_strv_ struct strv list = { 0 };

	strv_split(&list, words, " ");
	return strv_has(&list, verb);
}

/* An option of another verb was given. */
static int check_options(const struct args *a, struct err *err)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct option_row *o = &options[i];
		const char *field = (const char *)a + o->at;
		bool given = o->kind == TEXT   ? *(const char *const *)(const void *)field != NULL
			     : o->kind == LIST ? ((const struct strv *)(const void *)field)->n > 0
			     : o->verbs        ? *(const bool *)(const void *)field
					       : false;

		if (given && o->verbs && !is_of(a->verb, o->verbs))
			return err_set(err, ERR_INVALID, "option %s is one of %s, not of %s", o->name, o->verbs, a->verb);
	}
	return 0;
}

static int check_verb(const struct args *a, struct err *err)
{
	for (size_t i = 0; a->verb && i < N_VERBS; i++) {
		if (strcmp(a->verb, verbs[i].verb) != 0)
			continue;
		if (a->rest.n < verbs[i].min || a->rest.n > verbs[i].max)
			return err_hint(err,
					err_set(err, ERR_INVALID, "%s takes %zu operands%s, not %zu", a->verb, verbs[i].min,
						verbs[i].max > verbs[i].min ? " or more" : "", a->rest.n),
					"davit-image %s [OPTION...] %s", a->verb, verbs[i].operands);
		return check_options(a, err);
	}
	if (!a->verb)
		return err_hint(err, err_set(err, ERR_INVALID, "no verb given"), "davit-image --help lists them");
	return err_hint(err, err_set(err, ERR_INVALID, "verb \"%.40s\": unknown", a->verb), "davit-image --help lists them");
}

int args_parse(int argc, char **argv, struct args *ret, struct err *err)
{
	_cleanup_(args_done) struct args a = { 0 };
	int r = parse_words(argc, argv, &a, err);

	if (r == 0 && !a.help && !a.version)
		r = check_verb(&a, err);
	if (r < 0)
		return r;
	a.address = a.address ? a.address : self_env("CONTAINERD_ADDRESS", CTRD_ADDRESS);
	a.ns = a.ns ? a.ns : self_env("CONTAINERD_NAMESPACE", "davit");
	a.snapshotter = a.snapshotter ? a.snapshotter : self_env("CONTAINERD_SNAPSHOTTER", NULL);
	*ret = TAKE_STRUCT(a);
	return 0;
}

char *args_help(void)
{
	struct buf b = { 0 };

	buf_adds(&b, "davit-image VERB [OPTION...]: what davit starts when an image must be fetched or read.\n"
		     "Its result is one line of JSON on standard output.\n\nVerbs:\n");
	for (size_t i = 0; i < N_VERBS; i++)
		buf_addf(&b, "  %-6s %-12s %s\n", verbs[i].verb, verbs[i].operands, verbs[i].help);
	buf_adds(&b, "\nOptions:\n");
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct option_row *o = &options[i];
		char left[64];

		(void)snprintf(left, sizeof left, "%s%s%s%s%s", o->letter ? o->letter : "", o->letter ? ", " : "    ", o->name,
			       o->value ? " " : "", o->value ? o->value : "");
		buf_addf(&b, "  %-34s %s%s%s%s\n", left, o->help, o->verbs ? " (" : "", o->verbs ? o->verbs : "",
			 o->verbs ? ")" : "");
	}
	return buf_take(&b);
}
