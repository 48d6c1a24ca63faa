#include "ulimit.h"
#include "name.h"
#include <string.h>
#include <sys/resource.h>

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "as", RLIMIT_AS },           { "core", RLIMIT_CORE },         { "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },       { "fsize", RLIMIT_FSIZE },       { "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK }, { "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },   { "nproc", RLIMIT_NPROC },       { "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },   { "rttime", RLIMIT_RTTIME },     { "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};
enum { N_LIMITS = sizeof limits / sizeof *limits };

int ulimit_resource(const char *name)
{
	for (size_t i = 0; i < N_LIMITS; i++)
		if (!strcmp(limits[i].name, name))
			return limits[i].resource;
	return -1;
}

const char *ulimit_nearest(const char *name)
{
	const char *names[N_LIMITS];

	for (size_t i = 0; i < N_LIMITS; i++)
		names[i] = limits[i].name;
	return name_nearest(name, names, N_LIMITS);
}
