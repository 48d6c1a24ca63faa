#include "job-name.h"
#include "mem.h"
#include "name.h"
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

char *job_id_new(const char *name)
{
	char r[ID_DIGITS + 1];

	name_random(r, ID_DIGITS);
	return mem_printf("%s-%s", name, r);
}

bool job_id_is_ours(const char *id)
{
	const char *dash = strrchr(id, '-');

	return dash && dash > id && strlen(dash + 1) == ID_DIGITS && strspn(dash + 1, "0123456789abcdef") == ID_DIGITS;
}
