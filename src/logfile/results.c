#include "results.h"
#include "beneath.h"
#include "file.h"
#include "ledger.h"
#include "mem.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char *const result_names[] = { "stdout.log", "stderr.log" };

struct results {
	char *dir, *lost;
	int fd[2]; /* -1: not open so far */
	bool told;
	struct ledger *ledger; /* NULL: nobody goes on after us; borrowed */
	uint64_t done[2];      /* bytes of each stream that are written, or lost */
};

static int results_fail(struct err *err, int why, const char *path)
{
	if (why != ELOOP)
		return err_sys(err, why, "results %s", path);
	return err_hint(err, err_set(err, ERR_INVALID, "results %s: a symbolic link is in it", path),
			"give the path that it leads to");
}

/* the folder */

/* One step further: 1 where it was made. */
static int results_enter(int *at, const char *name, bool last, bool make)
{
	int fd = beneath_open_straight(*at, name, O_RDONLY | O_DIRECTORY);
	const bool made = fd < 0 && errno == ENOENT && make && mkdirat(*at, name, 0700) == 0;

	if (made || (fd < 0 && errno == EEXIST))
		fd = beneath_open_straight(*at, name, O_RDONLY | O_DIRECTORY);
	if (made && !last && fd >= 0)
		(void)fchmod(fd, 0755);
	closep(at);
	*at = fd;
	return made;
}

/* With @made what is missing is made. -1 and errno. */
static int open_results_folder(const char *dir, struct results_made *made)
{
	_cleanup_free_ char *path = mem_strdup(dir);
	_cleanup_close_ int at = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *rest = path, *name;

	while (at >= 0 && (name = strsep(&rest, "/"))) {
		const bool last = !rest || !rest[strspn(rest, "/")];

		if (!*name || !strcmp(name, ".") || !results_enter(&at, name, last, made != NULL) || made->folder)
			continue;
		made->folder = true;
		made->there = (size_t)(name - path);
	}
	return TAKE_FD(at);
}

/* its files */

/* What it is is seen before it is opened: that of a FIFO would wait, and of a device it does something. */
static int open_there(int folder, const char *name)
{
	_cleanup_close_ int place = beneath_open(folder, name, O_PATH | O_NOFOLLOW);
	struct stat st;

	if (place < 0 || fstat(place, &st) < 0)
		return -1;
	if (S_ISREG(st.st_mode) && st.st_nlink == 1)
		return beneath_reopen(place, O_WRONLY | O_APPEND | O_NONBLOCK);
	errno = S_ISLNK(st.st_mode) ? ELOOP : S_ISDIR(st.st_mode) ? EISDIR : S_ISREG(st.st_mode) ? EMLINK : EINVAL;
	return -1;
}

/* With @made it is made where it is missing. */
static int open_result(int folder, enum log_stream which, struct results_made *made)
{
	const char *name = result_names[which];
	int fd = open_there(folder, name);

	if (fd >= 0 || errno != ENOENT || !made)
		return fd;
	fd = openat(folder, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
	made->file[which] = fd >= 0;
	return fd >= 0 || errno != EEXIST ? fd : open_there(folder, name);
}

static int make_result(int folder, const char *dir, enum log_stream which, struct results_made *made, struct err *err)
{
	_cleanup_close_ int fd = open_result(folder, which, made);
	_cleanup_free_ char *path = mem_printf("%s/%s", dir, result_names[which]);

	if (fd >= 0)
		return 0;
	if (errno == EMLINK)
		return err_set(err, ERR_INVALID, "results %s: it has another name, too", path);
	return errno == EINVAL ? err_set(err, ERR_INVALID, "results %s: no regular file", path) : results_fail(err, errno, path);
}

static int make_results(const char *dir, bool tty, struct results_made *made, struct err *err)
{
	_cleanup_close_ int folder = open_results_folder(dir, made);
	int r;

	if (folder < 0 && errno == ENOTDIR)
		return err_set(err, ERR_INVALID, "results %s: it is no folder, or is below what is none", dir);
	if (folder < 0)
		return results_fail(err, errno, dir);
	r = make_result(folder, dir, LOG_STDOUT, made, err);
	return r < 0 || tty ? r : make_result(folder, dir, LOG_STDERR, made, err);
}

int results_make(const char *dir, bool tty, struct results_made *ret, struct err *err)
{
	struct results_made made = { 0 };
	int r = make_results(dir, tty, &made, err);

	if (r < 0)
		results_unmake(dir, &made);
	else
		*ret = made;
	return r;
}

static void remove_empty(const char *dir, enum log_stream which)
{
	_cleanup_close_ int folder = open_results_folder(dir, NULL);
	struct stat st;

	if (fstatat(folder, result_names[which], &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && !st.st_size)
		(void)unlinkat(folder, result_names[which], 0);
}

void results_unmake(const char *dir, const struct results_made *made)
{
	_cleanup_free_ char *path = mem_strdup(dir);
	char *slash;
	int r = made->folder ? 0 : -1;

	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++)
		if (made->file[i])
			remove_empty(dir, (enum log_stream)i);
	while (r == 0 && strlen(path) > made->there && (slash = strrchr(path, '/'))) {
		_cleanup_close_ int parent = -1;

		*slash = '\0';
		parent = open_results_folder(path, NULL);
		r = slash[1] ? unlinkat(parent, slash + 1, AT_REMOVEDIR) : 0;
	}
}

/* writing */

static void results_open(struct results *s, enum log_stream which, bool make)
{
	struct results_made made = { 0 };
	_cleanup_close_ int folder = open_results_folder(s->dir, make ? &made : NULL);

	s->fd[which] = folder < 0 ? -1 : open_result(folder, which, make ? &made : NULL);
}

static void results_open_both(struct results *s)
{
	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++)
		results_open(s, (enum log_stream)i, false);
}

struct results *results_new(const char *dir, const char *lost)
{
	struct results *s = mem_new(struct results);

	*s = (struct results){ .dir = mem_strdup(dir), .lost = mem_strdup(lost) };
	results_open_both(s);
	return s;
}

void results_share(struct results *s, struct ledger *ledger) { s->ledger = ledger; }

static void results_note(const struct results *s, enum log_stream which, size_t len)
{
	struct stat st = { 0 };

	if (!s->ledger || (len && fstat(s->fd[which], &st) < 0))
		return;
	ledger_note(s->ledger, which == LOG_STDOUT ? LEDGER_STDOUT : LEDGER_STDERR, st.st_ino, st.st_size, (int64_t)len, s->done);
}

/* 0, or an errno. */
static int write_result(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? errno : ENOSPC;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* The same; what came before is not tried again. */
static int append_result(struct results *s, enum log_stream which, const char *p, size_t n)
{
	int why = 0;

	s->done[which] += n;
	if (s->fd[which] < 0)
		results_open(s, which, true);
	if (s->fd[which] < 0)
		why = errno;
	else
		results_note(s, which, n);
	if (!why)
		why = write_result(s->fd[which], p, n);
	results_note(s, which, 0);
	return why;
}

void results_inherit(struct results *s)
{
	struct ledger *l = TAKE_PTR(s->ledger);

	results_open_both(s);
	for (int i = LOG_STDOUT; l && i <= LOG_STDERR; i++) {
		const enum log_stream which = (enum log_stream)i;
		const char *p;
		size_t n;

		ledger_settle_result(l, which, s->fd[which]);
		while ((p = ledger_next(l, which == LOG_STDOUT ? LEDGER_STDOUT : LEDGER_STDERR, which, &n)))
			(void)append_result(s, which, p, n);
	}
}

static int results_lose(const struct results *s, enum log_stream which, int why, struct err *err)
{
	struct err its = ERR_INIT;
	int r = err_sys(&its, why, "results %s/%s: output is lost", s->dir, result_names[which]);

	if (s->lost)
		(void)file_write(s->lost, its.msg, strlen(its.msg), 0600, NULL);
	if (err)
		*err = its;
	return r;
}

int results_write(struct results *s, enum log_stream which, const char *p, size_t n, struct err *err)
{
	int why;

	if (!s || !n)
		return 0;
	why = append_result(s, which, p, n);
	if (!why || s->told)
		return 0;
	s->told = true;
	return results_lose(s, which, why, err);
}

int results_keep(struct results *s, struct logfile *log, enum log_stream which, const char *p, size_t n, struct err *err)
{
	struct err why = ERR_INIT;
	_cleanup_free_ char *line = NULL;
	int r = results_write(s, which, p, n, &why);

	if (r >= 0)
		return 0;
	if (!log)
		return *err = why, r;
	logfile_flush(log);
	line = mem_printf("davit: %s\n", why.msg);
	logfile_write(log, LOG_STDERR, line, strlen(line));
	return 0;
}

void results_free(struct results *s)
{
	if (!s)
		return;
	for (int i = LOG_STDOUT; i <= LOG_STDERR; i++)
		if (s->fd[i] >= 0)
			(void)close(s->fd[i]);
	free(s->dir);
	free(s->lost);
	free(s);
}
