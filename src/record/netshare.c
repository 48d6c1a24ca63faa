#include "netshare.h"
#include "file.h"
#include "mem.h"
#include "mend.h"
#include "netns.h"
#include "peers.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENDING PLACES_SHARE_END
enum { TEXT_MAX = 1024, GLANCES = 5 };

/* What one of the files says. */
struct share {
	char *owner, *name;
	bool left;
};

static void share_done(struct share *s)
{
	free(s->owner);
	free(s->name);
}

/* False: there is none, or its join did not come so far. */
static bool share_read(const struct core *c, const char *ns, const char *id, struct share *ret)
{
	_cleanup_free_ char *path = places_share(c, ns, id);
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };

	if (file_read(path, TEXT_MAX, &text, NULL) < 0)
		return false;
	strv_split(&lines, buf_str(&text), "\n");
	if (lines.n < 2)
		return false;
	*ret = (struct share){ mem_strdup(lines.v[0]), mem_strdup(lines.v[1]), lines.n > 2 };
	return true;
}

static int share_write(const struct core *c, const char *id, const char *owner, const char *name, struct err *err)
{
	_cleanup_free_ char *path = places_share(c, c->conf.ns, id), *text = mem_printf("%s\n%s\n", owner, name);

	return file_write(path, text, strlen(text), 0600, err);
}

/* That of the owner is locked, so it is written in place. */
static int owner_write(int lock, const char *owner, const char *name, bool left, struct err *err)
{
	_cleanup_free_ char *text = mem_printf("%s\n%s\n%s", owner, name, left ? "left\n" : "");
	const size_t n = strlen(text);

	if (ftruncate(lock, 0) == 0 && pwrite(lock, text, n, 0) == (ssize_t)n)
		return 0;
	return err_sys(err, errno, "network of job %s", name);
}

static void share_remove(const struct core *c, const char *id)
{
	_cleanup_free_ char *path = places_share(c, c->conf.ns, id);

	(void)unlink(path);
}

bool netshare_is_shared(const struct core *c, const char *id)
{
	_cleanup_free_ char *path = places_share(c, c->conf.ns, id);

	return file_exists(path);
}

char *netshare_owner(const struct core *c, const char *ns, const char *id)
{
	_cleanup_(share_done) struct share s = { 0 };

	return mem_strdup(share_read(c, ns, id, &s) ? s.owner : id);
}

/* Calls @fn with each job in @owner's network but @except, until it does not return 0. */
static int each_user(const struct core *c, const char *ns, const char *owner, const char *except,
		     int (*fn)(void *arg, const char *id, const char *name), void *arg)
{
	_cleanup_free_ char *dir = places_shares(c, ns);
	_cleanup_(closedirp) DIR *d = opendir(dir);
	int r = 0;

	for (struct dirent *e; d && r == 0 && (e = readdir(d));) {
		_cleanup_(share_done) struct share s = { 0 };
		_cleanup_free_ char *id = NULL;
		size_t n = strlen(e->d_name);

		if (n <= strlen(ENDING) || strcmp(e->d_name + n - strlen(ENDING), ENDING) != 0)
			continue;
		id = mem_strndup(e->d_name, n - strlen(ENDING));
		if (strcmp(id, except) != 0 && share_read(c, ns, id, &s) && !s.left && !strcmp(s.owner, owner))
			r = fn(arg, id, s.name);
	}
	return r;
}

static int add_name(void *arg, const char *id, const char *name)
{
	(void)id;
	strv_push(arg, name);
	return 0;
}

void netshare_names(const struct core *c, const char *ns, const char *id, struct strv *ret)
{
	_cleanup_free_ char *owner = netshare_owner(c, ns, id);

	(void)each_user(c, ns, owner, id, add_name, ret);
	strv_sort(ret, 0);
}

static int share_add_id(void *arg, const char *id, const char *name)
{
	(void)name;
	strv_push(arg, id);
	return 0;
}

void netshare_ids(const struct core *c, const char *ns, const char *id, struct strv *ret)
{
	(void)each_user(c, ns, id, id, share_add_id, ret);
}

/* Who works on it may only look whether somebody does: that is over in a moment. */
static bool is_worked_on(const struct core *c, const char *name)
{
	for (int i = 0; i < GLANCES; i++) {
		if (!claim_locked(c, name))
			return false;
		(void)loop_pause(c->loop, 1, NULL, NULL);
	}
	return true;
}

struct look {
	struct core *c;
	const struct ctx *ctx;
	struct err *err;
	char *name;
};

/* A davit that is at work on a job which does not run starts it, or ends it: then it comes here after us. */
static int look_at(void *arg, const char *id, const char *name)
{
	struct look *l = arg;
	int r = job_may_live(l->c, id, l->ctx, NULL, l->err);

	if (r == 0 && is_worked_on(l->c, name))
		r = 1;
	if (r > 0)
		l->name = mem_strdup(name);
	return r;
}

/* Is somebody else than @id in @owner's network? */
static int network_in_use(struct core *c, const char *owner, const char *id, const struct ctx *ctx, char **ret_name,
			  struct err *err)
{
	struct look l = { .c = c, .ctx = ctx, .err = err };
	int r = each_user(c, c->conf.ns, owner, id, look_at, &l);

	if (ret_name && r > 0)
		*ret_name = l.name;
	else
		free(l.name);
	return r;
}

int netshare_is_kept(struct core *c, const char *id, const struct ctx *ctx, char **ret_name, struct err *err)
{
	_cleanup_free_ char *owner = NULL;

	if (!netshare_is_shared(c, id))
		return 0;
	owner = netshare_owner(c, c->conf.ns, id);
	return strcmp(owner, id) ? 0 : network_in_use(c, id, id, ctx, ret_name, err);
}

static int lock_owner(const struct core *c, const char *owner, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *path = places_share(c, c->conf.ns, owner);

	return file_lock(path, true, ctx, err);
}

static int check_runs(struct core *c, const char *id, const char *name, const struct ctx *ctx, struct err *err)
{
	int r = job_may_live(c, id, ctx, NULL, err);

	if (r != 0)
		return r < 0 ? r : 0;
	return err_hint(err, err_set(err, ERR_PRECONDITION, "job %s is not running: its network cannot be joined", name),
			"start it first: davit start %s", name);
}

/* What a join is about. */
struct join {
	const char *id, *name, *other, *other_name;
};

/* Its file is bound again where somebody has taken it away; it is not there in any case for who is only about to end. */
static int mend_other(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r = record_get(c, id, ctx, &rec, err);

	return r < 0 ? r : mend_netns(c, id, rec.job, ctx, err);
}

/* Under the owner's lock. The owner's own file may be new: then it is @other who owns. */
static int enter(struct core *c, const struct join *j, const char *owner, int lock, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *netns = places_netns(j->other), *still = netshare_owner(c, c->conf.ns, j->other);
	_cleanup_(share_done) struct share there = { 0 };
	int r = strcmp(still, owner) != 0 ? err_set(err, ERR_ABORTED, "job %s has left its network meanwhile", j->other_name)
					  : check_runs(c, j->other, j->other_name, ctx, err);

	if (r >= 0 && !share_read(c, c->conf.ns, owner, &there))
		r = owner_write(lock, owner, j->other_name, false, err);
	if (r >= 0)
		r = share_write(c, j->id, owner, j->name, err);
	if (r < 0)
		return r;
	r = mend_other(c, j->other, ctx, err);
	if (r >= 0)
		r = netns_join(NETNS_DIR, j->id, netns, err);
	if (r < 0)
		share_remove(c, j->id);
	return r;
}

int netshare_join(struct core *c, const char *id, const char *name, const char *other, const char *other_name,
		  const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *owner = netshare_owner(c, c->conf.ns, other);
	_cleanup_(share_done) struct share there = { 0 };
	_cleanup_close_ int lock = lock_owner(c, owner, ctx, err);
	int r;

	if (lock < 0)
		return lock;
	r = enter(c, &(struct join){ id, name, other, other_name }, owner, lock, ctx, err);
	if (r < 0 && !share_read(c, c->conf.ns, owner, &there))
		share_remove(c, owner); /* made by the lock */
	return r;
}

/* The owner was removed before the last user ended: its claim has stood for the network until now. */
static void drop_claim(struct core *c, const char *id, const char *name, const struct ctx *ctx)
{
	_cleanup_free_ char *lease = claim_lease_id(name);
	struct ctrd_container rec = { 0 };
	int lock = -1;

	if (claim_lock(c, name, false, ctx, &lock, NULL) < 0)
		return; /* whoever has it finds what we have done */
	if (containers_get(c->ctrd, id, ctx, &rec, NULL) == -ERR_NOT_FOUND && claim_is_for(c, name, id, ctx, NULL) > 0)
		(void)leases_delete(c->ctrd, lease, false, ctx, NULL);
	ctrd_container_done(&rec);
	claim_unlock(c, name, lock);
}

/* @over: of whoever was in it last. */
static int end_network(struct core *c, const struct job_over *over, const char *owner, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *netns = places_netns(owner);
	_cleanup_strv_ struct strv networks = { 0 };
	int r;

	assert(over);
	cni_cached_networks(&c->conf.cni, owner, &networks);
	r = cni_del_cached(c->loop, &c->conf.cni, owner, netns, ctx, err);
	peers_update(c, &networks, ctx);
	if (r >= 0)
		r = netns_remove(netns, err);
	if (r >= 0)
		share_remove(c, owner);
	return r;
}

/* 1, or the error. */
static int leave_to_others(int lock, const char *owner, const char *name, struct err *err)
{
	int r = owner_write(lock, owner, name, true, err);

	return r < 0 ? r : 1;
}

int netshare_leave(struct core *c, const struct job_over *over, const struct ctx *ctx, struct err *err)
{
	const char *id = job_over_id(over);
	_cleanup_free_ char *owner = netshare_owner(c, c->conf.ns, id), *netns = places_netns(id);
	_cleanup_close_ int lock = lock_owner(c, owner, ctx, err);
	_cleanup_(share_done) struct share its = { 0 };
	const bool owns = !strcmp(owner, id);
	int r;

	if (lock < 0)
		return lock;
	(void)share_read(c, c->conf.ns, owner, &its);
	r = owns ? 0 : netns_remove(netns, err);
	if (r < 0)
		return r;
	r = network_in_use(c, owner, id, ctx, NULL, err);
	if (r < 0)
		return r;
	if (!owns)
		share_remove(c, id);
	if (r > 0)
		return owns ? leave_to_others(lock, owner, its.name, err) : 0;
	r = end_network(c, over, owner, ctx, err);
	if (r >= 0 && !owns && its.name)
		drop_claim(c, owner, its.name, ctx);
	return r < 0 ? r : 0;
}

int netshare_return(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_(job_over_freep) struct job_over *over = NULL;
	_cleanup_(share_done) struct share its = { 0 };
	_cleanup_close_ int lock = -1;
	int r;

	if (!netshare_is_shared(c, id))
		return 0;
	lock = lock_owner(c, id, ctx, err);
	if (lock < 0)
		return lock;
	r = job_over_prove(c, id, ctx, NULL, &over, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, ERR_PRECONDITION, "job %s: its task may live", id);
	r = network_in_use(c, id, id, ctx, NULL, err);
	if (r == 0)
		return end_network(c, over, id, ctx, err);
	if (r > 0 && share_read(c, c->conf.ns, id, &its))
		r = owner_write(lock, id, its.name, false, err);
	return r < 0 ? r : 1;
}

int netshare_rename(const struct core *c, const char *id, const char *name, const struct ctx *ctx, struct err *err)
{
	_cleanup_(share_done) struct share s = { 0 };
	_cleanup_close_ int lock = -1;

	if (!share_read(c, c->conf.ns, id, &s))
		return 0;
	if (strcmp(s.owner, id) != 0)
		return share_write(c, id, s.owner, name, err);
	lock = lock_owner(c, id, ctx, err);
	return lock < 0 ? lock : owner_write(lock, id, name, s.left, err);
}
