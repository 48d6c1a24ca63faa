/* davit-image: fetches, reads and unpacks images for davit. See --help. */
#include "args.h"
#include "commit.h"
#include "export.h"
#include "extract.h"
#include "import.h"
#include "load.h"
#include "log.h"
#include "mem.h"
#include "pull.h"
#include "push.h"
#include "sign-in.h"
#include "image-record.h"
#include "output.h"
#include "ref.h"
#include "save.h"
#include <string.h>
#include <sys/eventfd.h>

enum { ROOT_FD = 4 };

static struct cancel cancel = { .fd = -1 };

static void on_stop_signal(int sig)
{
	static const uint64_t one = 1;
	int e = errno;

	cancel.on = sig;
	(void)!write(cancel.fd, &one, sizeof one);
	errno = e;
}

static int catch_signals(struct err *err)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = on_stop_signal }, ignore = { .sa_handler = SIG_IGN };

	cancel.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (cancel.fd < 0)
		return err_sys(err, errno, "eventfd");
	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		(void)sigaction(caught[i], &sa, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGXFSZ, &ignore, NULL);
	return 0;
}

static struct registry_way way_of(const struct args *a)
{
	return (struct registry_way){ .hosts_dir = a->hosts_dir, .insecure = a->insecure };
}

static int run_pull(struct session *s, const struct args *a, json *images, struct err *err)
{
	_cleanup_(login_done) struct login login = { .file = a->authfile, .helper = a->helper, .no_file = a->no_authfile };
	const struct registry_way way = way_of(a);
	int r = a->login ? login_read(STDIN_FILENO, &login, err) : 0;

	return r < 0 ? r : pull_image(s, a->rest.v[0], &login, &way, images, err);
}

static int run_push(struct session *s, const struct args *a, json *images, struct err *err)
{
	_cleanup_(login_done) struct login login = { .file = a->authfile, .helper = a->helper, .no_file = a->no_authfile };
	const struct push_spec spec = {
		.image = a->rest.v[0],
		.target = a->rest.n > 1 ? a->rest.v[1] : NULL,
		.all_platforms = a->all_platforms,
		.login = &login,
		.way = way_of(a),
	};
	int r = a->login ? login_read(STDIN_FILENO, &login, err) : 0;

	return r < 0 ? r : push_image(s, &spec, images, err);
}

static int run_login(struct session *s, const struct args *a, json *images, struct err *err)
{
	_cleanup_(login_done) struct login login = { .file = a->authfile, .no_file = true };
	const struct registry_way way = way_of(a);
	json *result = json_new_object();
	int r = a->login ? login_read(STDIN_FILENO, &login, err) : err_set(err, ERR_INVALID, "login: --login is missing");

	json_append(images, result);
	return r < 0 ? r : sign_in(s, a->rest.v[0], &login, &way, result, err);
}

static int run_logout(struct session *s, const struct args *a, json *images, struct err *err)
{
	json *result = json_new_object();

	json_append(images, result);
	if (!a->rest.n && !a->all)
		return err_set(err, ERR_INVALID, "logout: a registry is missing, or --all");
	return sign_out(s, a->all ? NULL : a->rest.v[0], a->authfile, result, err);
}

static int run_unpack(struct session *s, const struct args *a, json *images, struct err *err)
{
	_cleanup_(ref_done) struct ref ref = { 0 };
	int r = ref_parse(a->rest.v[0], &ref, err);

	return r < 0 ? r : image_record_unpack(s, ref.name, images, err);
}

static int run_load(struct session *s, const struct args *a, json *images, struct err *err)
{
	_cleanup_(ref_done) struct ref only = { 0 };
	int r = a->only ? ref_parse(a->only, &only, err) : 0;

	return r < 0 ? r : load_images(s, a->input, only.name, images, err);
}

static int run_import(struct session *s, const struct args *a, json *images, struct err *err)
{
	struct import_spec spec = {
		.file = a->rest.v[0],
		.name = a->rest.v[1],
		.cmd = a->cmd,
		.entrypoint = a->entrypoint,
		.env = a->env,
		.expose = a->expose,
		.label = a->label,
		.workdir = a->workdir,
		.user = a->user,
	};

	return import_image(s, &spec, images, err);
}

/* --output FILE, or a descriptor that whoever started us has opened. */
static int open_output(const struct args *a, const struct ctx *ctx, struct output *ret, struct err *err)
{
	size_t n = a->output_fd ? strspn(a->output_fd, "0123456789") : 0;

	if (!a->output && (!n || n > 5 || a->output_fd[n]))
		return err_set(err, ERR_INVALID, "%s: --output or --output-fd is missing", a->verb);
	return output_open(ret, a->output, a->output ? -1 : (int)strtol(a->output_fd, NULL, 10), ctx, err);
}

static int run_save(struct session *s, const struct args *a, json *images, struct err *err)
{
	_cleanup_(output_done) struct output out = { .fd = -1 };
	int r = open_output(a, &s->ctx, &out, err);

	if (r == 0)
		r = save_images(s, &a->rest, &out, images, err);
	return r < 0 ? r : output_commit(&out, err);
}

static int read_ids(const struct args *a, struct idmap *ret, struct err *err)
{
	if (a->ids && sscanf(a->ids, "%u:%u:%u", &ret->uid, &ret->gid, &ret->n) != 3)
		return err_set(err, ERR_INVALID, "--ids %.80s: not UID:GID:N", a->ids);
	return 0;
}

/* davit hands the tree over as an open folder (image.h: root_fd). */
static int run_export(struct session *s, const struct args *a, json *images, struct err *err)
{
	_cleanup_(output_done) struct output out = { .fd = -1 };
	struct idmap ids = { 0 };
	int r = read_ids(a, &ids, err);

	(void)images;
	if (r == 0)
		r = open_output(a, &s->ctx, &out, err);
	if (r == 0)
		r = export_tree(ROOT_FD, a->base, &ids, &s->ctx, &out, err);
	return r < 0 ? r : output_commit(&out, err);
}

static int run_extract(struct session *s, const struct args *a, json *images, struct err *err)
{
	struct idmap ids = { 0 };
	int r = read_ids(a, &ids, err);

	(void)images;
	return r < 0 ? r : extract_tar(a->rest.v[0], ROOT_FD, a->rest.v[1], &ids, &s->ctx, err);
}

static int run_commit(struct session *s, const struct args *a, json *images, struct err *err)
{
	struct commit_spec spec = { .name = a->rest.v[0],
				    .base = a->base,
				    .key = a->key,
				    .freeze = a->freeze,
				    .freeze_pid = a->freeze_pid ? (int)strtol(a->freeze_pid, NULL, 10) : 0,
				    .author = a->author,
				    .message = a->message,
				    .change = a->change };

	if (!spec.base || !spec.key)
		return err_set(err, ERR_INVALID, "commit: --base or --key is missing");
	return commit_image(s, &spec, images, err);
}

static const struct {
	const char *name;
	int (*run)(struct session *, const struct args *, json *images, struct err *err);
	bool alone; /* without containerd */
} verbs[] = {
	{ "pull", run_pull, false },       { "push", run_push, false },     { "login", run_login, true },
	{ "logout", run_logout, true },    { "unpack", run_unpack, false }, { "load", run_load, false },
	{ "import", run_import, false },   { "save", run_save, false },     { "export", run_export, false },
	{ "extract", run_extract, false }, { "commit", run_commit, false },
};

static int choose_progress(const struct args *a, enum progress_mode *ret, struct err *err)
{
	static const struct {
		const char *name;
		enum progress_mode mode;
	} modes[] = {
		{ "json", PROGRESS_JSON },
		{ "plain", PROGRESS_PLAIN },
		{ "tty", PROGRESS_TTY },
	};
	const char *term = getenv("TERM");
	bool bars = isatty(2) && term && strcmp(term, "dumb") != 0;

	*ret = a->quiet ? PROGRESS_QUIET : bars ? PROGRESS_TTY : PROGRESS_PLAIN;
	if (a->quiet || !a->progress)
		return 0;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (strcmp(a->progress, modes[i].name) == 0) {
			*ret = modes[i].mode;
			return 0;
		}
	return err_set(err, ERR_INVALID, "option --progress: \"%.40s\" is not json, plain or tty", a->progress);
}

static int run_verb(const struct args *a, struct progress *progress, json *images, struct err *err)
{
	_cleanup_(session_close) struct session s = { .progress = progress };
	struct session_spec spec = {
		.address = a->address,
		.ns = a->ns,
		.snapshotter = a->snapshotter,
		.platform = a->platform,
		.lease = a->lease,
		.own_lease = a->own_lease,
		.mark = &a->mark,
	};
	struct ctx ctx = { .cancel = &cancel };
	size_t i = 0;
	int r = 0;

	while (strcmp(a->verb, verbs[i].name) != 0) /* args.c knows the same ones */
		i++;
	if (verbs[i].alone)
		session_open_alone(&s, &ctx);
	else
		r = session_open(&s, &spec, &ctx, err);
	return r < 0 ? r : verbs[i].run(&s, a, images, err);
}

static int run_operation(const struct args *a, json *images, struct err *err)
{
	enum progress_mode mode;
	struct progress *progress;
	int r = choose_progress(a, &mode, err);

	if (r == 0)
		r = catch_signals(err);
	if (r < 0)
		return r;
	progress = progress_new(mode);
	r = run_verb(a, progress, images, err);
	progress_free(progress);
	if (r < 0 && (strstr(err->msg, "no space left on device") || strstr(err->msg, "No space left on device")))
		(void)err_hint(err, r, "free space below containerd's root folder, then try again");
	return r;
}

static void print_line(json *o)
{
	_cleanup_buf_ struct buf b = { 0 };

	json_write(o, &b);
	(void)printf("%s\n", buf_str(&b));
}

static int report_failure(const struct err *err)
{
	_cleanup_json_ json *o = json_new_object();
	json *e = json_new_object();

	json_put_str(e, "code", err_name(err->code));
	json_put_str(e, "message", err->msg);
	json_put_str(e, "hint", *err->hint ? err->hint : err_remedy(err));
	json_put(o, "error", e);
	print_line(o);
	if (isatty(1))
		(void)fprintf(stderr, "davit-image: %s%s%s%s\n", err->msg, *err->hint ? " (" : "", err->hint,
			      *err->hint ? ")" : "");
	return 1;
}

int main(int argc, char **argv)
{
	_cleanup_(args_done) struct args args = { 0 };
	_cleanup_json_ json *result = json_new_object();
	json *images = json_new_array();
	struct err err = ERR_INIT;

	json_put(result, "images", images);
	if (args_parse(argc, argv, &args, &err) < 0)
		return report_failure(&err);
	log_init(args.debug ? LOG_DEBUG : LOG_WARN, false);
	if (args.help || args.version) {
		_cleanup_free_ char *help = args_help();

		(void)printf("%s", args.help ? help : "davit-image " DAVIT_VERSION "\n");
		return 0;
	}
	if (run_operation(&args, images, &err) < 0)
		return report_failure(&err);
	print_line(result);
	return fflush(stdout) == 0 ? 0 : 1;
}
