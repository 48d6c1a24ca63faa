/* The program as a shell sees it: standard output, standard error and the exit status. No containerd is needed: the address
 * that is given is one where nothing listens. */
#include "test.h"
#include "mem.h"
#include "program.h"
#include "strv.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#define NOWHERE "/nonexistent/containerd.sock"

static int davit(const char *line, struct buf *out, struct buf *errors)
{
	_cleanup_strv_ struct strv words = { 0 };

	strv_push(&words, "davit");
	strv_split(&words, line, " ");
	return program_run(getenv("DAVIT"), (const char *const *)strv_argv(&words), "", out, errors);
}

/* One line on standard error, nothing on standard output, and 125. */
static void refuses(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{ "run", "run: an argument is missing (usage: davit run [FLAGS] IMAGE [COMMAND [ARGUMENT...]])" },
		{ "ps extra", "ps: takes no argument, not \"extra\" (usage: davit ps [FLAGS])" },
		{ "volume create a b",
		  "volume create: too many arguments, from \"b\" on (usage: davit volume create [FLAGS] [NAME])" },
		{ "exec web", "exec: an argument is missing (usage: davit exec [FLAGS] JOB[.TASK] COMMAND [ARGUMENT...])" },
		{ "run --prot 80:80 x", "run: unknown flag --prot: did you mean --publish?" },
		{ "run --interact x", "run: unknown flag --interact: did you mean --interactive?" },
		{ "run -h", "flag --hostname needs a value (--hostname NAME; davit help run tells more)" },
		{ "--namspace x ps", "unknown flag --namspace: did you mean --namespace?" },
		{ "image --frce rm x", "image: unknown flag --frce (davit help image lists the flags)" },
		{ "inspect -f {{.Id web", "flag --format: template: column 6: }} is missing" },
		{ "ps --format {{.Nams}}",
		  "flag --format: template: column 3: no field .Nams: there are .Command .CreatedAt .ID .Image .Labels "
		  ".LocalVolumes .Mounts .Names .Networks .Platform .Ports .RunningFor .Size .State .Status .command .created_at "
		  ".exit_code "
		  ".exited_at .health .id .image .ip .labels .name .namespace .network .pid .ports .runtime .size .started_at "
		  ".status "
		  ".tasks .tasks_running (did you mean .Names?)" },
		{ "ps --format yaml",
		  "flag --format is one of table, json, names, not \"yaml\" (or a template, as in '{{json .}}')" },
		{ "rm -n 5 web", "rm: unknown flag -n: did you mean --namespace? (-n stands before the command only)" },
		{ "rmi", "image rm: an argument is missing (usage: davit image rm [FLAGS] IMAGE...)" },
		{ "container ls x", "ps: takes no argument, not \"x\" (usage: davit ps [FLAGS])" },
		{ "container", "unknown command container (the group may be left away: davit ps, davit run, davit rm)" },
		{ "container frobnicate", "unknown command container (the group may be left away: davit ps, davit run, davit rm)" },
		{ "swarm init", "unknown command swarm (davit runs jobs on one machine; a scheduler such as Nomad spreads them)" },
		{ "search web", "unknown command search (registries have web pages; davit pull NAME fetches an image)" },
		{ "imge ls", "unknown command imge: did you mean image?" },
		{ "image lod", "unknown command image lod: did you mean image load?" },
		{ "vol ls", "unknown command vol: did you mean volume?" },
		{ "help run foo", "unknown command run foo (davit help lists the commands)" },
		{ "help image foo", "unknown command image foo (davit help image lists the commands)" },
		{ "build .",
		  "unknown command build (build with docker, podman or buildah; then: docker save IMAGE | davit image load)" },
		{ "image", "image: a command is missing (davit help image lists them)" },
		{ "--address here.sock ps",
		  "address \"here.sock\": not an absolute path of a socket (such as /run/containerd/containerd.sock)" },
		{ "-n a/b ps",
		  "namespace \"a/b\": not a valid name (use letters and digits, with single . _ or - between them, at most "
		  "76 characters)" },
		{ "run -it x", "standard input is not a terminal (leave -t away)" },
		{ "exec -it web sh", "standard input is not a terminal (leave -t away)" },
		{ "run --detach-keys hyper-x x",
		  "detach keys \"hyper-x\": not a sequence of keys (write a letter or ctrl- and one of a-z @ "
		  "[ \\ ] ^ _, as in ctrl-p,ctrl-q)" },
		{ "run --dry-run --format json --name a:b x",
		  "job name \"a:b\": not a valid name (use letters and digits, with single . _ or - "
		  "between them, at most 63 characters)" },
		{ "logs --since yesterday web",
		  "flag --since is a time (2006-01-02T15:04:05Z) or how long ago (10m), not \"yesterday\"" },
		{ "logs --since 2026-02-31 web",
		  "flag --since is a time (2006-01-02T15:04:05Z) or how long ago (10m), not \"2026-02-31\"" },
		{ "image prune --filter until=later",
		  "flag --filter: until is a time (2006-01-02T15:04:05Z) or how long ago (10m), not \"later\"" },
		{ "logs --tail some web", "flag --tail is a number from 0 to 1000000000, not \"some\"" },
		{ "start -a a b --address " NOWHERE, "start --attach: takes one job, not 2" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf out = { 0 }, errors = { 0 };
		_cleanup_free_ char *want = mem_printf("davit: %s\n", rows[i].says);
		int code = davit(rows[i].line, &out, &errors);

		if (code != 125 || out.len || strcmp(buf_str(&errors), want) != 0)
			fail_msg("davit %s: %d \"%s\"", rows[i].line, code, buf_str(&errors));
	}
}

/* @begins standard output, with status 0 and nothing on standard error. */
static void answers(void **state)
{
	static const struct {
		const char *line, *begins;
	} rows[] = {
		{ "", "Usage: davit [FLAGS] COMMAND" },
		{ "-h", "Usage: davit [FLAGS] COMMAND" },
		{ "help", "Usage: davit [FLAGS] COMMAND" },
		{ "--help run", "Usage: davit run [FLAGS] IMAGE" },
		{ "run --help", "Usage: davit run [FLAGS] IMAGE" },
		{ "help run", "Usage: davit run [FLAGS] IMAGE" },
		{ "ps -h", "Usage: davit ps [FLAGS]\n\nList jobs\n\nA job that has ended" },
		{ "exec --help", "Usage: davit exec" },
		{ "image -h", "Usage: davit image COMMAND" },
		{ "image load --help", "Usage: davit image load" },
		{ "help image load", "Usage: davit image load" },
		{ "help --man", ".TH DAVIT 1" },
		{ "--version", "davit " DAVIT_VERSION "\n" },
		{ "ps --version", "davit " DAVIT_VERSION "\n" },
		{ "--address " NOWHERE " version",
		  "davit " DAVIT_VERSION "\ncontainerd at " NOWHERE ": connect to " NOWHERE ": No such file or directory\n" },
		{ "version --format json --address unix://" NOWHERE, "{\"davit\":\"" DAVIT_VERSION "\"}\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_buf_ struct buf out = { 0 }, errors = { 0 };
		int code = davit(rows[i].line, &out, &errors);

		if (code || errors.len || strncmp(buf_str(&out), rows[i].begins, strlen(rows[i].begins)) != 0)
			fail_msg("davit %s: %d \"%s\" \"%.80s\"", rows[i].line, code, buf_str(&errors), buf_str(&out));
	}
}

static void logs_as_json(void **state)
{
	static const char want[] =
		"\"level\":\"error\",\"msg\":\"ps: takes no argument, not \\\"x\\\" (usage: davit ps [FLAGS])\"}\n";
	_cleanup_buf_ struct buf out = { 0 }, errors = { 0 };

	(void)state;
	assert_int_equal(davit("--json-log ps x", &out, &errors), 125);
	assert_memory_equal(buf_str(&errors), "{\"time\":\"20", 11);
	assert_non_null(strstr(buf_str(&errors), want));
}

static void names_the_socket(void **state)
{
	_cleanup_buf_ struct buf out = { 0 }, errors = { 0 };

	(void)state;
	assert_int_equal(davit("--address " NOWHERE " ps", &out, &errors), 125);
	assert_non_null(strstr(buf_str(&errors), NOWHERE));
	assert_ptr_equal(strchr(buf_str(&errors), '\n'), buf_str(&errors) + errors.len - 1);
}

/* Nobody reads what it says: a pager that stands still, a stopped terminal. */
static void an_interrupt_ends_a_blocked_output(void **state)
{
	int fds[2], queued = 0, status = 0;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 4096) >= 4096);
	pid = fork();
	if (pid == 0) {
		if (dup2(fds[1], STDOUT_FILENO) < 0 || dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO) < 0)
			_exit(1);
		execl(getenv("DAVIT"), "davit", "help", "--man", (char *)NULL);
		_exit(1);
	}
	(void)alarm(30); /* which ends this test */
	while (queued < 4096) {
		assert_int_equal(ioctl(fds[0], FIONREAD, &queued), 0);
		(void)poll(NULL, 0, 5);
	}
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)alarm(0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 128 + SIGTERM);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

RUN_TESTS("cli", cmocka_unit_test(refuses), cmocka_unit_test(answers), cmocka_unit_test(logs_as_json),
	  cmocka_unit_test(names_the_socket), cmocka_unit_test(an_interrupt_ends_a_blocked_output))
