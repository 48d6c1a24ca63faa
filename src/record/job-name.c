#include "job-name.h"
#include "mem.h"
#include "name.h"
#include <stdlib.h>
#include <string.h>

enum { ID_DIGITS = 8 };

static const char *const how[] = { "brisk", "calm",  "clear", "deep",  "fair",  "fresh", "gentle", "grey",
				   "keen",  "light", "quick", "quiet", "salty", "sharp", "steady", "swift" };
static const char *const what[] = { "anchor", "beacon", "bow",  "buoy",   "capstan", "harbor", "hull", "keel",
				    "mast",   "oar",    "reef", "rudder", "sail",    "shore",  "tide", "wave" };

static unsigned digit(char c) { return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10); }

char *job_name_new(void)
{
	char r[7];

	name_random(r, 6);
	return mem_printf("%s-%s-%s", how[digit(r[0])], what[digit(r[1])], r + 2);
}

/* The digits of a job of several tasks are 't', how many it has, and four random ones. */
char *job_id_new(const char *name, size_t n_tasks)
{
	char r[ID_DIGITS + 1];

	name_random(r, ID_DIGITS);
	if (n_tasks > 1)
		return mem_printf("%s-t%03zx%.4s", name, n_tasks, r);
	return mem_printf("%s-%s", name, r);
}

char *job_id_task(const char *id, size_t index) { return index ? mem_printf("%s.%zu", id, index) : mem_strdup(id); }

size_t job_id_tasks(const char *id)
{
	const char *dash = strrchr(id, '-');
	char count[4] = "";

	if (!job_id_is_ours(id) || dash[1] != 't' || dash[1 + ID_DIGITS])
		return 1;
	memcpy(count, dash + 2, 3);
	return strtoul(count, NULL, 16);
}

static bool is_task_number(const char *text)
{
	return !*text ||
	       (*text == '.' && text[1] >= '1' && text[1] <= '9' && strlen(text) <= 4 && !text[1 + strspn(text + 1, "0123456789")]);
}

bool job_id_is_ours(const char *id)
{
	const char *dash = strrchr(id, '-');
	const size_t t = dash && dash[1] == 't';

	return dash && dash > id && strspn(dash + 1 + t, "0123456789abcdef") == ID_DIGITS - t &&
	       (t ? is_task_number(dash + 1 + ID_DIGITS) : !dash[1 + ID_DIGITS]);
}
