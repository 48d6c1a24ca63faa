#include "shared-shm.h"
#include "file.h"
#include "job-order.h"
#include "job-steps.h"
#include "mem.h"
#include "places.h"
#include "shim.h"
#include <string.h>
#include <sys/mount.h>

/* Whose namespace it is: of the last in the row of those that join each other. */
static size_t shm_owner(const struct job *job, size_t i)
{
	for (const char *name; (name = namespace_of_task(job->tasks[i].ipc));)
		i = job_find_task(job, name); /* there is one, and no circle: the job was checked */
	return i;
}

static bool is_shared(const struct job *job, size_t owner)
{
	for (size_t i = 0; i < job->n_tasks; i++)
		if (namespace_of_task(job->tasks[i].ipc) && shm_owner(job, i) == owner)
			return !job->tasks[owner].ipc || strcmp(job->tasks[owner].ipc, "host") != 0;
	return false;
}

char *shared_shm_path(const struct run_task *t)
{
	const struct job *job = t->run->job;
	const size_t owner = shm_owner(job, t->index);

	return is_shared(job, owner) ? places_shm(t->core, t->run->id, owner) : NULL;
}

static int shm_mount(const char *dir, int64_t size, struct err *err)
{
	_cleanup_free_ char *options = mem_printf("mode=1777,size=%lld", (long long)size);
	int r;

	(void)umount2(dir, MNT_DETACH | UMOUNT_NOFOLLOW); /* of a run before */
	r = file_mkdirs_private(dir, err);
	if (r >= 0 && mount("shm", dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0)
		r = err_sys(err, errno, "mount a tmpfs on %s", dir);
	return r;
}

int shared_shm_make(const struct run *run, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && run_starts(run) && i < run->n_tasks; i++) {
		_cleanup_free_ char *dir = places_shm(run->core, run->id, i);

		if (is_shared(run->job, i))
			r = shm_mount(dir, run->job->tasks[i].shm_size, err);
		if (r >= 0 && is_shared(run->job, i))
			r = shims_see(run->core, dir, err);
	}
	return r;
}
