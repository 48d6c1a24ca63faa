#include "csv.h"
#include "buf.h"
#include "check.h"
#include <string.h>

static const char remedy[] = "quote the whole field: '\"source=/a,b\",target=/c'; a quote in it is written twice";

/* Behind the field, or NULL. */
static const char *quoted_field(const char *p, struct buf *field)
{
	for (p++; *p; p++) {
		if (*p == '"' && *++p != '"')
			return *p && *p != ',' ? NULL : p;
		buf_addc(field, *p);
	}
	return NULL;
}

static const char *plain_field(const char *p, struct buf *field)
{
	size_t n = strcspn(p, ",");

	if (memchr(p, '"', n))
		return NULL;
	buf_add(field, p, n);
	return p + n;
}

int csv_split(const char *noun, const char *s, struct strv *out, struct err *err)
{
	const char *p = s;

	while (*p) {
		_cleanup_buf_ struct buf field = { 0 };
		const bool quoted = *p == '"';

		p = quoted ? quoted_field(p, &field) : plain_field(p, &field);
		if (!p)
			return err_hint(err,
					check_fail(noun, s,
						   quoted ? "a quoted field does not end with its quote"
							  : "a quote in the middle of a field",
						   err),
					remedy);
		strv_push(out, buf_str(&field));
		if (*p == ',' && !*++p) /* a comma at the end stands before an empty field */
			strv_push(out, "");
	}
	return 0;
}
