/* Nothing that may not be shown passes, whatever comes in; and an escaped JSON text means what it meant. */
#include "json.h"
#include "utf8.h"
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All of it characters, and none of those that a terminal obeys but the ones in @kept. */
static void look(const char *s, size_t len, const char *kept)
{
	assert(utf8_valid(s, len));
	for (size_t i = 0; i < len; i++) {
		const unsigned char *c = (const unsigned char *)s + i;

		assert((*c >= 0x20 && *c != 0x7f) || (*c && strchr(kept, *c)));
		assert(!(c[0] == 0xc2 && c[1] < 0xa0));
		assert(!(c[0] == 0xe2 && c[1] == 0x80 && ((c[2] >= 0xaa && c[2] <= 0xae) || c[2] == 0x8e || c[2] == 0x8f)));
		assert(!(c[0] == 0xe2 && c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));
	}
}

static void look_at_json(const char *s)
{
	_cleanup_buf_ struct buf quoted = { 0 }, made = { 0 };
	_cleanup_json_ json *j = NULL, *again = NULL;

	json_quote(&quoted, s, strlen(s));
	look(quoted.data, quoted.len, "");
	assert(json_parse(quoted.data, quoted.len, &j, NULL) >= 0);
	json_write(j, &made);
	look(made.data, made.len, "");
	assert(json_parse(made.data, made.len, &again, NULL) >= 0);
	assert(!strcmp(json_text(j), json_text(again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf text = { 0 };
	char *line = malloc(size + 1);

	if (!line)
		abort();
	memcpy(line, data, size);
	line[size] = '\0';
	look_at_json(line);
	(void)utf8_disarm_text(&text, line, size);
	look(buf_str(&text), text.len, "\n\r\t\033");
	utf8_disarm(line);
	look(line, strlen(line), "");
	free(line);
	return 0;
}
