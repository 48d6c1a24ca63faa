#include "handle.h"
#include "boot-id.h"
#include "mem.h"
#include "name.h"
#include "tree-msgpack.h"
#include <ctype.h>
#include <string.h>

enum { SLOTS_LEAST = 16, INVOCATION = 8, ALLOC_ID = 36 };

void handle_kept_done(struct handle_kept *k)
{
	free(k->task_id);
	free(k->address);
	free(k->ns);
	free(k->job);
	free(k->container);
	free(k->image);
	free(k->boot);
	free(k->cgroup);
	free(k->shared);
	free(k->stdout_path);
	free(k->stderr_path);
	*k = (struct handle_kept){ 0 };
}

/* driver_state */

enum { STATE_VERSION = 1 };
#define KEPT(member) \
	{ \
#member, offsetof(struct handle_kept, member) \
	}
static const struct kept_text {
	const char *key;
	size_t offset;
} kept_texts[] = {
	KEPT(task_id), KEPT(address), KEPT(ns),     KEPT(job),         KEPT(container),   KEPT(image),
	KEPT(boot),    KEPT(cgroup),  KEPT(shared), KEPT(stdout_path), KEPT(stderr_path),
};
enum { KEPT_TEXTS = sizeof kept_texts / sizeof *kept_texts };

static char **kept_text(const struct handle_kept *k, size_t i) { return (char **)((char *)(uintptr_t)k + kept_texts[i].offset); }

void handle_kept_write(const struct handle_kept *k, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < KEPT_TEXTS; i++)
		n += *kept_text(k, i) != NULL;
	msgpack_map(out, n + 3);
	msgpack_text(out, "v");
	msgpack_int(out, STATE_VERSION);
	msgpack_text(out, "started_at");
	msgpack_int(out, k->started_at);
	msgpack_text(out, "tty");
	msgpack_bool(out, k->tty);
	for (size_t i = 0; i < KEPT_TEXTS; i++) {
		if (!*kept_text(k, i))
			continue;
		msgpack_text(out, kept_texts[i].key);
		msgpack_text(out, *kept_text(k, i));
	}
}

static int kept_bad(const char *what, struct err *err) { return err_set(err, ERR_INVALID, "driver_state of the task: %s", what); }

/* What davit wrote itself; Roblox's driver's has other keys, and bytes where ours has none. */
static int kept_from(const struct node *map, struct handle_kept *k, struct err *err)
{
	const struct node *started = node_get(map, "started_at"), *tty = node_get(map, "tty");
	bool fits = false;

	for (size_t i = 0; i < KEPT_TEXTS; i++)
		*kept_text(k, i) = mem_strdup(node_text(node_get(map, kept_texts[i].key)));
	if (!node_whole(started, &k->started_at, &fits) || !fits)
		return kept_bad("no started_at", err);
	k->tty = tty && tty->kind == NODE_BOOL && tty->yes;
	return k->task_id && k->ns && k->job && k->container ? 0 : kept_bad("without the names of its container", err);
}

int handle_kept_read(const void *data, size_t len, struct handle_kept *ret, struct err *err)
{
	_cleanup_(handle_kept_done) struct handle_kept k = { 0 };
	_cleanup_tree_ struct tree tree = { .file = "driver_state" };
	const struct node *version;
	int64_t v = 0;
	bool fits = false;
	int r = tree_msgpack(data, len, &tree, err);

	if (r < 0)
		return r;
	version = node_get(tree.root, "v");
	if (!node_whole(version, &v, &fits) || !fits)
		return err_set(err, ERR_UNIMPLEMENTED, "driver_state of the task: it is not one of containerd-driver's");
	if (v != STATE_VERSION)
		return err_set(err, ERR_UNIMPLEMENTED, "driver_state of the task: version %lld is not known", (long long)v);
	r = kept_from(tree.root, &k, err);
	if (r < 0)
		return r;
	*ret = k;
	k = (struct handle_kept){ 0 };
	return 0;
}

/* one handle */

struct handle *handle_new(struct handle_kept *kept, enum handle_state state)
{
	struct handle *h = mem_new(struct handle);

	h->kept = *kept;
	*kept = (struct handle_kept){ 0 };
	h->state = state;
	h->refs = 1;
	list_init(&h->watches);
	return h;
}

struct handle *handle_ref(struct handle *h)
{
	h->refs++;
	return h;
}

static void handle_end_waiting(struct handle *h)
{
	void (*end)(struct handle *) = h->waiting_end;

	h->waiting_end = NULL;
	if (end)
		end(h);
}

void handle_unref(struct handle *h)
{
	if (!h || --h->refs)
		return;
	handle_end_waiting(h);
	list_for_each(it, &h->watches)
		list_unlink(it);
	handle_kept_done(&h->kept);
	free(h->exit.err);
	free(h);
}

void handle_started(struct handle *h, const char *container, int64_t at)
{
	free(h->kept.container);
	free(h->kept.boot);
	h->kept.container = mem_strdup(container);
	h->kept.boot = boot_id();
	h->kept.started_at = at;
	if (h->state == HANDLE_STARTING)
		h->state = HANDLE_RUNNING;
}

static void handle_tell(struct handle *h, struct handle_watch *w)
{
	list_unlink(&w->node);
	w->exited(w->arg, h);
}

void handle_exited(struct handle *h, struct handle_exit *exit)
{
	if (h->state == HANDLE_EXITED) {
		free(exit->err);
		*exit = (struct handle_exit){ 0 };
		return;
	}
	h->state = HANDLE_EXITED;
	h->exit = *exit;
	*exit = (struct handle_exit){ 0 };
	(void)handle_ref(h);
	while (!list_empty(&h->watches))
		handle_tell(h, container_of(h->watches.next, struct handle_watch, node));
	handle_unref(h);
}

void handle_watch(struct handle *h, struct handle_watch *w)
{
	list_push(&h->watches, &w->node);
	if (h->state == HANDLE_EXITED)
		handle_tell(h, w);
}

void handle_unwatch(struct handle_watch *w) { list_unlink(&w->node); }

/* the set */

/* FNV-1a: ids are the agent's, which has all power here anyway. */
static uint64_t id_sum(const char *id)
{
	uint64_t sum = 0xcbf29ce484222325u;

	for (; *id; id++)
		sum = (sum ^ (unsigned char)*id) * 0x100000001b3u;
	return sum;
}

static struct handle **handles_slot(const struct handles *set, const char *id) { return &set->slots[id_sum(id) & (set->cap - 1)]; }

struct handle *handles_find(const struct handles *set, const char *id)
{
	struct handle *h = set->n ? *handles_slot(set, id) : NULL;

	while (h && strcmp(h->kept.task_id, id) != 0)
		h = h->next;
	return h;
}

static void handles_grow(struct handles *set)
{
	struct handles more = { .n = set->n, .cap = set->cap ? set->cap * 2 : SLOTS_LEAST };

	more.slots = mem_array(struct handle *, more.cap);
	for (size_t i = 0; i < set->cap; i++)
		for (struct handle *h = set->slots[i], *next; h; h = next) {
			struct handle **slot = handles_slot(&more, h->kept.task_id);

			next = h->next;
			h->next = *slot;
			*slot = h;
		}
	free(set->slots);
	*set = more;
}

int handles_add(struct handles *set, struct handle *h, struct err *err)
{
	struct handle **slot;

	if (handles_find(set, h->kept.task_id))
		return err_set(err, ERR_EXISTS, "task %s: is known already", h->kept.task_id);
	if (set->n >= set->cap)
		handles_grow(set);
	slot = handles_slot(set, h->kept.task_id);
	h->next = *slot;
	*slot = handle_ref(h);
	set->n++;
	return 0;
}

void handles_remove(struct handles *set, struct handle *h)
{
	struct handle **slot = set->n ? handles_slot(set, h->kept.task_id) : NULL;

	while (slot && *slot && *slot != h)
		slot = &(*slot)->next;
	if (!slot || !*slot)
		return;
	*slot = h->next;
	h->next = NULL;
	h->destroyed = true;
	set->n--;
	handle_end_waiting(h);
	handle_unref(h);
}

void handles_each(struct handles *set, void (*each)(void *arg, struct handle *), void *arg)
{
	for (size_t i = 0; i < set->cap; i++)
		for (struct handle *h = set->slots[i], *next; h; h = next) {
			next = h->next;
			each(arg, h);
		}
}

static void handle_forget(void *arg, struct handle *h) { handles_remove(arg, h); }

void handles_done(struct handles *set)
{
	handles_each(set, handle_forget, set);
	free(set->slots);
	*set = (struct handles){ 0 };
}

/* names */

/* At most @max of @s (@n bytes), with a "-" for what a name cannot have; "" when nothing is left. */
static void put_name_part(struct buf *out, const char *s, size_t n, size_t max)
{
	const size_t before = out->len;

	for (size_t i = 0; i < n && out->len - before < max; i++) {
		const bool fits = (unsigned char)s[i] < 0x80 && isalnum((unsigned char)s[i]);

		if (fits || (out->len > before && isalnum((unsigned char)out->data[out->len - 1])))
			buf_addc(out, !fits && !strchr("._-", s[i]) ? '-' : s[i]);
	}
	while (out->len > before && !isalnum((unsigned char)out->data[out->len - 1]))
		buf_cut(out, out->len - 1);
	if (out->len > before)
		buf_addc(out, '-');
}

static bool is_hex_id(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] && strchr("0123456789abcdef-", s[i]))
		i++;
	return i == n && name_valid(s, SIZE_MAX);
}

char *handle_job_name(const char *id)
{
	const char *first = strchr(id, '/'), *last = strrchr(id, '/');
	_cleanup_free_ char *alloc = first ? mem_strndup(id, (size_t)(first - id)) : NULL;
	struct buf out = { 0 };

	if (first == last || strlen(last + 1) != INVOCATION || !is_hex_id(last + 1, INVOCATION) || strlen(alloc) != ALLOC_ID ||
	    !is_hex_id(alloc, ALLOC_ID)) {
		put_name_part(&out, id, strlen(id), NAME_JOB_MAX - 16 - 1);
		buf_addf(&out, "%016llx", (unsigned long long)id_sum(id));
		return buf_take(&out);
	}
	put_name_part(&out, first + 1, (size_t)(last - first - 1), NAME_JOB_MAX - 1 - ALLOC_ID - 1 - INVOCATION);
	buf_addf(&out, "%s-%s", alloc, last + 1);
	return buf_take(&out);
}

bool handle_is_job_name(const char *name)
{
	const size_t n = strlen(name), own = ALLOC_ID + 1 + INVOCATION;
	const char *alloc = n < own ? NULL : name + n - own;

	return alloc && is_hex_id(alloc, ALLOC_ID) && alloc[ALLOC_ID] == '-' && is_hex_id(alloc + ALLOC_ID + 1, INVOCATION) &&
	       (alloc == name || alloc[-1] == '-');
}

bool handle_is_alloc_id(const char *id) { return strlen(id) == ALLOC_ID && is_hex_id(id, ALLOC_ID); }

char *handle_task_name(const char *id)
{
	const char *first = strchr(id, '/'), *last = strrchr(id, '/');

	return first < last ? mem_strndup(first + 1, (size_t)(last - first - 1)) : mem_strdup("");
}
