/* Theory of operation: a patient is a task that is checked. Its timer begins a check; when that has ended the log is written, the
 * record where the state is another, and the timer is set again. A monitor that is killed meanwhile is followed by one that reads
 * the log, and ends what was executed by the first: that is seen by the folders of its streams, RUN/NS/ID/exec-health-HEX, which it
 * holds open until then. */
#include "health-watch.h"
#include "clock.h"
#include "exec-clear.h"
#include "exec-family.h"
#include "fifos.h"
#include "file.h"
#include "health-check.h"
#include "health-log.h"
#include "job-name.h"
#include "mem.h"
#include "monitored.h"
#include "runtime-kind.h"
#include <dirent.h>
#include <malloc.h>
#include <string.h>

enum { LABEL_MS = 20000, LEFT_MS = 10000, END_MS = 2000 };

struct patient {
	struct health_watch *of;
	char *id;
	const struct healthcheck *how; /* NULL: it is not checked just now */
	struct job *job;               /* which that is of */
	int64_t started;               /* of this life, wall */
	struct health_log log;
	char told[HEALTH_TEXT]; /* what its record says */
	char telling[HEALTH_TEXT];
	struct timer next;
	struct health_check *check;
	struct ctrd_call *tell;
};

struct health_watch {
	struct core *core;
	struct exec_sessions *sessions;
	struct patient *v;
	size_t n;
	int *held; /* streams of checks that another has begun, until they are cleared away */
	size_t n_held, held_cap;
};

static void patient_plan(struct patient *), patient_postpone(struct patient *);

static void patient_dismiss(struct patient *p)
{
	timer_set(&p->next, 0);
	health_check_free(TAKE_PTR(p->check));
	ctrd_call_free(TAKE_PTR(p->tell));
	health_log_done(&p->log);
	job_free(TAKE_PTR(p->job));
	p->how = NULL;
	p->told[0] = '\0';
}

static void on_health_told(void *arg)
{
	struct patient *p = arg;

	if (containers_set_labels_end(TAKE_PTR(p->tell), NULL, NULL) >= 0)
		memcpy(p->told, p->telling, sizeof p->told);
	(void)malloc_trim(0);
}

/* What did not come through is told after the next check. */
static void patient_tell(struct patient *p)
{
	const struct ctx limit = ctx_within(NULL, LABEL_MS);
	_cleanup_dict_ struct dict labels = { 0 };
	struct core *c = p->of->core;

	if (p->tell) /* what that says is in p->telling until it has come through */
		return;
	(void)health_log_label(&p->log, p->telling);
	if (!p->log.changed || !strcmp(p->telling, p->told))
		return;
	dict_set(&labels, RECORD_HEALTH, p->telling);
	(void)core_reconnect(c, NULL);
	p->tell = containers_set_labels_begin(c->ctrd, p->id, &labels, &limit);
	ctrd_call_notify(p->tell, on_health_told, p);
}

static void on_check_ended(void *arg, const struct health_result *r)
{
	struct patient *p = arg;

	if (r->said == HEALTH_SAYS_NOTHING) {
		patient_postpone(p);
	} else {
		/* what counts is when it began, as Docker has it: it may take longer than the start period lasts */
		const int64_t started = p->started + (r->ended - r->began);

		if (health_count(p->how, r->said == HEALTH_SAYS_YES, started, r->ended, &p->log.health))
			p->log.changed = r->ended;
		health_log_add(&p->log, r->began, r->ended, r->exit_code, r->output);
		(void)health_log_write(p->of->core, p->id, &p->log, NULL);
		patient_tell(p);
		patient_plan(p);
	}
	health_check_free(TAKE_PTR(p->check));
	(void)malloc_trim(0);
}

static void on_check_due(void *arg)
{
	struct patient *p = arg;
	const struct health_check_conf conf = {
		.core = p->of->core, .sessions = p->of->sessions, .id = p->id, .how = p->how, .ended = on_check_ended, .arg = p
	};

	p->check = health_check_new(&conf);
}

/* Nobody could ask: there is no sense in haste. */
static void patient_postpone(struct patient *p) { timer_set(&p->next, clock_mono() + p->how->interval * NSEC_PER_SEC); }

static void patient_plan(struct patient *p)
{
	const int64_t ns = health_pause(p->how, &p->log.health, p->started, clock_wall());

	timer_set(&p->next, clock_mono() + ns);
}

static void patient_end_family(const struct patient *p, const char *exec_id, const struct task_status *leader)
{
	struct exec_family family;

	exec_family_begin(&family, leader->pid);
	family.ended = leader->state == TASK_STOPPED;
	exec_family_kill(&family, p->of->core, p->id, exec_id);
}

/* The next folder of a check's streams, "exec-EXEC_ID"; NULL: there is none. */
static const char *next_left(DIR *dir)
{
	static const char begin[] = "exec-" HEALTH_EXEC;
	const struct dirent *e = dir ? readdir(dir) : NULL;

	while (e && strncmp(e->d_name, begin, sizeof begin - 1) != 0)
		e = readdir(dir);
	return e ? e->d_name : NULL;
}

static void watch_hold(struct health_watch *w, const char *id)
{
	_cleanup_free_ char *path = places_run(w->core, id);
	_cleanup_(closedirp) DIR *dir = opendir(path);

	for (const char *name = next_left(dir); name; name = next_left(dir)) {
		_cleanup_free_ char *folder = mem_printf("%s/%s", path, name);

		w->held = mem_grow(w->held, &w->held_cap, w->n_held + 2, sizeof *w->held);
		fifos_hold(folder, w->held + w->n_held);
		w->n_held += 2;
	}
}

static void watch_release(struct health_watch *w)
{
	for (size_t i = 0; i < w->n_held; i++)
		closep(&w->held[i]);
	w->n_held = 0;
}

/* What a monitor that was killed had begun. @here: its processes are the host's. */
static void patient_clear(struct patient *p, bool here)
{
	struct core *c = p->of->core;
	_cleanup_free_ char *path = places_run(c, p->id);
	_cleanup_(closedirp) DIR *dir = opendir(path);

	for (const char *name = next_left(dir); name; name = next_left(dir)) {
		const char *exec_id = name + strlen("exec-");
		_cleanup_free_ char *folder = mem_printf("%s/%s", path, name);
		const struct ctx limit = ctx_within(NULL, LEFT_MS);
		struct task_status t = { 0 };

		if (here && task_look_process(c, p->id, exec_id, &limit, &t, NULL) >= 0 && t.state != TASK_ABSENT && t.pid > 0)
			patient_end_family(p, exec_id, &t);
		exec_clear(c, p->id, exec_id, EXEC_CLEAR_KILL, LEFT_MS);
		(void)file_remove_tree(folder, NULL);
	}
}

static void patient_admit(struct patient *p, const struct record *job, size_t task, const char *life)
{
	p->job = job_copy(job->job);
	p->how = p->job->tasks[task].healthcheck;
	if (clock_parse(life, &p->started, NULL) < 0)
		p->started = clock_wall();
	if (!health_log_read(p->of->core, p->id, life, &p->log)) {
		p->log = (struct health_log){ .life = mem_strdup(life) };
		health_begin(&p->log.health);
	}
	patient_clear(p, !runtime_has_kernel(job->c.runtime ? job->c.runtime : ""));
	patient_tell(p);
	patient_plan(p);
}

static void patient_see(struct patient *p, const struct record *job, size_t task, const struct task_status *t)
{
	const char *life = monitored_life(job, task);
	const bool lives = t->state == TASK_LIVE || t->state == TASK_PAUSED;
	const bool wanted = lives && life && task_is_checked(&job->job->tasks[task]);

	if (t->state == TASK_UNKNOWN && p->how) /* nobody knows: it goes on */
		return;
	if (p->how && (!wanted || strcmp(p->log.life, life) != 0))
		patient_dismiss(p);
	if (wanted && !p->how)
		patient_admit(p, job, task, life);
}

static void watch_resize(struct health_watch *w, const struct record *job, size_t n)
{
	if (w->n)
		return;
	w->v = mem_array(struct patient, n);
	w->n = n;
	for (size_t i = 0; i < n; i++) {
		w->v[i] = (struct patient){ .of = w, .id = job_id_task(job->c.id, i) };
		timer_init(&w->v[i].next, w->core->loop, on_check_due, &w->v[i]);
	}
}

void health_watch_see(struct health_watch *w, const struct record *job, const struct task_status *tasks, size_t n)
{
	bool known = true;

	if (!job->job || !job_is_checked(job->job))
		return;
	watch_resize(w, job, n);
	for (size_t i = 0; i < n && i < w->n && i < job->job->n_tasks; i++) {
		patient_see(&w->v[i], job, i, &tasks[i]);
		known &= tasks[i].state != TASK_UNKNOWN;
	}
	if (known)
		watch_release(w);
}

struct health_watch *health_watch_new(struct core *core, const char *id)
{
	struct health_watch *w = mem_new(struct health_watch);

	w->core = core;
	w->sessions = exec_sessions_new(core, NULL);
	for (size_t i = 0; i < job_id_tasks(id); i++) {
		_cleanup_free_ char *task = job_id_task(id, i);

		watch_hold(w, task);
	}
	return w;
}

void health_watch_free(struct health_watch *w)
{
	const struct ctx limit = ctx_within(NULL, END_MS);

	if (!w)
		return;
	for (size_t i = 0; i < w->n; i++) {
		patient_dismiss(&w->v[i]);
		timer_done(&w->v[i].next);
		free(w->v[i].id);
	}
	exec_sessions_end(w->sessions);
	while (exec_sessions_busy(w->sessions) && loop_turn(w->core->loop, &limit, NULL) >= 0)
		;
	exec_sessions_free(w->sessions);
	watch_release(w);
	free(w->held);
	free(w->v);
	free(w);
}
