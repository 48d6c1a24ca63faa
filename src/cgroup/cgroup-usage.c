/* Theory of operation: a table says in which file of which controller a measure stands, at which word, and in what unit. Rows of
 * one file stand behind one another, so that it is read once. A folder is opened for as long as its rows take. */
#include "cgroup-usage.h"
#include "cgroup-text.h"
#include "clock.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The longest is memory.stat, 3 KiB; io.stat has a line for each device. */
enum { USAGE_TEXT = 16 << 10 };
/* v1 says "no limit" with a number of pages just below 2^63. */
#define V1_NO_LIMIT (UINT64_C(1) << 62)

enum usage_unit {
	UNIT_ONE,
	UNIT_USEC,
	UNIT_TICK,
	UNIT_LIMIT, /* of v1 */
};

struct usage_row {
	enum cgroup_controller at; /* of v1 */
	const char *file;
	const char *word; /* the number is behind it, first in a line; "*WORD": anywhere in any line, added up; NULL: alone in the
			     file */
	enum cgroup_measure measure;
	enum usage_unit unit;
};

static const struct usage_row rows_v1[] = {
	{ CGROUP_CPUACCT, "cpuacct.usage", NULL, CGROUP_CPU_TOTAL, UNIT_ONE },
	{ CGROUP_CPUACCT, "cpuacct.stat", "user", CGROUP_CPU_USER, UNIT_TICK },
	{ CGROUP_CPUACCT, "cpuacct.stat", "system", CGROUP_CPU_SYSTEM, UNIT_TICK },
	{ CGROUP_CPU, "cpu.stat", "nr_periods", CGROUP_CPU_PERIODS, UNIT_ONE },
	{ CGROUP_CPU, "cpu.stat", "nr_throttled", CGROUP_CPU_THROTTLED_PERIODS, UNIT_ONE },
	{ CGROUP_CPU, "cpu.stat", "throttled_time", CGROUP_CPU_THROTTLED, UNIT_ONE },
	{ CGROUP_MEMORY, "memory.stat", "total_rss", CGROUP_MEMORY_RSS, UNIT_ONE },
	{ CGROUP_MEMORY, "memory.stat", "total_cache", CGROUP_MEMORY_CACHE, UNIT_ONE },
	{ CGROUP_MEMORY, "memory.stat", "total_inactive_file", CGROUP_MEMORY_INACTIVE, UNIT_ONE },
	{ CGROUP_MEMORY, "memory.stat", "total_mapped_file", CGROUP_MEMORY_MAPPED, UNIT_ONE },
	{ CGROUP_MEMORY, "memory.stat", "total_swap", CGROUP_MEMORY_SWAP, UNIT_ONE },
	{ CGROUP_MEMORY, "memory.usage_in_bytes", NULL, CGROUP_MEMORY_USAGE, UNIT_ONE },
	{ CGROUP_MEMORY, "memory.max_usage_in_bytes", NULL, CGROUP_MEMORY_PEAK, UNIT_ONE },
	{ CGROUP_MEMORY, "memory.limit_in_bytes", NULL, CGROUP_MEMORY_LIMIT, UNIT_LIMIT },
	{ CGROUP_MEMORY, "memory.kmem.usage_in_bytes", NULL, CGROUP_MEMORY_KERNEL, UNIT_ONE },
	{ CGROUP_MEMORY, "memory.kmem.max_usage_in_bytes", NULL, CGROUP_MEMORY_KERNEL_PEAK, UNIT_ONE },
	{ CGROUP_MEMORY, "memory.oom_control", "oom_kill", CGROUP_OOM_KILLS, UNIT_ONE },
	{ CGROUP_PIDS, "pids.current", NULL, CGROUP_TASKS, UNIT_ONE },
	{ CGROUP_PIDS, "pids.max", NULL, CGROUP_TASKS_LIMIT, UNIT_ONE },
	{ CGROUP_BLKIO, "blkio.throttle.io_service_bytes_recursive", "*Read", CGROUP_IO_READ, UNIT_ONE },
	{ CGROUP_BLKIO, "blkio.throttle.io_service_bytes_recursive", "*Write", CGROUP_IO_WRITTEN, UNIT_ONE },
};

static const struct usage_row rows_v2[] = {
	{ 0, "cpu.stat", "usage_usec", CGROUP_CPU_TOTAL, UNIT_USEC },
	{ 0, "cpu.stat", "user_usec", CGROUP_CPU_USER, UNIT_USEC },
	{ 0, "cpu.stat", "system_usec", CGROUP_CPU_SYSTEM, UNIT_USEC },
	{ 0, "cpu.stat", "nr_periods", CGROUP_CPU_PERIODS, UNIT_ONE },
	{ 0, "cpu.stat", "nr_throttled", CGROUP_CPU_THROTTLED_PERIODS, UNIT_ONE },
	{ 0, "cpu.stat", "throttled_usec", CGROUP_CPU_THROTTLED, UNIT_USEC },
	{ 0, "memory.stat", "anon", CGROUP_MEMORY_RSS, UNIT_ONE },
	{ 0, "memory.stat", "file", CGROUP_MEMORY_CACHE, UNIT_ONE },
	{ 0, "memory.stat", "inactive_file", CGROUP_MEMORY_INACTIVE, UNIT_ONE },
	{ 0, "memory.stat", "file_mapped", CGROUP_MEMORY_MAPPED, UNIT_ONE },
	{ 0, "memory.stat", "kernel", CGROUP_MEMORY_KERNEL, UNIT_ONE },
	{ 0, "memory.current", NULL, CGROUP_MEMORY_USAGE, UNIT_ONE },
	{ 0, "memory.peak", NULL, CGROUP_MEMORY_PEAK, UNIT_ONE },
	{ 0, "memory.max", NULL, CGROUP_MEMORY_LIMIT, UNIT_ONE },
	{ 0, "memory.swap.current", NULL, CGROUP_MEMORY_SWAP, UNIT_ONE },
	{ 0, "memory.events", "oom_kill", CGROUP_OOM_KILLS, UNIT_ONE },
	{ 0, "pids.current", NULL, CGROUP_TASKS, UNIT_ONE },
	{ 0, "pids.max", NULL, CGROUP_TASKS_LIMIT, UNIT_ONE },
	{ 0, "io.stat", "*rbytes", CGROUP_IO_READ, UNIT_ONE },
	{ 0, "io.stat", "*wbytes", CGROUP_IO_WRITTEN, UNIT_ONE },
};

struct usage_look {
	const struct cgroup_of *of;
	const char *folder; /* that is open; NULL: none */
	int dirfd;
	bool any; /* a folder was there */
	struct cgroup_usage *to;
};

static uint64_t in_unit(uint64_t n, enum usage_unit unit)
{
	if (unit == UNIT_USEC)
		return n * 1000;
	if (unit == UNIT_TICK)
		return n * ((uint64_t)NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
	return unit == UNIT_LIMIT && n >= V1_NO_LIMIT ? UINT64_MAX : n;
}

static bool usage_number(const struct usage_row *row, const struct cgroup_line *l, uint64_t *ret)
{
	const bool anywhere = row->word && row->word[0] == '*';

	if (!row->word)
		return l->n == 1 && cgroup_number(l->word[0], ret);
	if (!anywhere)
		return l->n > 1 && !strcmp(l->word[0], row->word) && cgroup_number(l->word[1], ret);
	for (size_t i = 0; i + 1 < l->n; i++)
		if (!strcmp(l->word[i], row->word + 1))
			return cgroup_number(l->word[i + 1], ret);
	return false;
}

static void usage_put(const struct usage_row *row, const struct cgroup_line *l, struct cgroup_usage *to)
{
	uint64_t n;

	if (!usage_number(row, l, &n))
		return;
	to->v[row->measure] += in_unit(n, row->unit);
	to->measured |= UINT32_C(1) << row->measure;
}

static bool usage_enter(struct usage_look *look, const struct usage_row *row)
{
	const char *folder = look->of->v2 ? look->of->v2 : look->of->v1[row->at];

	if (folder != look->folder) {
		closep(&look->dirfd);
		look->folder = folder;
		look->dirfd = folder ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
		look->any |= look->dirfd >= 0;
	}
	return look->dirfd >= 0;
}

/* One read: the kernel makes the whole text for it. What is longer is cut at a line's end. */
static bool usage_text(int dirfd, const char *file, char *text)
{
	_cleanup_close_ int fd = openat(dirfd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, text, USAGE_TEXT - 1) : -1;

	if (n == USAGE_TEXT - 1)
		while (n && text[n - 1] != '\n')
			n--;
	text[n > 0 ? n : 0] = '\0';
	return n >= 0;
}

/* Of what is added up over lines there may be none yet. */
static void usage_put_nothing(const struct usage_row *row, struct cgroup_usage *to)
{
	if (row->word && row->word[0] == '*')
		to->measured |= UINT32_C(1) << row->measure;
}

/* All rows of the file that @row is the first of; how many. */
static size_t usage_file(struct usage_look *look, const struct usage_row *row, size_t left)
{
	char text[USAGE_TEXT], *at = text;
	struct cgroup_line l;
	size_t n = 1;

	while (n < left && !strcmp(row[n].file, row->file))
		n++;
	if (!usage_enter(look, row) || !usage_text(look->dirfd, row->file, text))
		return n;
	for (size_t i = 0; i < n; i++)
		usage_put_nothing(&row[i], look->to);
	while (cgroup_line(&at, &l))
		for (size_t i = 0; i < n; i++)
			usage_put(&row[i], &l, look->to);
	return n;
}

int cgroup_usage(const struct cgroup_of *c, struct cgroup_usage *ret, struct err *err)
{
	struct cgroup_usage u = { 0 };
	struct usage_look look = { .of = c, .dirfd = -1, .to = &u };
	const struct usage_row *rows = c->v2 ? rows_v2 : rows_v1;
	const size_t n = c->v2 ? sizeof rows_v2 / sizeof *rows_v2 : sizeof rows_v1 / sizeof *rows_v1;

	for (size_t i = 0; i < n;)
		i += usage_file(&look, &rows[i], n - i);
	closep(&look.dirfd);
	if (!look.any)
		return err_set(err, ERR_NOT_FOUND, "cgroup does not exist");
	*ret = u;
	return 0;
}
