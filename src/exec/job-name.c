#include "job-name.h"
#include "mem.h"
#include "name.h"

static const char *const how[] = { "brisk", "calm", "clear", "deep", "fair", "fresh", "gentle", "grey", "keen", "light",
	"quick", "quiet", "salty", "sharp", "steady", "swift" };
static const char *const what[] = { "anchor", "beacon", "bow", "buoy", "capstan", "harbor", "hull", "keel", "mast", "oar",
	"reef", "rudder", "sail", "shore", "tide", "wave" };

static unsigned digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

char *job_name_new(void)
{
	char r[7];

	name_random(r, 6);
	return mem_printf("%s-%s-%s", how[digit(r[0])], what[digit(r[1])], r + 2);
}

char *job_id_new(const char *name)
{
	char r[9];

	name_random(r, 8);
	return mem_printf("%s-%s", name, r);
}
