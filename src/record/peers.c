#include "peers.h"
#include "beneath.h"
#include "etc.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "netshare.h"
#include "places.h"
#include <fcntl.h>
#include <string.h>

enum { LOCK_MS = 10000, HOSTS_MAX = 1 << 20 };

/* The attachments of all networks, and which of them are of jobs that have files here; the open folder of those. */
struct peers {
	const struct core *core;
	int files;
	struct cni_members all;
	bool *has_files;
};

static bool peer_has_files(const struct peers *p, const char *id)
{
	struct stat st;

	return fstatat(p->files, id, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static void peers_read(struct peers *p)
{
	(void)cni_members(&p->core->conf.cni, NULL, &p->all, NULL);
	p->has_files = mem_array(bool, p->all.n);
	for (size_t i = 0; i < p->all.n; i++)
		p->has_files[i] = peer_has_files(p, p->all.v[i].container_id);
}

/* The lines of those that share a network with @id. */
static void peer_lines(const struct peers *p, const char *id, struct buf *out)
{
	_cleanup_strv_ struct strv its = { 0 };

	for (size_t i = 0; i < p->all.n; i++)
		if (!strcmp(p->all.v[i].container_id, id) && !strv_has(&its, p->all.v[i].network))
			strv_push(&its, p->all.v[i].network);
	for (size_t i = 0; i < p->all.n; i++) {
		const struct cni_member *m = &p->all.v[i];

		if (!m->names.n || !p->has_files[i] || !strcmp(m->container_id, id) || !strv_has(&its, m->network))
			continue;
		for (size_t k = 0; k < m->result.n_ips; k++)
			etc_hosts_line(out, m->result.ips[k].address, &m->names);
	}
}

/* A reader sees the old text or the new, at worst with empty lines behind it: it is written at once, what is left of the old
 * filled up, and then cut off. */
static int write_over(int fd, const struct buf *text, size_t before, struct err *err)
{
	_cleanup_buf_ struct buf full = { 0 };
	ssize_t n;

	buf_add(&full, text->data, text->len);
	while (full.len < before)
		buf_addc(&full, '\n');
	n = pwrite(fd, buf_str(&full), full.len, 0);
	if (n != (ssize_t)full.len)
		return err_sys(err, n < 0 ? errno : ENOSPC, "write");
	return full.len > text->len && ftruncate(fd, (off_t)text->len) < 0 ? err_sys(err, errno, "cut") : 0;
}

static int hosts_read(int fd, size_t size, struct buf *out, struct err *err)
{
	ssize_t n = pread(fd, buf_room(out, size + 1), size + 1, 0);

	if (n < 0)
		return err_sys(err, errno, "read");
	if ((size_t)n > size)
		return err_set(err, ERR_ABORTED, "it is being written");
	buf_grew(out, (size_t)n);
	return 0;
}

/* Whatever the job has made of it: never waited for (O_NONBLOCK: it may have a lease), never followed. */
static int write_hosts_of(const struct peers *p, const char *id, const struct buf *lines, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/hosts", id);
	_cleanup_close_ int fd = beneath_open(p->files, path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	_cleanup_buf_ struct buf is = { 0 }, text = { 0 };
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "open");
	if (!S_ISREG(st.st_mode) || st.st_size > HOSTS_MAX)
		return err_set(err, ERR_PRECONDITION, "%s", S_ISREG(st.st_mode) ? "longer than 1 MiB" : file_kind(st.st_mode));
	r = hosts_read(fd, (size_t)st.st_size, &is, err);
	if (r < 0)
		return r;
	etc_hosts_keep(&text, buf_str(&is), is.len, lines);
	if (text.len == is.len && !memcmp(buf_str(&text), buf_str(&is), is.len))
		return 0;
	return write_over(fd, &text, is.len, err);
}

static void update_hosts(const struct peers *p, const char *id, const struct buf *lines)
{
	struct err err = ERR_INIT;

	if (peer_has_files(p, id) && write_hosts_of(p, id, lines, &err) < 0)
		log_debug("hosts of %s: %s", id, err.msg);
}

/* The hosts files of a job and of those that are in its network. */
static void update_peer(const struct peers *p, const char *id)
{
	_cleanup_buf_ struct buf lines = { 0 };
	_cleanup_strv_ struct strv users = { 0 };

	peer_lines(p, id, &lines);
	update_hosts(p, id, &lines);
	if (netshare_is_shared(p->core, id))
		netshare_ids(p->core, p->core->conf.ns, id, &users);
	for (size_t i = 0; i < users.n; i++)
		update_hosts(p, users.v[i], &lines);
}

/* Who is on one of the networks and has files here. */
static void peers_collect(const struct peers *p, const struct strv *networks, struct strv *ids)
{
	for (size_t i = 0; i < p->all.n; i++)
		if (p->has_files[i] && strv_has(networks, p->all.v[i].network) && !strv_has(ids, p->all.v[i].container_id))
			strv_push(ids, p->all.v[i].container_id);
}

int peers_lock(const struct core *c, const struct ctx *ctx, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, LOCK_MS);
	_cleanup_free_ char *path = places_hosts_lock(c), *dir = places_run(c, "");
	int r = file_mkdirs_private(dir, err);

	return r < 0 ? r : file_lock(path, true, &limit, err);
}

void peers_write(const struct core *c, const struct strv *networks)
{
	_cleanup_free_ char *path = places_files(c, "");
	_cleanup_close_ int files = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct peers p = { .core = c, .files = files };
	_cleanup_strv_ struct strv ids = { 0 };

	if (files < 0)
		return;
	peers_read(&p);
	peers_collect(&p, networks, &ids);
	for (size_t i = 0; i < ids.n; i++)
		update_peer(&p, ids.v[i]);
	cni_members_done(&p.all);
	free(p.has_files);
}

void peers_update(const struct core *c, const struct strv *networks, const struct ctx *ctx)
{
	struct err err = ERR_INIT;
	_cleanup_close_ int lock = networks->n ? peers_lock(c, ctx, &err) : -1;

	if (lock >= 0)
		peers_write(c, networks);
	else if (networks->n)
		log_warn("hosts files are not kept current: %s", err.msg);
}
