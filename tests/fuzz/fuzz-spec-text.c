/* What is found in a text that is JSON is what its tree has, and what is absent is in no tree of it, whatever its case. */
#include "spec-text.h"
#include "json.h"
#include <assert.h>
#include <stdint.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_key(json *o, const char *key)
{
	json_object_object_foreach(o, name, value) {
		(void)value;
		if (!strcasecmp(name, key))
			return true;
	}
	return false;
}

static void look_for(struct span s, json *tree, const char *key)
{
	struct span value = { 0 };
	const enum span_found found = span_get(s, key, &value);
	_cleanup_json_ json *one = NULL;

	if (found == SPAN_FOUND)
		assert(value.at > s.at && value.at + value.len <= s.at + s.len);
	if (!tree || found == SPAN_UNSURE)
		return;
	assert(json_object_is_type(tree, json_type_object) && has_key(tree, key) == (found == SPAN_FOUND));
	if (found == SPAN_FOUND)
		assert(json_parse(value.at, value.len, &one, NULL) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span s = { (const char *)data, size };
	_cleanup_json_ json *tree = NULL;

	if (json_parse(s.at, s.len, &tree, NULL) < 0)
		tree = NULL;
	look_for(s, tree, "annotations");
	look_for(s, tree, "hooks");
	look_for(s, tree, "k");
	return 0;
}
