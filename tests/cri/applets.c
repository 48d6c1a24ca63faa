/* The programs of the images that Kubernetes' suite asks for, by the name that each is called by: a web server (nginx, httpd), the
 * process that holds a pod's namespaces (pause), one that says who it runs as (nnp), and what Debian's busybox lacks (pgrep, ipcs).
 * Static, compiled when the images are made. */
#include <ctype.h>
#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NAME = 16, LINE = 256, REQUEST = 4096 };

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void on_end(int number)
{
	(void)number;
	_exit(0);
}

static void end_on(int number) { (void)signal(number, on_end); }

/* pause */

static void on_child(int number)
{
	(void)number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static int pause_main(char **argv)
{
	(void)argv;
	(void)signal(SIGCHLD, on_child);
	end_on(SIGINT);
	end_on(SIGTERM);
	while (pause() < 0)
		;
	return 1;
}

/* nnp: setuid in its image */

static int nnp_main(char **argv)
{
	(void)argv;
	printf("Effective uid: %d\n", (int)geteuid());
	return 0;
}

/* nginx PORT, httpd PORT */

static const char page[] = "<html><head><title>Welcome to the tests</title></head><body>Welcome</body></html>\n";

static int listen_on(const char *port)
{
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	const int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
	    bind(fd, (const struct sockaddr *)&at, sizeof at) < 0 || listen(fd, SOMAXCONN) < 0) {
		perror(port);
		exit(1);
	}
	return fd;
}

static void write_pid(const char *name)
{
	char path[LINE];
	FILE *f;

	(void)snprintf(path, sizeof path, "/var/run/%s.pid", name);
	f = fopen(path, "w");
	if (!f)
		return;
	fprintf(f, "%d\n", (int)getpid());
	(void)fclose(f);
}

/* The suite also connects without a word, or with one that is no request: that gets nothing. */
static void answer(int fd)
{
	const struct timeval patience = { .tv_sec = 3 };
	char request[REQUEST];
	size_t n = 0;
	ssize_t got = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	request[0] = '\0';
	while (got > 0 && n < sizeof request - 1 && !strstr(request, "\r\n\r\n")) {
		got = read(fd, request + n, sizeof request - 1 - n);
		n += got > 0 ? (size_t)got : 0;
		request[n] = '\0';
	}
	if (!strstr(request, "\r\n\r\n"))
		return;
	dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
		sizeof page - 1, page);
	printf("\"%.*s\" 200\n", (int)strcspn(request, "\r"), request);
}

static _Noreturn void serve(const char *name, const char *port)
{
	const int listener = listen_on(port);

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	end_on(SIGINT);
	end_on(SIGTERM);
	end_on(SIGQUIT);
	write_pid(name);
	printf("%s: ready on port %s\n", name, port); /* the suite looks for the name in the log */
	for (;;) {
		const int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		answer(fd);
		(void)close(fd);
	}
}

/* The suite looks for "master process" in the command line of the pod's first process. */
static int web_main(char **argv)
{
	const char *name = base_name(argv[0]), *port = argv[1] ? argv[1] : "80";
	const char *colon = strchr(name, ':');
	char title[LINE], path[LINE], self[NAME];

	if (colon) {
		(void)snprintf(self, sizeof self, "%.*s", (int)(colon - name), name);
		serve(self, port);
	}
	(void)snprintf(title, sizeof title, "%s: master process", name);
	(void)snprintf(path, sizeof path, "/usr/sbin/%s", name);
	(void)execl(path, title, port, (char *)NULL);
	perror(path);
	return 1;
}

/* pgrep NAME */

static int named(const char *pid, const char *name)
{
	char path[LINE], comm[LINE] = "";
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%s/comm", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (!fgets(comm, sizeof comm, f))
		comm[0] = '\0';
	(void)fclose(f);
	return strstr(comm, name) != NULL;
}

static int pgrep_main(char **argv)
{
	DIR *proc = opendir("/proc");
	const struct dirent *e;
	int found = 0;

	while (argv[1] && proc && (e = readdir(proc))) {
		if (!isdigit((unsigned char)e->d_name[0]) || strtol(e->d_name, NULL, 10) == getpid() || !named(e->d_name, argv[1]))
			continue;
		puts(e->d_name);
		found = 1;
	}
	return !found;
}

/* ipcs -m: no digits in the heading, since the suite looks for a segment's number anywhere */

static int ipcs_main(char **argv)
{
	FILE *f = fopen("/proc/sysvipc/shm", "r");
	char line[LINE];

	(void)argv;
	if (!f || !fgets(line, sizeof line, f)) {
		perror("/proc/sysvipc/shm");
		return 1;
	}
	puts("key shmid perms bytes");
	while (fgets(line, sizeof line, f)) {
		char *at = line;
		const long key = strtol(at, &at, 10), id = strtol(at, &at, 10), perms = strtol(at, &at, 8),
			   bytes = strtol(at, &at, 10);

		printf("0x%08lx %ld %lo %ld\n", (unsigned long)key & 0xffffffff, id, (unsigned long)perms & 0777, bytes);
	}
	return 0;
}

static const struct applet {
	const char *name;
	int (*main)(char **argv);
} applets[] = {
	{ "pause", pause_main }, { "nnp", nnp_main },     { "nginx", web_main },
	{ "httpd", web_main },   { "pgrep", pgrep_main }, { "ipcs", ipcs_main },
};

int main(int argc, char **argv)
{
	const char *name = argc > 0 ? base_name(argv[0]) : "";
	const size_t n = strcspn(name, ":");

	for (size_t i = 0; i < sizeof applets / sizeof *applets; i++)
		if (strlen(applets[i].name) == n && !strncmp(applets[i].name, name, n))
			return applets[i].main(argv);
	fprintf(stderr, "%s: no such applet\n", name);
	return 127;
}
