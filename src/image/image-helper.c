/* davit-image is to davit what git-remote-https is to git: what needs large libraries runs beside us, only when it must. */
#include "image.h"
#include "mem.h"
#include "self.h"
#include <string.h>

enum { OUTPUT_MAX = 1 << 20, CLEANUP_MS = 5000 };

static void add_option(struct strv *argv, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	strv_push(argv, name);
	strv_push(argv, value);
}

static void add_credentials(const struct image_helper *h, struct strv *argv)
{
	add_option(argv, "--authfile", h->authfile);
	add_option(argv, "--helper", h->credential_helper);
	if (h->no_authfile)
		strv_push(argv, "--no-authfile");
	if (h->username)
		strv_push(argv, "--login");
}

static bool talks_to_registries(const char *verb)
{
	static const char *const verbs[] = { "pull", "push", "login", "logout" };

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verb, verbs[i]) == 0)
			return true;
	return false;
}

static void make_argv(const struct image_helper *h, const char *verb, const struct strv *args, struct strv *argv)
{
	strv_push(argv, "davit-image");
	strv_push(argv, verb);
	add_option(argv, "--address", h->address);
	add_option(argv, "--namespace", h->ns);
	add_option(argv, "--snapshotter", h->snapshotter);
	add_option(argv, "--platform", h->platform);
	add_option(argv, "--lease", h->lease);
	add_option(argv, "--mark", h->mark);
	if (talks_to_registries(verb))
		add_credentials(h, argv);
	if (h->json_progress)
		add_option(argv, "--progress", "json");
	else if (h->plain_progress)
		add_option(argv, "--progress", "plain");
	if (h->quiet)
		strv_push(argv, "--quiet");
	if (h->debug)
		strv_push(argv, "--debug");
	if (args)
		strv_add(argv, args);
}

static enum errc code_named(const char *name)
{
	for (int c = ERR_CANCELLED; name && c <= ERR_UNAUTHENTICATED; c++)
		if (strcmp(name, err_name((enum errc)c)) == 0)
			return (enum errc)c;
	return ERR_UNKNOWN;
}

static int its_error(json *e, struct err *err)
{
	const char *message = json_get_str(e, "message"), *hint = json_get_str(e, "hint");
	int r = err_set(err, code_named(json_get_str(e, "code")), "%s", message ? message : "unknown error");

	return hint ? err_hint(err, r, "%s", hint) : r;
}

/* The last line that it printed is its answer. */
static int its_answer(struct child *c, int status, json **ret, struct err *err)
{
	_cleanup_json_ json *j = NULL;
	struct buf *out = child_out(c);
	const char *line = buf_str(out), *newline;
	char how[64];

	while (out->len && out->data[out->len - 1] == '\n')
		buf_cut(out, out->len - 1);
	newline = out->len ? strrchr(out->data, '\n') : NULL;
	line = newline ? newline + 1 : buf_str(out);
	if (json_parse(line, strlen(line), &j, NULL) < 0 || !json_object_is_type(j, json_type_object) ||
	    (status == 0) == (json_get(j, "error") != NULL))
		return err_set(err, ERR_INTERNAL, "davit-image gave no answer: %s", child_describe(status, how));
	if (json_get_object(j, "error"))
		return its_error(json_get_object(j, "error"), err);
	*ret = TAKE_PTR(j);
	return 0;
}

/* What it must know and no command line may show. */
static void write_login(const struct image_helper *h, struct buf *out)
{
	_cleanup_json_ json *j = json_new_object();

	json_put_str(j, "username", h->username);
	json_put_str(j, "password", h->password ? h->password : "");
	json_write(j, out);
}

int image_helper_begin(struct loop *l, const struct image_helper *h, const char *verb, const struct strv *args, struct child **ret,
		       struct err *err)
{
	_cleanup_strv_ struct strv argv = { 0 };
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf login = { 0 };
	struct child_spec spec = { .out_max = OUTPUT_MAX,
				   .err_max = OUTPUT_MAX,
				   .inherit_err = !h->keep_err,
				   .inherit_in = !h->username && !h->keep_err,
				   .ended = h->ended,
				   .arg = h->arg };
	int r = self_find("davit-image", &path, err);

	if (r < 0)
		return r;
	make_argv(h, verb, args, &argv);
	if (h->username) {
		write_login(h, &login);
		spec.input = buf_str(&login);
		spec.input_len = login.len;
	}
	spec.hold_fd = h->out_fd;
	spec.also_fd = h->root_fd;
	spec.path = path;
	spec.argv = strv_argv(&argv);
	return child_start(l, &spec, ret, err);
}

/* It leaves what can be resumed in order. A second signal would end it at once. */
void image_helper_stop_begin(struct child *c)
{
	if (c)
		child_kill(c, SIGINT);
}

void image_helper_stop_end(struct child *c)
{
	struct ctx cleanup = ctx_within(NULL, CLEANUP_MS);

	if (!c)
		return;
	(void)child_wait(c, &cleanup, NULL);
	child_free(c);
}

void image_helper_stop(struct child *c)
{
	image_helper_stop_begin(c);
	image_helper_stop_end(c);
}

int image_helper_end(struct child *c, const struct ctx *ctx, json **ret, struct err *err)
{
	int r = child_wait(c, ctx, err);

	if (r < 0) { /* interrupted, or too late */
		image_helper_stop(c);
		return r;
	}
	r = its_answer(c, r, ret, err);
	child_free(c);
	return r;
}

int image_helper_run(struct loop *l, const struct image_helper *h, const char *verb, const struct strv *args, const struct ctx *ctx,
		     json **ret, struct err *err)
{
	struct child *c;
	int r = image_helper_begin(l, h, verb, args, &c, err);

	return r < 0 ? r : image_helper_end(c, ctx, ret, err);
}
