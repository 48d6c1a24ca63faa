/* What is taken must come back the same when written and read again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "json.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_ json *j = NULL, *again = NULL, *quoted = NULL;
	_cleanup_buf_ struct buf out = { 0 }, literal = { 0 };
	struct err err = ERR_INIT;

	json_quote(&literal, (const char *)data, size);
	assert((json_parse(literal.data, literal.len, &quoted, &err) < 0) == (size && memchr(data, '\0', size)));
	err_clear(&err);
	if (json_parse((const char *)data, size, &j, &err) < 0)
		return 0;
	json_write_pretty(j, &out);
	assert(json_parse(out.data, out.len, &again, &err) == 0);
	return 0;
}
