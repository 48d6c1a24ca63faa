#include "spec-edit.h"
#include "engine-kind.h"
#include <string.h>

#define LOWERED "\"1.0.2\""

static bool span_equals(struct span s, const char *text) { return s.len == strlen(text) && !memcmp(s.at, text, s.len); }

/* @text with @with where @part, which is a piece of it, is. */
static void replace(struct span text, struct span part, const char *with, struct buf *out)
{
	const char *rest = part.at + part.len;

	buf_add(out, text.at, (size_t)(part.at - text.at));
	buf_adds(out, with);
	buf_add(out, rest, (size_t)(text.at + text.len - rest));
}

bool spec_lower_version(const char *program, struct span spec, struct buf *out)
{
	struct span version;

	if (engine_kind(program) != ENGINE_CRUN || span_get(spec, "ociVersion", &version) != SPAN_FOUND ||
	    memmem(version.at, version.len, "1.0", 3))
		return false;
	replace(spec, version, LOWERED, out);
	return true;
}

bool spec_set_terminal(struct span process, bool terminal, struct buf *out)
{
	const char *brace = memchr(process.at, '{', process.len);
	struct span said;

	switch (span_get(process, "terminal", &said)) {
	case SPAN_FOUND:
		if (span_equals(said, terminal ? "true" : "false"))
			return false;
		replace(process, said, terminal ? "true" : "false", out);
		return true;
	case SPAN_ABSENT:
		if (!terminal || !brace)
			return false;
		replace(process, (struct span){ brace + 1, 0 }, "\"terminal\":true,", out);
		return true;
	case SPAN_UNSURE:
	default: return false;
	}
}
