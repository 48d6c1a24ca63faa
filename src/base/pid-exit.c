#include "pid-exit.h"
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

/* linux/pidfd.h of 6.15, the first 64 bytes, which no kernel gives fewer of. */
struct pidfd_info_0 {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t status;
};
#define PIDFD_GET_INFO_0 _IOWR(0xFF, 11, struct pidfd_info_0)
#define PIDFD_INFO_EXIT_0 (UINT64_C(1) << 3)

int pid_exit_open(pid_t pid) { return pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1; }

int pid_exit_status(int pidfd, int *ret_status, struct err *err)
{
	struct pidfd_info_0 info = { .mask = PIDFD_INFO_EXIT_0 };

	if (ioctl(pidfd, PIDFD_GET_INFO_0, &info) < 0)
		return err_set(err, ERR_UNIMPLEMENTED, "this kernel does not keep how a process ended");
	if (!(info.mask & PIDFD_INFO_EXIT_0))
		return err_set(err, ERR_PRECONDITION, "process has not ended, or was not collected");
	*ret_status = info.status;
	return 0;
}
