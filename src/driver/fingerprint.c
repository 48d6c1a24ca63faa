/* Theory of operation: containerd is asked for its version, every LOOK_MS while it answers and every AWAY_MS (a connect(2)) while
 * nobody listens. That it goes is known at once, by the end of a stream of events that has none. */
#include "fingerprint.h"
#include "clock.h"
#include "desk.h"
#include "events.h"
#include "hint.h"
#include "list.h"
#include "log.h"
#include "mem.h"
#include "nomaddriver.pb-c.h"
#include "plugin-status.h"
#include "shim.h"
#include "version.h"
#include <string.h>

enum { LOOK_MS = 30000, AWAY_MS = 1000, ANSWER_MS = 5000, ATTRIBUTES = 7 };

#define UNDETECTED DRIVER__FINGERPRINT_RESPONSE__HEALTH_STATE__UNDETECTED
#define UNHEALTHY DRIVER__FINGERPRINT_RESPONSE__HEALTH_STATE__UNHEALTHY
#define HEALTHY DRIVER__FINGERPRINT_RESPONSE__HEALTH_STATE__HEALTHY

struct fingerprint {
	struct desk *desk;
	bool known; /* the three below are */
	Driver__FingerprintResponse__HealthState health;
	char *why;
	struct ctrd_version version;
	struct ctrd_call *asked; /* for its version */
	struct ctrd_call *held;  /* ends when containerd does */
	int64_t held_since;
	struct timer again;
	struct list_node streams;
};

struct fingerprint_stream {
	struct list_node node;
	struct plugin_call *call;
};

/* ---- what is told */

struct attributes {
	Driver__FingerprintResponse__AttributesEntry entries[ATTRIBUTES], *v[ATTRIBUTES];
	Driver__Attribute values[ATTRIBUTES];
	size_t n;
};

static Driver__Attribute *attribute_add(struct attributes *a, const char *name)
{
	Driver__FingerprintResponse__AttributesEntry *e = &a->entries[a->n];
	Driver__Attribute *value = &a->values[a->n];

	driver__fingerprint_response__attributes_entry__init(e);
	driver__attribute__init(value);
	e->key = (char *)(uintptr_t)name;
	e->value = value;
	a->v[a->n++] = e;
	return value;
}

static void attribute_text(struct attributes *a, const char *name, const char *text)
{
	Driver__Attribute *value = attribute_add(a, name);

	value->value_case = DRIVER__ATTRIBUTE__VALUE_STRING_VAL;
	value->string_val = (char *)(uintptr_t)text;
}

static void attribute_flag(struct attributes *a, const char *name, bool flag)
{
	Driver__Attribute *value = attribute_add(a, name);

	value->value_case = DRIVER__ATTRIBUTE__VALUE_BOOL_VAL;
	value->bool_val = flag;
}

/* Those of containerd are called as in Roblox's driver: jobs have constraints on them. */
static void attributes_make(const struct fingerprint *f, struct attributes *a)
{
	const struct driver_conf *conf = f->desk->conf;

	if (f->health != HEALTHY)
		return;
	attribute_text(a, "driver.containerd.containerd_version", f->version.version);
	attribute_text(a, "driver.containerd.containerd_revision", f->version.revision);
	attribute_text(a, "driver.containerd-driver.version", DAVIT_VERSION);
	attribute_text(a, "driver.containerd-driver.runtime", conf->runtime);
	attribute_flag(a, "driver.containerd-driver.privileged.enabled", conf->allow_privileged);
	attribute_flag(a, "driver.containerd-driver.volumes.enabled", conf->volumes.enabled);
}

static void fingerprint_tell(const struct fingerprint *f, struct plugin_call *c)
{
	Driver__FingerprintResponse m = DRIVER__FINGERPRINT_RESPONSE__INIT;
	struct attributes a = { 0 };

	attributes_make(f, &a);
	m.health = f->health;
	m.health_description = f->why;
	m.n_attributes = a.n;
	m.attributes = a.v;
	plugin_send(c, &m.base);
}

static void on_fingerprint_closed(void *arg)
{
	struct fingerprint_stream *s = arg;

	list_unlink(&s->node);
	free(s);
}

void fingerprint_begin(struct plugin_call *c, const ProtobufCMessage *request)
{
	struct fingerprint *f = desk_of(c)->fingerprint;
	struct fingerprint_stream *s = mem_new(struct fingerprint_stream);

	(void)request;
	s->call = c;
	plugin_park(c, on_fingerprint_closed, s);
	list_push(&f->streams, &s->node);
	if (f->known)
		fingerprint_tell(f, c);
	else if (!f->asked)
		fingerprint_look(f);
}

/* ---- what is known */

static void fingerprint_set(struct fingerprint *f, Driver__FingerprintResponse__HealthState health, const char *why,
			    struct ctrd_version *version)
{
	bool same = f->known && f->health == health && !strcmp(f->why, why) &&
		    (!version || !strcmp(f->version.version, version->version));

	if (same)
		return;
	f->known = true;
	f->health = health;
	free(f->why);
	f->why = mem_strdup(why);
	ctrd_version_done(&f->version);
	if (version)
		f->version = TAKE_STRUCT(*version);
	log_line(health == UNHEALTHY ? LOG_WARN : LOG_INFO, "health: %s", why);
	list_for_each(it, &f->streams)
		fingerprint_tell(f, container_of(it, struct fingerprint_stream, node)->call);
}

static void look_again(struct fingerprint *f, int64_t ms) { timer_set(&f->again, clock_mono() + ms * NSEC_PER_MSEC); }

static void fingerprint_away(struct fingerprint *f, struct err *err)
{
	char text[PLUGIN_STATUS_TEXT];

	(void)err_hint(err, -(int)err->code, "is containerd running? The plugin's option containerd_addr says where");
	fingerprint_set(f, UNHEALTHY, plugin_status_text(err, hint_for_nomad, text), NULL);
	look_again(f, AWAY_MS);
}

/* One that refuses the stream is there all the same, and is not to be asked without end. */
static void on_containerd_gone(void *arg)
{
	struct fingerprint *f = arg;

	ctrd_call_free(TAKE_PTR(f->held));
	if (ctrd_alive(f->desk->core->ctrd) && clock_mono() - f->held_since < AWAY_MS * NSEC_PER_MSEC)
		look_again(f, AWAY_MS);
	else
		fingerprint_look(f);
}

/* A stream of events in which there is none. */
static void hold_containerd(struct fingerprint *f)
{
	char *nothing[] = { (char *)(uintptr_t) "topic==\"/containerd-driver/none\"", NULL };
	const struct strv filters = { .v = nothing, .n = 1 };

	if (f->held)
		return;
	f->held_since = clock_mono();
	f->held = events_subscribe(f->desk->core->ctrd, &filters, NULL);
	ctrd_call_notify(f->held, on_containerd_gone, f);
}

static void on_version(void *arg)
{
	struct fingerprint *f = arg;
	struct ctrd_version version = { 0 };
	struct err err = ERR_INIT;
	char text[PLUGIN_STATUS_TEXT];

	if (version_end(TAKE_PTR(f->asked), NULL, &version, &err) < 0) {
		fingerprint_away(f, &err);
		return;
	}
	hold_containerd(f);
	if (shims_are_near(f->desk->core, &err) < 0)
		fingerprint_set(f, UNHEALTHY, plugin_status_text(&err, hint_for_nomad, text), &version);
	else
		fingerprint_set(f, HEALTHY, "Healthy", &version);
	ctrd_version_done(&version);
	look_again(f, LOOK_MS);
}

static void look_at_containerd(struct fingerprint *f)
{
	const struct ctx limit = ctx_within(NULL, ANSWER_MS);
	struct core *core = f->desk->core;
	struct err err = ERR_INIT;

	if (core_reconnect(core, &err) < 0) {
		fingerprint_away(f, &err);
		return;
	}
	f->asked = version_begin(core->ctrd, &limit);
	ctrd_call_notify(f->asked, on_version, f);
}

static void on_look_again(void *arg) { fingerprint_look(arg); }

void fingerprint_look(struct fingerprint *f)
{
	const struct driver_conf *conf;

	if (!f)
		return;
	conf = f->desk->conf;
	timer_set(&f->again, 0);
	ctrd_call_free(TAKE_PTR(f->asked));
	if (conf->error)
		fingerprint_set(f, UNHEALTHY, conf->error, NULL);
	else if (!conf->enabled)
		fingerprint_set(f, UNDETECTED, "disabled by the plugin's option enabled = false", NULL);
	else
		look_at_containerd(f);
}

void fingerprint_leave(struct fingerprint *f)
{
	if (!f)
		return;
	timer_set(&f->again, 0);
	ctrd_call_free(TAKE_PTR(f->asked));
	ctrd_call_free(TAKE_PTR(f->held));
}

struct fingerprint *fingerprint_new(struct desk *d)
{
	struct fingerprint *f = mem_new(struct fingerprint);

	f->desk = d;
	list_init(&f->streams);
	timer_init(&f->again, d->loop, on_look_again, f);
	return f;
}

void fingerprint_free(struct fingerprint *f)
{
	if (!f)
		return;
	fingerprint_leave(f);
	timer_done(&f->again);
	list_for_each(it, &f->streams)
		list_unlink(it);
	ctrd_version_done(&f->version);
	free(f->why);
	free(f);
}
