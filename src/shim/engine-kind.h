/* Which engine it is, where that makes a difference: what is known of one is taken for granted of it alone, and all others are
 * asked the long way. */
#pragma once

enum engine_kind {
	ENGINE_OTHER, /* runsc among them: its first process is the sandbox, and the container's are inside */
	ENGINE_RUNC,
	ENGINE_CRUN,
};
/* By the name of its file: "crun", "/opt/crun-1.8", "runc.real". */
enum engine_kind engine_kind(const char *program);
