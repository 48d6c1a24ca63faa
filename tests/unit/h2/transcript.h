/* HTTP/2 transcripts for the tests of the engines: bytes from text, and text from bytes.
 *
 * A script is commands with ';' between them; ID may be followed by '!' for END_STREAM:
 *   preface; settings; settings KEY=N; ack; ping; pong; headers ID name=value ...; data ID HEX; msg ID TEXT (a gRPC
 *   message); pad ID TEXT (likewise, in a padded frame); rst ID CODE; goaway LAST CODE TEXT; window ID N; raw HEX
 * A value "*N" is N times 'x'. Header blocks are literals, split into CONTINUATION frames where they are long. */
#pragma once
#include "buf.h"

void wire_build(struct buf *out, const char *script);
/* The frames of @b in that form; DATA is "data ID LENGTH". The caller frees. Fails the test on what is no frame. */
char *wire_text(const struct buf *b);
