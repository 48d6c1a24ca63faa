/* Nomad asks again for a network that is there when its agent comes back, and takes the answer `created` for "has yet to be
 * configured": then CNI's ADD follows, else at most a CHECK. So what an agent's death has left between our answer and the ADD, with
 * `lo` alone and without a task, is told as new. */
#include "group-network.h"
#include "check.h"
#include "desk.h"
#include "file.h"
#include "group-mark.h"
#include "log.h"
#include "mem.h"
#include "netns.h"
#include <string.h>

struct group_networks {
	struct desk *desk;
	char *base;             /* the folder of the client's allocations; NULL: no task has told it yet */
	struct list_node known; /* struct group_network */
	struct list_node asked; /* struct networking, as they came: of an allocation the first is at work, the others wait for it */
};

struct networking {
	struct plugin_work work;
	struct list_node node;
	struct desk *desk;
	struct plugin_call *call; /* while it waits; NULL: nobody's, or its client has gone */
	const char *dir;
	char *alloc, *path, *hostname;
	bool makes;   /* CreateNetwork */
	bool used;    /* a task of the allocation is known */
	bool created; /* the answer */
};

static void group_network_made(struct group_networks *g, const char *alloc);
static void group_network_renew(const struct group_networks *g, const char *alloc);
static void group_network_forget(const struct group_networks *g, const char *alloc);

static void networking_free(struct networking *n)
{
	list_unlink(&n->node);
	free(n->alloc);
	free(n->path);
	free(n->hostname);
	free(n);
}

struct group_tasks {
	const char *alloc;
	size_t n, ended;
};

static void group_tasks_meet(void *arg, struct handle *h)
{
	struct group_tasks *t = arg;
	const size_t len = strlen(t->alloc);

	if (strncmp(h->kept.task_id, t->alloc, len) != 0 || h->kept.task_id[len] != '/')
		return;
	t->n++;
	t->ended += h->state == HANDLE_EXITED;
}

static struct group_tasks group_tasks(const struct desk *d, const char *alloc)
{
	struct group_tasks t = { .alloc = alloc };

	handles_each((struct handles *)(uintptr_t)&d->handles, group_tasks_meet, &t);
	return t;
}

static struct networking *networking_of(const struct desk *d, const char *alloc)
{
	list_for_each(it, &d->networks->asked)
		if (!strcmp(container_of(it, struct networking, node)->alloc, alloc))
			return container_of(it, struct networking, node);
	return NULL;
}

static struct networking *networking_new(struct desk *d, const char *alloc, const char *hostname)
{
	struct networking *n = mem_new(struct networking);

	n->desk = d;
	n->dir = d->netns_dir;
	n->alloc = mem_strdup(alloc);
	n->path = mem_printf("%s/%s", n->dir, alloc);
	n->hostname = mem_strdup(hostname);
	return n;
}

static void networking_go(struct networking *n)
{
	const struct group_tasks t = group_tasks(n->desk, n->alloc);
	struct plugin_call *call = TAKE_PTR(n->call);

	n->used = t.n > t.ended;
	if (n->makes)
		group_network_made(n->desk->networks, n->alloc);
	if (!call) {
		plugin_background(n->desk->plugin, &n->work);
		return;
	}
	plugin_park(call, NULL, NULL);
	plugin_submit(call, &n->work);
}

/* What is to be made is made for who hears of it; what is to be removed goes. */
static void on_networking_closed(void *arg)
{
	struct networking *n = arg;

	n->call = NULL;
	if (n->makes)
		networking_free(n);
}

/* At once, or behind what the allocation's network is at work for. */
static void networking_begin(struct networking *n, struct plugin_call *call)
{
	const bool waits = networking_of(n->desk, n->alloc);

	n->call = call;
	list_push(&n->desk->networks->asked, &n->node);
	if (!waits)
		networking_go(n);
	else if (call)
		plugin_park(call, on_networking_closed, n);
}

static void networking_end(struct networking *n)
{
	struct desk *d = n->desk;
	_cleanup_free_ char *alloc = TAKE_PTR(n->alloc);
	struct networking *next;

	networking_free(n);
	next = networking_of(d, alloc);
	if (next)
		networking_go(next);
}

/* NULL: the call was answered with why not. */
static struct networking *networking_asked(struct plugin_call *call, const char *alloc, const char *hostname)
{
	struct desk *d = desk_of(call);
	struct err err = ERR_INIT;

	if (!handle_is_alloc_id(alloc))
		(void)err_set(&err, ERR_INVALID, "network of \"%.80s\": that is no allocation's ID", alloc);
	else if (!*hostname || check_hostname(hostname, NULL, &err) >= 0)
		return networking_new(d, alloc, hostname);
	plugin_fail(call, &err);
	return NULL;
}

/* ---- CreateNetwork */

static int network_make(struct networking *n, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	int r = netns_new(n->dir, n->alloc, &path, err);

	n->created = r >= 0;
	return r;
}

/* @err has what is wrong with the one that is there, or that there is none. */
static int network_make_anew(struct networking *n, bool there, struct err *err)
{
	int r;

	err_clear(err);
	r = there ? netns_remove(n->path, err) : 0;
	return r < 0 ? r : network_make(n, err);
}

/* A file that is no namespace is what a death between the two has left, or a host that went down. */
static int creating_run(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	struct networking *n = arg;
	int r = netns_check(n->path, err);

	(void)state;
	(void)ctx;
	if (r == -ERR_NOT_FOUND || r == -ERR_INVALID)
		return network_make_anew(n, r == -ERR_INVALID, err);
	if (r >= 0 && !n->used)
		r = netns_is_bare(n->path, err);
	n->created = r > 0;
	return r < 0 ? r : 0;
}

/* Nomad adds the address, by the label, once it has one; without `created` it does not, and what is in hosts_config stays. */
static void creating_answer(struct plugin_call *call, const struct networking *n)
{
	Driver__CreateNetworkResponse m = DRIVER__CREATE_NETWORK_RESPONSE__INIT;
	Driver__NetworkIsolationSpec spec = DRIVER__NETWORK_ISOLATION_SPEC__INIT;
	Driver__NetworkIsolationSpec__LabelsEntry label = DRIVER__NETWORK_ISOLATION_SPEC__LABELS_ENTRY__INIT,
						  *labels[] = { &label };
	Driver__HostsConfig hosts = DRIVER__HOSTS_CONFIG__INIT;
	char key[] = "docker_sandbox_hostname";

	spec.mode = DRIVER__NETWORK_ISOLATION_SPEC__NETWORK_ISOLATION_MODE__GROUP;
	spec.path = n->path;
	if (*n->hostname) {
		label.key = key;
		label.value = hosts.hostname = n->hostname;
		spec.n_labels = 1;
		spec.labels = labels;
		spec.hosts_config = &hosts;
	}
	m.isolation_spec = &spec;
	m.created = n->created;
	plugin_answer(call, &m.base);
}

static void creating_done(void *arg, struct plugin_call *call, int r, const struct err *err)
{
	struct networking *n = arg;

	if (r >= 0 && n->created)
		group_network_renew(n->desk->networks, n->alloc);
	if (call && r < 0)
		plugin_fail(call, err);
	else if (call)
		creating_answer(call, n);
	networking_end(n);
}

void create_network_begin(struct plugin_call *call, const ProtobufCMessage *request)
{
	const Driver__CreateNetworkRequest *q = (const void *)request;
	struct networking *n = networking_asked(call, q->alloc_id, q->hostname);

	if (!n)
		return;
	n->makes = true;
	n->work = (struct plugin_work){ .run = creating_run, .done = creating_done, .arg = n, .keep = true };
	networking_begin(n, call);
}

/* ---- DestroyNetwork: what is not there is removed */

static int removing_run(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	const struct networking *n = arg;

	(void)state;
	(void)ctx;
	return netns_remove(n->path, err);
}

static void removing_done(void *arg, struct plugin_call *call, int r, const struct err *err)
{
	struct networking *n = arg;

	if (r >= 0)
		group_network_forget(n->desk->networks, n->alloc);
	if (call && r < 0)
		plugin_fail(call, err);
	else if (call)
		plugin_answer_packed(call, "", 0);
	else if (r < 0)
		log_warn("%s", err->msg);
	networking_end(n);
}

void destroy_network_begin(struct plugin_call *call, const ProtobufCMessage *request)
{
	const Driver__DestroyNetworkRequest *q = (const void *)request;
	struct networking *n = networking_asked(call, q->alloc_id, "");

	if (!n)
		return;
	n->work = (struct plugin_work){ .run = removing_run, .done = removing_done, .arg = n, .keep = true, .first = true };
	networking_begin(n, call);
}

/* ---- those that nobody asks for */

struct group_network {
	struct plugin_work work;
	struct list_node node;
	struct group_networks *of; /* NULL: forgotten while at work */
	struct group_mark mark;
	char *path;
	bool at_work;
	/* the look */
	char *maybe_dir;             /* where the allocation's folder is if it is our client's; NULL: that is known */
	bool bare, gone, maybe_ours; /* it has no interface now, the allocation is gone, maybe_dir is there */
};

static void group_network_free(struct group_network *n)
{
	list_unlink(&n->node);
	group_mark_done(&n->mark);
	free(n->path);
	free(n->maybe_dir);
	free(n);
}

static struct group_network *group_network_find(const struct group_networks *g, const char *alloc)
{
	list_for_each(it, &g->known)
		if (!strcmp(container_of(it, struct group_network, node)->mark.alloc, alloc))
			return container_of(it, struct group_network, node);
	return NULL;
}

static void group_network_drop(struct group_network *n)
{
	list_unlink(&n->node);
	n->of = NULL;
	if (!n->at_work)
		group_network_free(n);
}

static void group_network_keep(const struct group_networks *g, const struct group_mark *m)
{
	const struct core_conf places = { .run_dir = g->desk->run_dir };
	struct err err = ERR_INIT;

	core_own_folders(&places);
	if (group_mark_write(g->desk->run_dir, m, &err) < 0)
		log_warn("network of %s: should this plugin be killed, the next one does not know of it: %s", m->alloc, err.msg);
}

static struct group_network *group_network_add(struct group_networks *g, const struct group_mark *m)
{
	struct group_network *n = mem_new(struct group_network);

	n->of = g;
	n->mark = (struct group_mark){ .alloc = mem_strdup(m->alloc),
				       .alloc_dir = mem_strdup(m->alloc_dir),
				       .configured = m->configured };
	n->path = mem_printf("%s/%s", g->desk->netns_dir, m->alloc);
	list_push(&g->known, &n->node);
	return n;
}

/* It is going to be. */
static void group_network_made(struct group_networks *g, const char *alloc)
{
	const struct group_mark m = { .alloc = (char *)(uintptr_t)alloc };

	if (group_network_find(g, alloc))
		return;
	(void)group_network_add(g, &m);
	group_network_keep(g, &m);
}

/* It is a new one. */
static void group_network_renew(const struct group_networks *g, const char *alloc)
{
	struct group_network *n = group_network_find(g, alloc);

	if (!n || !n->mark.configured)
		return;
	n->mark.configured = false;
	group_network_keep(g, &n->mark);
}

/* It is gone. */
static void group_network_forget(const struct group_networks *g, const char *alloc)
{
	struct group_network *n = group_network_find(g, alloc);

	group_mark_remove(g->desk->run_dir, alloc);
	if (n)
		group_network_drop(n);
}

static char *alloc_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash != path ? mem_strndup(path, (size_t)(slash - path)) : NULL;
}

/* The folder of the client's allocations is there, and this one is not in it. */
static bool alloc_is_gone(const char *dir)
{
	_cleanup_free_ char *parent = alloc_folder_of(dir);

	return parent && file_exists(parent) && !file_exists(dir);
}

static int looking_run(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	struct group_network *n = arg;
	int r = netns_is_bare(n->path, err);

	(void)state;
	(void)ctx;
	if (r < 0)
		return r;
	n->bare = r > 0;
	n->gone = n->mark.alloc_dir && alloc_is_gone(n->mark.alloc_dir);
	n->maybe_ours = n->maybe_dir && file_exists(n->maybe_dir);
	return 0;
}

static void group_network_remove(struct group_network *n)
{
	struct desk *d = n->of->desk;
	struct networking *removal = networking_new(d, n->mark.alloc, "");

	log_info("network of %s: nobody has asked for its end, and nobody uses it: removed", n->mark.alloc);
	removal->work = (struct plugin_work){ .run = removing_run, .done = removing_done, .arg = removal };
	networking_begin(removal, NULL);
}

/* What tasks there are is known of our own client's only. */
static bool group_network_is_ours(const struct group_network *n)
{
	_cleanup_free_ char *base = n->mark.alloc_dir ? alloc_folder_of(n->mark.alloc_dir) : NULL;

	return base && n->of->base && !strcmp(base, n->of->base);
}

static void group_network_learn_look(struct group_network *n)
{
	if (!n->maybe_ours && (n->mark.configured || n->bare))
		return;
	if (n->maybe_ours)
		n->mark.alloc_dir = TAKE_PTR(n->maybe_dir);
	n->mark.configured |= !n->bare;
	group_network_keep(n->of, &n->mark);
}

static void looking_done(void *arg, struct plugin_call *call, int r, const struct err *err)
{
	struct group_network *n = arg;
	const bool torn = n->mark.configured && n->bare;

	(void)call;
	(void)err;
	n->at_work = false;
	if (n->of && networking_of(n->of->desk, n->mark.alloc))
		return;
	if (n->of && r == -ERR_NOT_FOUND)
		group_mark_outlived(n->of->desk->run_dir, n->mark.alloc);
	if (!n->of || r == -ERR_NOT_FOUND) {
		group_network_free(n);
		return;
	}
	if (r < 0)
		return;
	group_network_learn_look(n);
	if (((torn && group_network_is_ours(n)) || n->gone) && !group_tasks(n->of->desk, n->mark.alloc).n)
		group_network_remove(n);
}

static void group_network_look(struct group_network *n)
{
	if (n->at_work)
		return;
	n->at_work = true;
	free(TAKE_PTR(n->maybe_dir));
	if (!n->mark.alloc_dir && n->of->base)
		n->maybe_dir = mem_printf("%s/%s", n->of->base, n->mark.alloc);
	n->work = (struct plugin_work){ .run = looking_run, .done = looking_done, .arg = n };
	plugin_background(n->of->desk->plugin, &n->work);
}

static void on_group_mark(void *arg, const struct group_mark *m)
{
	struct group_networks *g = arg;

	if (!group_network_find(g, m->alloc))
		(void)group_network_add(g, m);
}

void group_networks_look(struct group_networks *g)
{
	group_marks_each(g->desk->run_dir, on_group_mark, g);
	list_for_each(it, &g->known) {
		struct group_network *n = container_of(it, struct group_network, node);

		if (!group_tasks(g->desk, n->mark.alloc).n)
			group_network_look(n);
	}
}

static void group_networks_learn_base(struct group_networks *g, const char *alloc_dir)
{
	char *base = *alloc_dir == '/' ? alloc_folder_of(alloc_dir) : NULL;

	if (!base)
		return;
	free(g->base);
	g->base = base;
}

void group_networks_learn(struct group_networks *g, const Driver__TaskConfig *t)
{
	const Driver__NetworkIsolationSpec *spec = t->network_isolation_spec;
	_cleanup_free_ char *path = mem_printf("%s/%s", g->desk->netns_dir, t->alloc_id);
	const struct group_mark m = { .alloc = t->alloc_id, .alloc_dir = t->alloc_dir };
	struct group_network *n;

	group_networks_learn_base(g, t->alloc_dir);
	if (!g->desk->conf->create_network || !g->desk->plugin || !spec || strcmp(spec->path, path) != 0 ||
	    !handle_is_alloc_id(t->alloc_id) || !g->base)
		return;
	n = group_network_find(g, t->alloc_id);
	if (n && (n->mark.alloc_dir || n->at_work)) /* that look may find it itself */
		return;
	if (n)
		n->mark.alloc_dir = mem_strdup(t->alloc_dir);
	else
		n = group_network_add(g, &m);
	group_network_keep(g, &n->mark);
	group_network_look(n);
}

struct group_networks *group_networks_new(struct desk *d)
{
	struct group_networks *g = mem_new(struct group_networks);

	g->desk = d;
	list_init(&g->known);
	list_init(&g->asked);
	return g;
}

void group_networks_free(struct group_networks *g)
{
	if (!g)
		return;
	list_for_each(it, &g->known)
		group_network_free(container_of(it, struct group_network, node));
	free(g->base);
	free(g);
}
