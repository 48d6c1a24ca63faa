#include "format.h"

const struct opt format_opts[] = {
	{ "format", .arg = "FORM", .help = "text or json (a line for each object)", .topic = "Flags", .words = "text json",
	  .set = opt_word, .at = offsetof(struct format_flags, format) },
	{ 0 },
};

void format_init(void *flags) { ((struct format_flags *)flags)->format = "text"; }

bool format_is_json(const void *flags) { return ((const struct format_flags *)flags)->format[0] == 'j'; }
