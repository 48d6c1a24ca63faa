/* Source: proc(5) */
#include "process.h"
#include "clock.h"
#include "file.h"
#include "mem.h"
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STAT_MAX = 4096, STATUS_MAX = 64 << 10, ARGS_MAX = 4 << 10 /* of each of as many as a job likes */ };
/* Of /proc/PID/stat, from 3 on, behind the name. */
enum {
	FIELD_STATE = 3,
	FIELD_PARENT,
	FIELD_GROUP,
	FIELD_SESSION,
	FIELD_TERMINAL,
	FIELD_FOREGROUND,
	FIELD_USER = 14,
	FIELD_SYSTEM,
	FIELD_NICE = 19,
	FIELD_THREADS,
	FIELD_STARTED = 22,
	FIELD_SIZE,
	FIELD_RESIDENT,
	FIELDS
};

void process_done(struct process *p)
{
	free(p->name);
	free(p->args);
	*p = (struct process){ 0 };
}

/* To the tick: what is finer comes from the two clocks being read one after the other, and would differ each time. */
static int64_t wall_of_ticks(uint64_t ticks)
{
	const int64_t tick = NSEC_PER_SEC / sysconf(_SC_CLK_TCK);
	struct timespec boot;
	int64_t booted_at;

	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	booted_at = clock_wall() - (boot.tv_sec * NSEC_PER_SEC + boot.tv_nsec);
	return (booted_at + tick / 2) / tick * tick + (int64_t)ticks * tick;
}

/* The name has whatever the process likes, so its end is the last parenthesis. False: the text is not whole. */
static bool stat_cut(char *text, const char **ret_name, const char *fields[FIELDS])
{
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	int n = FIELD_STATE;

	if (!open || !close || close < open)
		return false;
	*ret_name = open + 1;
	*close = '\0';
	for (char *at = close + 1, *word; n < FIELDS && (word = strsep(&at, " \n"));)
		if (*word)
			fields[n++] = word;
	return n == FIELDS;
}

static int64_t signed_of(const char *field) { return strtoll(field, NULL, 10); }
static uint64_t unsigned_of(const char *field) { return strtoull(field, NULL, 10); }

static int stat_read(int dirfd, struct process *p, struct err *err)
{
	const int64_t tick = NSEC_PER_SEC / sysconf(_SC_CLK_TCK);
	_cleanup_buf_ struct buf text = { 0 };
	const char *fields[FIELDS], *name;
	int r = file_read_at(dirfd, "stat", STAT_MAX, &text, err);

	if (r < 0)
		return r;
	if (!text.data || !stat_cut(text.data, &name, fields))
		return err_set(err, ERR_DATA_LOSS, "/proc/%d/stat is not whole", (int)p->pid);
	p->name = mem_strdup(name);
	p->state = fields[FIELD_STATE][0];
	p->parent = (pid_t)signed_of(fields[FIELD_PARENT]);
	p->group = (pid_t)signed_of(fields[FIELD_GROUP]);
	p->session = (pid_t)signed_of(fields[FIELD_SESSION]);
	p->foreground = (pid_t)signed_of(fields[FIELD_FOREGROUND]);
	p->terminal = (unsigned)signed_of(fields[FIELD_TERMINAL]);
	p->time = (signed_of(fields[FIELD_USER]) + signed_of(fields[FIELD_SYSTEM])) * tick;
	p->nice = signed_of(fields[FIELD_NICE]);
	p->threads = signed_of(fields[FIELD_THREADS]);
	p->started = wall_of_ticks(unsigned_of(fields[FIELD_STARTED]));
	p->size = unsigned_of(fields[FIELD_SIZE]);
	p->resident = unsigned_of(fields[FIELD_RESIDENT]) * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

/* "Uid:\tREAL\tEFFECTIVE\t...", and how much is resident, which stat has only nearly. */
static int status_read(int dirfd, struct process *p, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	int r = file_read_at(dirfd, "status", STATUS_MAX, &text, err);
	const char *uid = r < 0 ? NULL : strstr(buf_str(&text), "\nUid:\t"), *resident = uid ? strstr(uid, "\nVmRSS:") : NULL;
	const char *effective = uid ? strchr(uid + 6, '\t') : NULL;

	if (r >= 0 && !effective)
		r = err_set(err, ERR_DATA_LOSS, "/proc/%d/status is not whole", (int)p->pid);
	if (r < 0)
		return r;
	p->uid = (uid_t)unsigned_of(effective + 1);
	if (resident)
		p->resident = unsigned_of(resident + 7) << 10;
	return 0;
}

/* As long as they are; who has none of its own is no error. */
static char *args_read(int dirfd)
{
	_cleanup_close_ int fd = openat(dirfd, "cmdline", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = mem_zalloc(ARGS_MAX);
	ssize_t n = fd < 0 ? 0 : read(fd, text, ARGS_MAX - 1);

	for (n = n < 0 ? 0 : n; n && !text[n - 1];)
		n--;
	for (ssize_t i = 0; i < n; i++)
		text[i] = text[i] ? text[i] : ' ';
	return mem_strndup(text, (size_t)n);
}

int process_read(int dirfd, pid_t pid, struct process *ret, struct err *err)
{
	_cleanup_(process_done) struct process p = { .pid = pid };
	int r = stat_read(dirfd, &p, err);

	if (r >= 0)
		r = status_read(dirfd, &p, err);
	if (r < 0)
		return r;
	p.args = args_read(dirfd);
	*ret = TAKE_STRUCT(p);
	return 0;
}

int64_t process_started(pid_t pid)
{
	_cleanup_(process_done) struct process p = { .pid = pid };
	_cleanup_free_ char *path = mem_printf("/proc/%d", (int)pid);
	_cleanup_close_ int dirfd = pid > 0 ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	return dirfd >= 0 && stat_read(dirfd, &p, NULL) >= 0 ? p.started : 0;
}
