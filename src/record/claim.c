#include "claim.h"
#include "file.h"
#include "mem.h"
#include "namespaces.h"
#include "noted.h"
#include "places.h"
#include "port.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { REMOVAL_MS = 10000, CHANGE_MS = 60000, GLANCE_MS = 50 /* claim_locked() of another davit holds it that short */ };
static const char removing[] = "removing\n";

static bool says_removing(const char *path)
{
	_cleanup_buf_ struct buf b = { 0 };

	return file_read(path, 64, &b, NULL) == 0 && !strcmp(buf_str(&b), removing);
}

static int in_use(const char *name, struct err *err)
{
	return err_hint(err, err_set(err, ERR_EXISTS, "name %s is in use: another davit is starting or changing that job", name),
			"wait for it, or choose another name");
}

/* Plugins of one that was killed do what they were told to, and then it is ours, with nothing in it of who had it before. */
static int lock_alone(const char *path, const struct ctx *ctx, struct err *err)
{
	_cleanup_close_ int fd = file_lock(path, true, ctx, err);
	int r = fd < 0 ? fd : noted_await(fd, ctx, err);

	if (r < 0)
		return r;
	(void)!ftruncate(fd, 0);
	return TAKE_FD(fd);
}

int claim_lock(const struct core *c, const char *name, bool wait, const struct ctx *ctx, int *ret_fd, struct err *err)
{
	_cleanup_free_ char *path = places_lock(c, name), *dir = places_run(c, "");
	struct ctx limit = ctx_within(ctx, wait ? CHANGE_MS : says_removing(path) ? REMOVAL_MS : GLANCE_MS);
	int r = file_mkdirs_private(dir, err), fd;

	if (r < 0)
		return r;
	fd = lock_alone(path, &limit, err);
	if (fd == -ERR_DEADLINE && ctx_check(ctx, NULL) >= 0) {
		err_clear(err);
		return in_use(name, err);
	}
	if (fd < 0)
		return fd;
	(void)!ftruncate(fd, 0);
	*ret_fd = fd;
	return 0;
}

bool claim_is_removing(const struct core *c, const char *name)
{
	_cleanup_free_ char *path = places_lock(c, name);

	return says_removing(path) && claim_locked(c, name);
}

void claim_lock_removing(int fd)
{
	(void)!ftruncate(fd, 0);
	(void)!pwrite(fd, removing, sizeof removing - 1, 0);
}

/* Its removal has ended once its lock can be had. A file_lock() that comes too late makes the file anew: it goes again. */
static void await_removal(const char *path, const struct ctx *ctx)
{
	struct ctx limit = ctx_within(ctx, REMOVAL_MS);
	_cleanup_close_ int fd = says_removing(path) ? file_lock(path, true, &limit, NULL) : -1;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size == 0)
		(void)unlink(path);
}

void claim_await_removals(const struct core *c, const struct ctx *ctx)
{
	_cleanup_free_ char *dir = places_run(c, "");
	_cleanup_(closedirp) DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *name = places_lock_name(e->d_name), *path = name ? places_lock(c, name) : NULL;

		if (path)
			await_removal(path, ctx);
	}
}

void claim_unlock(const struct core *c, const char *name, int fd)
{
	_cleanup_free_ char *path = places_lock(c, name);

	if (fd < 0)
		return;
	(void)unlink(path);
	(void)close(fd);
}

bool claim_locked(const struct core *c, const char *name)
{
	_cleanup_free_ char *path = places_lock(c, name);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) < 0 || noted_lives(fd));
}

char *claim_lease_id(const char *name) { return mem_printf("davit-job-%s", name); }

int claim_find_id(struct core *c, const char *name, const struct ctx *ctx, char **ret_id, struct err *err)
{
	_cleanup_free_ char *lease = claim_lease_id(name), *filter = mem_printf("id==%s", lease);
	struct ctrd_leases l = { 0 };
	int r = leases_list(c->ctrd, filter, ctx, &l, err);

	if (r < 0)
		return r;
	*ret_id = l.n ? mem_strdup(dict_get(&l.v[0].labels, CLAIM_ID)) : NULL;
	ctrd_leases_done(&l);
	return 0;
}

int claim_is_for(struct core *c, const char *name, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *its = NULL;
	int r = claim_find_id(c, name, ctx, &its, err);

	return r < 0 ? r : its && !strcmp(its, id);
}

char *claim_ports_text(const struct port *p, size_t n)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s%s:%u/%s", i ? "," : "", p[i].host_ip ? p[i].host_ip : "*", p[i].host, port_proto_name(p[i].proto));
	return buf_take(&b);
}

/* One entry "IP:PORT/PROTO" of CLAIM_PORTS; the address (NULL: all of both families) is in @entry, which is cut. */
static bool entry_parse(char *entry, struct port *ret)
{
	char *slash = strrchr(entry, '/'), *colon;

	*ret = (struct port){ 0 };
	if (!slash)
		return false;
	*slash = '\0';
	while (ret->proto <= PORT_SCTP && strcmp(slash + 1, port_proto_name(ret->proto)) != 0)
		ret->proto++;
	colon = strrchr(entry, ':');
	if (!colon || ret->proto > PORT_SCTP)
		return false;
	*colon = '\0';
	ret->host = (uint16_t)strtoul(colon + 1, NULL, 10);
	ret->host_ip = strcmp(entry, "*") ? entry : NULL;
	return true;
}

static bool lease_clashes(const struct ctrd_lease *l, const struct port *p, size_t n, size_t *ret_port)
{
	_cleanup_strv_ struct strv entries = { 0 };
	const char *text = dict_get(&l->labels, CLAIM_PORTS);

	if (text)
		strv_split(&entries, text, ",");
	for (size_t i = 0; i < entries.n; i++) {
		struct port its;

		if (!entry_parse(entries.v[i], &its))
			continue;
		for (size_t k = 0; k < n; k++)
			if (port_clashes(&its, &p[k])) {
				*ret_port = k;
				return true;
			}
	}
	return false;
}

static bool is_older(const struct ctrd_lease *a, const struct ctrd_lease *than)
{
	if (!than)
		return true;
	return a->created_at != than->created_at ? a->created_at < than->created_at : strcmp(a->id, than->id) < 0;
}

static const struct ctrd_lease *find_lease(const struct ctrd_leases *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].id, id))
			return &l->v[i];
	return NULL;
}

/* All claims with ports, of every namespace: leases in step with the name of theirs. */
struct claims {
	struct ctrd_leases *of;
	struct ctrd_namespaces ns;
};

static void claims_done(struct claims *c)
{
	for (size_t i = 0; c->of && i < c->ns.n; i++)
		ctrd_leases_done(&c->of[i]);
	free(c->of);
	ctrd_namespaces_done(&c->ns);
}

static int claims_load(struct core *c, const struct ctx *ctx, struct claims *ret, struct err *err)
{
	int r = namespaces_list(c->ctrd, ctx, &ret->ns, err);

	if (r < 0)
		return r;
	ret->of = mem_array(struct ctrd_leases, ret->ns.n);
	for (size_t i = 0; r >= 0 && i < ret->ns.n; i++) {
		_cleanup_(ctrd_freep) struct ctrd *there = ctrd_in(c->ctrd, ret->ns.v[i].name);

		r = leases_list(there, "labels.\"" CLAIM_PORTS "\"", ctx, &ret->of[i], err);
	}
	return r;
}

void claim_ports_done(struct claim_ports *p)
{
	free(p->v);
	*p = (struct claim_ports){ 0 };
}

void claim_ports_add(struct claim_ports *p, uint16_t host)
{
	p->v = mem_grow(p->v, &p->cap, p->n + 1, sizeof *p->v);
	p->v[p->n++] = host;
}

static void add_text(struct claim_ports *p, const char *text)
{
	_cleanup_strv_ struct strv entries = { 0 };
	struct port its;

	if (text)
		strv_split(&entries, text, ",");
	for (size_t i = 0; i < entries.n; i++)
		if (entry_parse(entries.v[i], &its))
			claim_ports_add(p, its.host);
}

int claim_ports(struct core *c, const struct ctx *ctx, struct claim_ports *ret, struct err *err)
{
	_cleanup_(claims_done) struct claims all = { 0 };
	int r = claims_load(c, ctx, &all, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < all.ns.n; i++)
		for (size_t k = 0; k < all.of[i].n; k++)
			add_text(ret, dict_get(&all.of[i].v[k].labels, CLAIM_PORTS));
	return 0;
}

void claim_clashes_done(struct claim_clashes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].lease.id);
		dict_done(&c->v[i].lease.labels);
		free(c->v[i].ns);
	}
	free(c->v);
	*c = (struct claim_clashes){ 0 };
}

/* Takes the lease over. */
static void clash_add(struct claim_clashes *c, struct ctrd_lease *l, const char *ns, size_t port)
{
	c->v = mem_grow(c->v, &c->cap, c->n + 1, sizeof *c->v);
	c->v[c->n++] = (struct claim_clash){ *l, mem_strdup(ns), port };
	*l = (struct ctrd_lease){ 0 };
}

int claim_find_clashes(struct core *c, const char *own_lease, bool older, const struct port *p, size_t n, const struct ctx *ctx,
		       struct claim_clashes *ret, struct err *err)
{
	_cleanup_(claims_done) struct claims all = { 0 };
	const struct ctrd_lease *own = NULL;
	size_t port;
	int r = claims_load(c, ctx, &all, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < all.ns.n && !own; i++)
		if (!strcmp(all.ns.v[i].name, c->conf.ns))
			own = find_lease(&all.of[i], own_lease);
	for (size_t i = 0; i < all.ns.n; i++)
		for (size_t k = 0; k < all.of[i].n; k++) {
			struct ctrd_lease *l = &all.of[i].v[k];

			if (l != own && (!older || is_older(l, own)) && lease_clashes(l, p, n, &port))
				clash_add(ret, l, all.ns.v[i].name, port);
		}
	return 0;
}
