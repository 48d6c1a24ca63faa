#include "alias.h"
#include "mem.h"
#include <string.h>

/* "container WORD" is WORD. */
static const char *const container_words[] = {
	"create", "exec", "inspect", "kill", "logs",  "ps",      "restart", "rm",   "run",    "start", "stop",   "wait",
	"export", "cp",   "stats",   "top",  "pause", "unpause", "attach",  "port", "rename", "diff",  "update", "commit",
};
enum { N_WORDS = sizeof container_words / sizeof *container_words };

static const struct {
	const char *name, *is;
} aliases[] = {
	{ "rmi", "image rm" },
	{ "load", "image load" },
	{ "import", "image import" },
	{ "save", "image save" },
	{ "tag", "image tag" },
	{ "history", "image history" },
	{ "ls", "ps" },
	{ "list", "ps" },
	{ "image list", "image ls" },
	{ "image remove", "image rm" },
	{ "volume list", "volume ls" },
	{ "volume remove", "volume rm" },
	{ "network list", "network ls" },
	{ "network remove", "network rm" },
	{ "system info", "doctor" },
	{ "container ls", "ps" },
	{ "container list", "ps" },
	{ "container remove", "rm" },
	{ "container prune", "prune --all" },
};
enum { N_ALIASES = sizeof aliases / sizeof *aliases };

bool alias_is_group(const char *word) { return !strcmp(word, "container"); }

static const char *container_word(const char *word)
{
	for (size_t i = 0; i < N_WORDS; i++)
		if (!strcmp(container_words[i], word))
			return container_words[i];
	return NULL;
}

const char *alias_of(const char *first, const char *second, size_t *ret_used)
{
	_cleanup_free_ char *both = mem_printf("%s %s", first, second ? second : "");

	for (size_t i = 0; i < N_ALIASES; i++) {
		bool two = strchr(aliases[i].name, ' ') != NULL;

		if (strcmp(aliases[i].name, two ? both : first) == 0) {
			*ret_used = two ? 2 : 1;
			return aliases[i].is;
		}
	}
	*ret_used = 2;
	return alias_is_group(first) && second ? container_word(second) : NULL;
}

void alias_list(struct strv *out)
{
	for (size_t i = 0; i < N_ALIASES; i++)
		strv_pushf(out, "%s=%s", aliases[i].name, aliases[i].is);
	for (size_t i = 0; i < N_WORDS; i++)
		strv_pushf(out, "container %s=%s", container_words[i], container_words[i]);
}
