/* davit-init: the first process of a container that asks for one, bound into it read-only.
 *
 *	davit-init [--reap] [--script FILE]... -- COMMAND [ARGUMENT]...
 *
 * --script: FILE is run before the command, in the order given, with the command's environment, user and working folder, and
 * standard input from /dev/null. One that is not executable, or has no #! line, is run by /bin/sh. One that fails ends davit-init
 * with the script's code (128 + N for signal N) and a line on standard error; so does one that was told to end (TERM, INT, QUIT),
 * whatever it made of that.
 *
 * Without --reap the command then takes davit-init's place. With it davit-init stays: the command is its child, in a process
 * group of its own that has the terminal; every signal that davit-init gets is handed on; every orphan is collected; and it ends
 * when the command does, with the command's code.
 *
 * A command that is not found ends with 127, one that cannot be executed with 126.
 *
 * Signals are all blocked and taken with sigtimedwait(2), so none can be lost between a look and a wait, and the kernel, which
 * drops what the first process of a PID namespace has no handler for, keeps them for us. What the terminal's keys send comes from
 * the kernel and has reached the child's group by itself; its hangup comes to us alone, the session's leader, and is handed on.
 * Standard streams are closed once the command has them: who reads from it sees its end, not ours. */
#include "sys.h"
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { EXIT_CANNOT = 126, EXIT_NOT_FOUND = 127, EXIT_USAGE = 125, SIGSET_BYTES = 8 };
static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static const char *const *environment;
static uint64_t mask_before; /* the signal mask that we were started with, and the command is */

static size_t length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static const char *number_text(unsigned n, char out[12])
{
	char *p = out + 11;

	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	return p;
}

/* One line, in one write: "davit-init: WHAT: WHY". */
static void say(const char *what, const char *why, const char *number)
{
	const char *const parts[] = { "davit-init: ", what, ": ", why, number, "\n" };
	char line[1024];
	size_t n = 0;

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		for (size_t k = 0; parts[i][k] && n < sizeof line - 1; k++)
			line[n++] = parts[i][k];
	line[n - 1] = '\n';
	(void)sys3(SYS_write, 2, line, n);
}

_Noreturn static void leave(int code)
{
	for (;;)
		(void)sys1(SYS_exit_group, code);
}

/* The program that a command names */

static const char *path_variable(void)
{
	for (const char *const *e = environment; *e; e++)
		if ((*e)[0] == 'P' && (*e)[1] == 'A' && (*e)[2] == 'T' && (*e)[3] == 'H' && (*e)[4] == '=')
			return *e + 5;
	return default_path;
}

/* DIR/NAME for the first folder of @list; false: it does not fit. */
static bool join(const char *list, size_t dir, const char *name, char *out, size_t room)
{
	size_t n = 0;

	if (!dir || dir + 1 + length(name) >= room)
		return false;
	for (; n < dir; n++)
		out[n] = list[n];
	out[n++] = '/';
	for (; *name; name++)
		out[n++] = *name;
	out[n] = '\0';
	return true;
}

/* As execvpe(3) looks for it, but an empty folder of PATH is none. Returns the error that says most. */
static long exec_by_path(const char *const *argv)
{
	long worst = -ENOENT;
	char file[4096];

	if (!*argv[0])
		return -ENOENT;
	for (const char *p = argv[0]; *p; p++)
		if (*p == '/')
			return sys3(SYS_execve, argv[0], argv, environment);
	for (const char *list = path_variable(), *end; *list; list = *end ? end + 1 : end) {
		long r;

		for (end = list; *end && *end != ':';)
			end++;
		if (!join(list, (size_t)(end - list), argv[0], file, sizeof file))
			continue;
		r = sys3(SYS_execve, file, argv, environment);
		if (r != -ENOENT && r != -ENOTDIR)
			worst = r;
		if (worst != -ENOENT && worst != -EACCES)
			break;
	}
	return worst;
}

static void restore_mask(void) { (void)sys4(SYS_rt_sigprocmask, SIG_SETMASK, &mask_before, NULL, SIGSET_BYTES); }

_Noreturn static void become(const char *const *argv)
{
	char number[12];
	long r;

	restore_mask();
	r = exec_by_path(argv);
	if (r == -ENOENT || r == -ENOTDIR) {
		say(argv[0], "not found", "");
		leave(EXIT_NOT_FOUND);
	}
	if (r == -EACCES)
		say(argv[0], "not executable", "");
	else if (r == -ENOEXEC)
		say(argv[0], "no program of this machine (exec format)", "");
	else
		say(argv[0], "cannot be executed: error ", number_text((unsigned)-r, number));
	leave(EXIT_CANNOT);
}

static long fork_child(void) { return sys5(SYS_clone, SIGCHLD, 0, 0, 0, 0); }

static int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

static bool is_end(int sig) { return sig == SIGTERM || sig == SIGINT || sig == SIGQUIT; }

/* Collects whatever has ended; true when @pid has. */
static bool collect(long pid, int *ret_status)
{
	bool found = false;
	int status = 0;

	for (long r; (r = sys4(SYS_wait4, -1, &status, WNOHANG, NULL)) > 0;)
		if (r == pid) {
			*ret_status = status;
			found = true;
		}
	return found;
}

/* Until @pid has ended; its wait status. *@told: a signal that told it to end, if one came. */
static int attend(long pid, int *told)
{
	const uint64_t all = ~UINT64_C(0);
	int status = 0;

	while (!collect(pid, &status)) {
		siginfo_t info;
		int sig = (int)sys4(SYS_rt_sigtimedwait, &all, &info, NULL, SIGSET_BYTES);

		if (sig <= 0 || sig == SIGCHLD)
			continue;
		if (is_end(sig))
			*told = sig;
		if (info.si_code != SI_KERNEL || sig == SIGHUP || sig == SIGCONT)
			(void)sys2(SYS_kill, pid, sig);
	}
	return status;
}

/* Scripts */

_Noreturn static void script_child(const char *file)
{
	const char *const by_itself[] = { file, NULL }, *const by_shell[] = { "/bin/sh", file, NULL };
	long fd = sys4(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY, 0), r;

	if (fd > 0) {
		(void)sys3(SYS_dup3, fd, 0, 0);
		(void)sys1(SYS_close, fd);
	}
	restore_mask();
	r = sys3(SYS_execve, file, by_itself, environment);
	if (r != -EACCES && r != -ENOEXEC) {
		say(file, "no such script", "");
		leave(EXIT_NOT_FOUND);
	}
	become(by_shell);
}

static void run_script(const char *file)
{
	char number[12];
	int told = 0, status, code;
	long pid = fork_child();

	if (pid == 0)
		script_child(file);
	if (pid < 0) {
		say(file, "no process for it: error ", number_text((unsigned)-pid, number));
		leave(EXIT_CANNOT);
	}
	status = attend(pid, &told);
	code = exit_code(status);
	if (code)
		say(file, WIFEXITED(status) ? "script failed, exit code " : "script killed, exit code ",
		    number_text((unsigned)code, number));
	else if (told)
		code = 128 + told;
	if (code)
		leave(code);
}

/* The command */

static void close_streams(void)
{
	for (int fd = 0; fd < 3; fd++)
		(void)sys1(SYS_close, fd);
}

_Noreturn static void reap(const char *const *argv)
{
	char number[12];
	int told = 0;
	long pid;

	if (sys0(SYS_getpid) != 1)
		(void)sys5(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid = fork_child();
	if (pid < 0) {
		say(argv[0], "no process for it: error ", number_text((unsigned)-pid, number));
		leave(EXIT_CANNOT);
	}
	if (pid == 0) {
		int group = (int)sys0(SYS_getpid);

		(void)sys2(SYS_setpgid, 0, 0);
		(void)sys3(SYS_ioctl, 0, TIOCSPGRP, &group); /* where there is a terminal */
		become(argv);
	}
	close_streams();
	leave(exit_code(attend(pid, &told)));
}

/* The process of a pod's sandbox: it waits, and collects what has nobody else, until it is told to end. */
_Noreturn static void wait_to_end(void)
{
	const uint64_t all = ~UINT64_C(0);
	siginfo_t info;
	int unused;

	for (;;) {
		if ((int)sys4(SYS_rt_sigtimedwait, &all, &info, NULL, SIGSET_BYTES) == SIGTERM)
			leave(0);
		(void)collect(0, &unused);
	}
}

_Noreturn static void usage(void)
{
	say("usage", "davit-init [--reap] [--script FILE]... -- COMMAND [ARGUMENT]..., or davit-init --pause", "");
	leave(EXIT_USAGE);
}

/* Where the kernel begins. @args is what it left: their number, they themselves, NULL, the environment. */
_Noreturn void init_begin(const long *args);

__attribute__((used)) _Noreturn void init_begin(const long *args)
{
	const char *const *argv = (const char *const *)(args + 1), *const *scripts = argv + 1, *const *word = scripts;
	const uint64_t all = ~UINT64_C(0);
	bool stay = false;

	environment = argv + args[0] + 1;
	if (args[0] == 2 && same(argv[1], "--pause")) {
		(void)sys4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask_before, SIGSET_BYTES);
		wait_to_end();
	}
	for (; *word && !same(*word, "--"); word++)
		if (same(*word, "--reap"))
			stay = true;
		else if (!same(*word, "--script") || !*++word)
			usage();
	if (!*word || !word[1])
		usage();
	(void)sys4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask_before, SIGSET_BYTES);
	for (; scripts < word; scripts++)
		if (same(*scripts, "--script"))
			run_script(*++scripts);
	if (stay)
		reap(word + 1);
	become(word + 1);
}

SYS_START(init_begin);
