/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#pragma once
#include "buf.h"
#include <stdbool.h>

/* The length of the character at @s (@len > 0), 0 when it is none. */
size_t utf8_len(const char *s, size_t len);
bool utf8_valid(const char *s, size_t len);
void utf8_put(struct buf *, unsigned code_point);
/* What may be shown to people in any place: not control characters (C0, DEL, C1), which move the cursor or set the terminal, nor
 * what turns the direction of writing or breaks the line (U+2028), nor what has no width and no part in any script (zero-width
 * space, byte order mark, tags ...), by which two names look the same. The joiners U+200C and U+200D stay: scripts need them. */
bool utf8_shown(unsigned code_point);
/* Disarm one line in place: each character that may not be shown becomes '?', and so does each byte that belongs to none (a
 * terminal that is not set to UTF-8 takes 0x80 to 0x9f for C1). */
void utf8_disarm(char *s);
/* Append @s disarmed for a terminal: the ends of lines, tabs and colours (ESC [ ... m) stay. True: a colour may be on. */
bool utf8_disarm_text(struct buf *out, const char *s, size_t len);
/* Append JSON text with such characters as \u escapes: it means the same. */
void utf8_escape_json(struct buf *out, const char *s, size_t len);
/* Append @s; each byte that belongs to no character becomes U+FFFD. */
void utf8_mend(struct buf *out, const char *s, size_t len);
