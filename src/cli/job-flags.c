/* Most flags are rows of the job's tables (job-table.h); here stands what is the client's own. */
#include "job-flags.h"
#include "docker-flags.h"
#include "interrupt.h"
#include "job-table.h"
#include "mem.h"
#include "parse.h"
#include <string.h>

#define AT(f) .at = offsetof(struct job_flags, f)

static int flag_env_file(const struct opt *o, const char *v, void *into, struct err *err)
{
	const struct ctx ctx = interrupt_ctx();

	(void)o;
	return parse_env_file(v, environ, &ctx, &((struct job_flags *)into)->env, err);
}

static int flag_label_file(const struct opt *o, const char *v, void *into, struct err *err)
{
	const struct ctx ctx = interrupt_ctx();

	(void)o;
	return parse_label_file(v, &ctx, &((struct job_flags *)into)->labels, err);
}

static int flag_ignored(const struct opt *o, const char *v, void *into, struct err *err)
{
	bool ignored;

	(void)into;
	return opt_to_bool(o, v, &ignored, err);
}

/* A row of the job's or of its task's table. */
static int flag_field(const struct opt *o, const char *v, void *into, struct err *err)
{
	struct job_flags *flags = into;
	const struct field *f = o->row;
	const struct text_in in = { .cwd = flags->cwd, .env = environ };

	const struct shape *s = NULL;
	void *obj = shape_owner(&job_shape, flags->job, f, &s);

	if (!obj)
		obj = shape_owner(&task_shape, &flags->job->tasks[0], f, &s);
	return field_text(s, f, v, obj, &in, err);
}

/* clang-format off */
#define JOB_OPTS \
	{ "label-file", .arg = "FILE", .help = "Labels, one a line", .topic = "Job", .words = COMPLETE_FILE, \
	  .set = flag_label_file }, \
	{ "cidfile", .arg = "FILE", .help = "Write the job's id, of a file's jobs each, to this new file", .words = COMPLETE_FILE, \
	  .set = opt_string, AT(cidfile) }, \
	{ "quiet", 'q', .help = "No progress of a pull", .set = opt_bool, AT(quiet) }, \
	{ "disable-content-trust", .help = "For Docker's users; digests are what is trusted", .set = flag_ignored, \
	  .hidden = true }, \
	{ "env-file", .arg = "FILE", .help = "Environment variables, one a line", .topic = "Process", .words = COMPLETE_FILE, \
	  .set = flag_env_file }

/* What davit has not. */
#define ELSEWHERE_OPTS \
	DOCKER_ONLY_FLAGS, PODMAN_ONLY_FLAGS

#define PLAN_OPTS \
	{ "dry-run", .help = "Change nothing, print the steps", .topic = "Seeing", .set = opt_bool, AT(dry_run) }, \
	{ "format", .arg = "FORM", .help = "Of --dry-run: text (the steps), json (the job), spec (the OCI spec)", \
	  .words = "text json spec", .set = opt_word, AT(format) }, \
	{ "timing", .help = "Print the milliseconds of each step", .set = opt_bool, AT(timing) }
/* clang-format on */

static const struct opt run_own[] = {
	JOB_OPTS,
	{ "detach", 'd', .help = "In the background; prints the name", .topic = "Foreground", .set = opt_bool, AT(detach),
	  .meant = "background daemon" },
	{ "detach-keys", .arg = "KEYS", .help = "Keys that detach (ctrl-p,ctrl-q)", .set = opt_keys, AT(detach_keys) },
	{ "sig-proxy", .help = "Hand signals on to the process (true)", .set = opt_bool, AT(sig_proxy) },
	PLAN_OPTS,
	FILE_OPTS(from),
	ELSEWHERE_OPTS,
	{ 0 },
};

static const struct opt create_own[] = { JOB_OPTS, PLAN_OPTS, ELSEWHERE_OPTS, { 0 } };

static const char *arg_of(const struct field *f)
{
	if (f->arg || f->type == FIELD_BOOL)
		return f->arg;
	return f->type == FIELD_SIZE ? "SIZE" : "NUMBER";
}

static struct opt opt_of(const struct field *f)
{
	return (struct opt){ .name = f->flag,
			     .letter = f->letter,
			     .also = f->also,
			     .arg = arg_of(f),
			     .help = f->doc,
			     .words = f->offer,
			     .choices = f->offer ? NULL : f->words,
			     .set = flag_field,
			     .row = f,
			     .meant = f->meant };
}

/* By topic, and what is of none of the tables' last: counted first, then put where each topic begins. */
struct opts_made {
	struct opt *v; /* NULL: they are counted */
	opt_fn *live;  /* only rows that are live, and with this setter; NULL: all */
	size_t at[TOPICS + 1];
	bool begun[TOPICS];
};

/* The row @f, or else the client's @own. */
static void opts_add(struct opts_made *m, enum field_topic topic, const struct field *f, const struct opt *own)
{
	size_t *at = &m->at[topic ? topic : TOPICS];

	if (m->v) {
		m->v[*at] = f ? opt_of(f) : *own;
		if (f && m->live)
			m->v[*at].set = m->live;
		if (topic) { /* the first of a topic names it */
			m->v[*at].topic = m->begun[topic] ? NULL : topic_names[topic];
			m->begun[topic] = true;
		}
	}
	++*at;
}

static void opts_of_shape(struct opts_made *m, const struct shape *s)
{
	for (const struct field *f = s->fields; f < s->fields + s->n; f++) {
		if (f->flag && f->topic && (f->live || !m->live))
			opts_add(m, f->topic, f, NULL);
		if (f->key && f->type == FIELD_OBJECT)
			opts_of_shape(m, f->of);
	}
}

static enum field_topic topic_of(const char *name)
{
	int t = TOPICS;

	while (--t > TOPIC_NONE && strcmp(topic_names[t], name) != 0)
		;
	return (enum field_topic)t;
}

static void opts_of_all(struct opts_made *m, const struct opt *own)
{
	enum field_topic is = TOPIC_NONE;

	opts_of_shape(m, &job_shape);
	opts_of_shape(m, &task_shape);
	for (; own->name; own++) {
		if (own->topic)
			is = topic_of(own->topic);
		opts_add(m, is, NULL, own);
	}
}

static struct opt *opts_make(const struct opt *own, opt_fn *live)
{
	struct opts_made m = { .live = live };
	size_t n = 0;

	opts_of_all(&m, own);
	for (size_t t = 0; t <= TOPICS; t++) {
		size_t of_it = m.at[t];

		m.at[t] = n;
		n += of_it;
	}
	m.v = mem_resize(NULL, (n + 1) * sizeof *m.v);
	m.v[n] = (struct opt){ 0 };
	opts_of_all(&m, own);
	return m.v;
}

struct opt *run_opts_make(void) { return opts_make(run_own, NULL); }
struct opt *create_opts_make(void) { return opts_make(create_own, NULL); }
struct opt *live_opts_make(const struct opt *own, opt_fn *set) { return opts_make(own, set); }

void job_flags_init(void *flags)
{
	struct job_flags *f = flags;

	*f = (struct job_flags){ .job = job_new(), .sig_proxy = true, .format = "text", .cwd = getcwd(NULL, 0) };
}

void job_flags_seen(const struct opt *o, void *flags)
{
	static const char words[] = " " JOB_FLAGS_BESIDE_FILE " --file ";
	_cleanup_free_ char *word = mem_printf(" --%s ", o->name);
	struct job_flags *f = flags;

	if (!f->not_beside && !strstr(words, word))
		f->not_beside = o->name;
}

void file_flags_done(struct file_flags *f)
{
	strv_done(&f->vars);
	strv_done(&f->var_files);
	strv_done(&f->host_volumes);
}

void job_flags_done(void *flags)
{
	struct job_flags *f = flags;

	job_free(f->job);
	file_flags_done(&f->from);
	strv_done(&f->env);
	dict_done(&f->labels);
	free(f->cwd);
}

int job_flags_args(struct job_flags *f, const struct strv *args, struct err *err)
{
	struct task *t = &f->job->tasks[0];

	if (!t->bundle && (!args->n || !*args->v[0]))
		return err_hint(err, err_set(err, ERR_INVALID, "image \"\": the name is empty"), "is a shell's variable not set?");
	strv_setenvs(&f->env, &t->env);
	strv_done(&t->env);
	strv_add(&t->env, &f->env);
	dict_add(&f->labels, &f->job->labels);
	dict_add(&f->job->labels, &f->labels);
	free(t->image);
	t->image = t->bundle ? NULL : mem_strdup(args->v[0]);
	for (size_t i = t->bundle ? 0 : 1; i < args->n; i++)
		strv_push(&t->args, args->v[i]);
	return 0;
}
