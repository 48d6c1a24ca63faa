/* The default profile. A container may call what programs call, but not what reaches past its namespaces or into parts of
 * the kernel that few have tried; those need the capability that the call itself is about. The grouping is by noun, so that
 * a new call has one place. Names that an engine's libseccomp does not know are skipped by it. */
#include "seccomp.h"
#include "cap.h"
#include "emit.h"
#include <linux/capability.h>
#include <string.h>

/* What differs by machine; a call that has one name on all machines that have it stands below. */
static const struct machine {
	const char *name, *architectures, *names;
} machines[] = {
	{ "amd64", "SCMP_ARCH_X86_64 SCMP_ARCH_X86 SCMP_ARCH_X32", "arch_prctl modify_ldt" },
	{ "arm64", "SCMP_ARCH_AARCH64 SCMP_ARCH_ARM",
	  "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls" },
	{ "riscv64", "SCMP_ARCH_RISCV64", "riscv_flush_icache" },
	{ "", "", "" }, /* any other: the engine takes its own */
};

#if defined(__x86_64__)
#define NATIVE "amd64"
#elif defined(__aarch64__)
#define NATIVE "arm64"
#elif defined(__riscv)
#define NATIVE "riscv64"
#else
#define NATIVE ""
#endif

/* Allowed for everybody. */
static const char *const always[] = {
	/* files */
	"access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 "
	"fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync flock fstat "
	"fstat64 "
	"fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 ioctl lchown lchown32 link "
	"linkat _llseek lseek lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pread64 "
	"preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 rmdir "
	"sendfile "
	"sendfile64 splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs tee truncate truncate64 "
	"umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev cachestat statmount listmount",
	/* extended attributes */
	"fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr lremovexattr "
	"lsetxattr removexattr removexattrat setxattr setxattrat",
	/* watching and waiting */
	"epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 "
	"fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch _newselect pause poll ppoll ppoll_time64 "
	"pselect6 pselect6_time64 select signalfd signalfd4 io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 "
	"io_setup io_submit pipe pipe2",
	/* memory */
	"brk madvise membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal msync "
	"munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages",
	/* processes and threads; clone, clone3 and unshare: see below */
	"execve execveat exit exit_group fork futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list "
	"getcpu getpgid getpgrp getpid getppid getpriority getrlimit getrusage getsid gettid ioprio_get ioprio_set kill pidfd_open "
	"pidfd_send_signal prctl prlimit64 restart_syscall rseq sched_get_priority_max sched_get_priority_min sched_getaffinity "
	"sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity "
	"sched_setattr sched_setparam sched_setscheduler sched_yield set_robust_list set_tid_address setpgid setpriority setrlimit "
	"setsid sysinfo times tgkill tkill ugetrlimit uname vfork wait4 waitid waitpid",
	/* tracing one's own children: safe beside seccomp since Linux 4.8 */
	"ptrace process_vm_readv process_vm_writev",
	/* signals */
	"rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait "
	"rt_sigtimedwait_time64 "
	"rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn",
	/* identity and confinement */
	"capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32 getresuid "
	"getresuid32 getuid getuid32 landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp setfsgid setfsgid32 "
	"setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 "
	"setreuid setreuid32 setuid setuid32",
	/* of some machines, by one name on all that have it */
	"get_thread_area map_shadow_stack riscv_hwprobe set_thread_area uretprobe",
	/* time; setting the clock: the kernel asks for CAP_SYS_TIME behind adjtimex */
	"adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 "
	"clock_nanosleep "
	"clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete timer_getoverrun "
	"timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 "
	"timerfd_settime "
	"timerfd_settime64 getrandom",
	/* sockets; making them: see below */
	"accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg send "
	"sendmmsg sendmsg sendto setsockopt shutdown",
	/* System V and POSIX messages, semaphores, shared memory: in an IPC namespace of their own */
	"ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink "
	"msgctl "
	"msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget",
};

/* Allowed with any one of these capabilities. No name stands twice: engines add each rule once. */
static const struct {
	uint64_t any;
	const char *names;
} with_capability[] = {
	{ CAP_BIT(CAP_DAC_READ_SEARCH), "open_by_handle_at" },
	{ CAP_BIT(CAP_SYS_ADMIN), "clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie "
				  "lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr "
				  "move_mount open_tree quotactl quotactl_fd setdomainname sethostname setns umount umount2 "
				  "unshare" },
	{ CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_BPF), "bpf" },
	{ CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_PERFMON), "perf_event_open" },
	{ CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_SYSLOG), "syslog" },
	{ CAP_BIT(CAP_SYS_BOOT), "reboot" },
	{ CAP_BIT(CAP_SYS_CHROOT), "chroot" },
	{ CAP_BIT(CAP_SYS_MODULE), "delete_module finit_module init_module" },
	{ CAP_BIT(CAP_SYS_NICE), "get_mempolicy mbind set_mempolicy set_mempolicy_home_node" },
	{ CAP_BIT(CAP_SYS_PACCT), "acct" },
	{ CAP_BIT(CAP_SYS_PTRACE), "kcmp pidfd_getfd process_madvise" },
	{ CAP_BIT(CAP_SYS_RAWIO), "ioperm iopl" },
	{ CAP_BIT(CAP_SYS_TIME), "clock_settime clock_settime64 settimeofday stime" },
	{ CAP_BIT(CAP_SYS_TTY_CONFIG), "vhangup" },
};

/* CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET} */
#define NAMESPACE_FLAGS 0x7e020000U
enum { AF_UNIX_NUMBER = 1, ENOSYS_NUMBER = 38 };

/* The families of sockets that may be made: those whose number gives @value under @mask. They are 0-2, 7-10, 13-18, 21, 22, 24,
 * 26-33, 35, 36, 39 and 41-45, in as few rules as will do (each costs a start some 50 us; a test holds them against the list).
 * Not among them: AF_ALG (38), the kernel's cryptography, which has been turned against it; AF_VSOCK (40), which knows no network
 * namespaces and reaches the hypervisor and its other guests; those that nobody has spoken for decades, whose modules the kernel
 * would load for whoever asks (AX.25, IPX, AppleTalk, NET/ROM, ROSE, DECnet, Econet, ATM SVC, IrDA, WANPIPE, ISDN, CAIF); and
 * whatever comes after AF_MCTP. */
#define FAMILY_MASK(low) (UINT32_MAX - 63 + (low))
static const struct {
	uint32_t mask, value;
} families[] = {
	{ FAMILY_MASK(037), 7 },  /* 7 39 */
	{ FAMILY_MASK(037), 10 }, /* 10 42 */
	{ FAMILY_MASK(036), 0 },  /* 0 1 32 33 */
	{ FAMILY_MASK(033), 9 },  /* 9 13 41 45 */
	{ FAMILY_MASK(045), 0 },  /* 0 2 8 10 16 18 24 26 */
	{ FAMILY_MASK(056), 14 }, /* 14 15 30 31 */
	{ FAMILY_MASK(063), 18 }, /* 18 22 26 30 */
	{ FAMILY_MASK(065), 33 }, /* 33 35 41 43 */
	{ FAMILY_MASK(067), 36 }, /* 36 44 */
	{ FAMILY_MASK(072), 26 }, /* 26 27 30 31 */
	{ FAMILY_MASK(073), 17 }, /* 17 21 */
	{ FAMILY_MASK(074), 28 }, /* 28 to 31 */
};

/* Linux, with 32 bits (0x8) or not, with a version 2.6 (0x20000) or not; and asking what it is. */
static const uint64_t personality_mask = ~UINT64_C(0x20008), personality_asked = 0xffffffff;

static void rule(struct buf *b, const char *names)
{
	if (!*names)
		return;
	emit_open(b, NULL, '{');
	emit_words(b, "names", names);
	emit_str(b, "action", "SCMP_ACT_ALLOW");
	emit_close(b, '}');
}

/* Allowed when argument 0 compares so. */
static void rule_arg0(struct buf *b, const char *name, const char *op, uint64_t value, uint64_t value_two)
{
	emit_open(b, NULL, '{');
	emit_words(b, "names", name);
	emit_str(b, "action", "SCMP_ACT_ALLOW");
	emit_open(b, "args", '[');
	emit_open(b, NULL, '{');
	emit_int(b, "index", 0);
	emit_uint(b, "value", value);
	emit_uint(b, "valueTwo", value_two);
	emit_str(b, "op", op);
	buf_adds(b, "}]}");
}

/* A call that does as if the kernel did not have it, whatever rules with arguments say. */
static void rule_absent(struct buf *b, const char *name)
{
	emit_open(b, NULL, '{');
	emit_words(b, "names", name);
	emit_str(b, "action", "SCMP_ACT_ERRNO");
	emit_int(b, "errnoRet", ENOSYS_NUMBER);
	emit_close(b, '}');
}

static void rules_for_namespaces(struct buf *b, uint64_t caps)
{
	if (caps & CAP_BIT(CAP_SYS_ADMIN))
		return; /* with_capability has them */
	rule_arg0(b, "clone", "SCMP_CMP_MASKED_EQ", NAMESPACE_FLAGS, 0);
	rule_absent(b, "clone3");
}

/* The kernel takes a family as 32 bits, so a filter must look at no more of the register: 40 | 1 << 32 is AF_VSOCK too. Masked
 * comparisons do that. socketcall has its arguments in memory, where no filter
 * sees them, and libseccomp opens socketcall(SYS_SOCKET) of its own accord where socket is allowed: it must be named. */
static void rules_for_sockets(struct buf *b)
{
	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		rule_arg0(b, "socket", "SCMP_CMP_MASKED_EQ", families[i].mask, families[i].value);
	rule_arg0(b, "socketpair", "SCMP_CMP_MASKED_EQ", UINT32_MAX, AF_UNIX_NUMBER); /* no other family has pairs */
	rule_absent(b, "socketcall");
}

void seccomp_default_of(const char *machine, uint64_t caps, struct buf *b)
{
	const struct machine *m = machines;

	while (*m->name && strcmp(m->name, machine) != 0)
		m++;
	emit_open(b, NULL, '{');
	emit_str(b, "defaultAction", "SCMP_ACT_ERRNO");
	emit_int(b, "defaultErrnoRet", 1);
	emit_words(b, "architectures", m->architectures);
	emit_open(b, "syscalls", '[');
	/* First those with arguments: what one costs the engine grows with the rules before it (6 ms of a start by runc). */
	rules_for_sockets(b);
	rule_arg0(b, "personality", "SCMP_CMP_MASKED_EQ", personality_mask, 0);
	rule_arg0(b, "personality", "SCMP_CMP_EQ", personality_asked, 0);
	rules_for_namespaces(b, caps);
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		rule(b, always[i]);
	rule(b, m->names);
	for (size_t i = 0; i < sizeof with_capability / sizeof *with_capability; i++)
		if (caps & with_capability[i].any)
			rule(b, with_capability[i].names);
	buf_adds(b, "]}");
}

void seccomp_default(uint64_t caps, struct buf *b) { seccomp_default_of(NATIVE, caps, b); }
