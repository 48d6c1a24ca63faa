/* Theory of operation: a kill may come between any two instructions, so each step is decided by one thing that happens or does
 * not, and that the child can see afterwards.
 *
 * Taking: read(2) empties the pipe and tells us how many bytes it gave, and between the two we may die. So the bytes are looked at
 * first (tee(2) into a pipe of our own), which tells their number and the last of them. Where that one will stand, something else
 * is put; then number and last byte are noted, in one word, and the bytes are read to their place. The last byte is there: they
 * were taken.
 *
 * Logging: a write appends, and nobody else writes. Place and length are noted before, so the file's size says whether it was
 * done. A file of another number, or none, says that it was rotated since, which happens after a whole write only. Two entries
 * take turns, and one word says which holds; the other is what was so before. The results are bytes without records, so there the
 * size says how many of them were written. */
#include "ledger.h"
#include "mem.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum { ROOM = 65536, TAKE_MAX = 16384 /* a line's beginning, two of these and no more are ever not logged yet */ };
_Static_assert(LOG_LINE_MAX + 2 * TAKE_MAX <= ROOM, "room for what is not logged yet");

struct entry {
	ino_t ino;
	int64_t at, len;
	uint64_t done[2];
};

struct shared {
	struct side {
		uint64_t taken;
		uint64_t about; /* to be taken: from where (32 bits), how many (24), the last byte */
	} side[2];
	struct book {
		struct entry entry[2];
		unsigned now; /* which of them */
	} book[LEDGER_FILES];
	char room[2][ROOM];
};

struct ledger {
	struct shared *shared;
	int look[2];                    /* the pipe of our own: made when it is needed; -1: not yet */
	uint64_t done[LEDGER_FILES][2]; /* in the child */
};

#define PUBLISH(word, value) __atomic_store_n(&(word), value, __ATOMIC_SEQ_CST)

struct ledger *ledger_new(void)
{
	void *p = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct ledger *l;

	if (p == MAP_FAILED)
		return NULL;
	l = mem_new(struct ledger);
	*l = (struct ledger){ .shared = p, .look = { -1, -1 } };
	return l;
}

void ledger_free(struct ledger *l)
{
	if (!l)
		return;
	(void)munmap(l->shared, sizeof *l->shared);
	closep(&l->look[0]);
	closep(&l->look[1]);
	free(l);
}

static ssize_t look_ahead(struct ledger *l, int from, char *p, size_t n)
{
	ssize_t r;

	if (l->look[0] < 0 && pipe2(l->look, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	r = tee(from, l->look[1], n, SPLICE_F_NONBLOCK);
	return r > 0 ? read(l->look[0], p, (size_t)r) : r;
}

static ssize_t read_to_place(struct shared *sh, enum log_stream s, int from, size_t n)
{
	size_t at = sh->side[s].taken % ROOM, first = n < ROOM - at ? n : ROOM - at;
	const struct iovec iov[] = { { sh->room[s] + at, first }, { sh->room[s], n - first } };

	return readv(from, iov, first < n ? 2 : 1);
}

static char *last_place(struct shared *sh, enum log_stream s, size_t n) { return &sh->room[s][(sh->side[s].taken + n - 1) % ROOM]; }

ssize_t ledger_take(struct ledger *l, enum log_stream s, int from, char *p, size_t n)
{
	struct side *side = &l->shared->side[s];
	ssize_t got = look_ahead(l, from, p, n < TAKE_MAX ? n : TAKE_MAX);
	unsigned char last;

	if (got <= 0)
		return got;
	last = (unsigned char)p[got - 1];
	__atomic_store_n(last_place(l->shared, s, (size_t)got), (char)~last, __ATOMIC_SEQ_CST);
	PUBLISH(side->about, side->taken << 32 | (uint64_t)got << 8 | last);
	got = read_to_place(l->shared, s, from, (size_t)got);
	if (got > 0)
		PUBLISH(side->taken, side->taken + (uint64_t)got);
	return got;
}

void ledger_note(struct ledger *l, enum ledger_file f, ino_t ino, int64_t at, int64_t len, const uint64_t done[2])
{
	struct book *b = &l->shared->book[f];
	unsigned next = !b->now;

	b->entry[next] = (struct entry){ ino, at, len, { done[0], done[1] } };
	PUBLISH(b->now, next);
}

/* Did we die between the reading and the knowing? */
static void settle_side(struct shared *sh, enum log_stream s)
{
	struct side *side = &sh->side[s];
	size_t n = side->about >> 8 & 0xffffff;

	if (n && side->about >> 32 == (uint32_t)side->taken && (unsigned char)*last_place(sh, s, n) == (side->about & 0xff))
		side->taken += n;
}

/* Is what was to be written with @e not there? A piece of it is taken back. */
static bool is_missing(const struct entry *e, const char *path)
{
	_cleanup_close_ int fd = e->len ? open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK) : -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != e->ino || st.st_size >= e->at + e->len)
		return false;
	return st.st_size <= e->at || ftruncate(fd, e->at) == 0;
}

void ledger_settle_log(struct ledger *l, const char *path, bool ret_begun[2])
{
	const struct book *b = &l->shared->book[LEDGER_LOG];
	const struct entry *e = &b->entry[b->now];

	if (is_missing(e, path))
		e = &b->entry[!b->now];
	for (int s = LOG_STDOUT; s <= LOG_STDERR; s++) {
		settle_side(l->shared, (enum log_stream)s);
		l->done[LEDGER_LOG][s] = e->done[s];
		ret_begun[s] = e->done[s] > 0;
	}
}

static int64_t missing_bytes(const struct entry *e, int fd)
{
	struct stat st;
	int64_t missing;

	if (!e->len || fd < 0 || fstat(fd, &st) < 0 || st.st_ino != e->ino)
		return 0;
	missing = e->at + e->len - st.st_size;
	return missing < 0 ? 0 : missing > e->len ? e->len : missing;
}

void ledger_settle_result(struct ledger *l, enum log_stream s, int fd)
{
	const enum ledger_file f = s == LOG_STDOUT ? LEDGER_STDOUT : LEDGER_STDERR;
	const struct book *b = &l->shared->book[f];
	const struct entry *e = &b->entry[b->now];

	settle_side(l->shared, s);
	l->done[f][s] = e->done[s] - (uint64_t)missing_bytes(e, fd);
}

const char *ledger_next(struct ledger *l, enum ledger_file f, enum log_stream s, size_t *ret_n)
{
	uint64_t *done = &l->done[f][s], left = l->shared->side[s].taken - *done;
	size_t at = *done % ROOM;

	*ret_n = left < ROOM - at ? left : ROOM - at;
	*done += *ret_n;
	return *ret_n ? l->shared->room[s] + at : NULL;
}
