/* Platforms as images name them: linux/amd64, linux/arm/v7. */
#pragma once
#include "err.h"
#include "labels.h"

struct platform {
	char os[24], arch[24], variant[24];
}; /* normalised: x86_64 is amd64, arm64/v8 is arm64, arm is arm/v7 */

/* This host's. */
void platform_host(struct platform *ret);
/* "os/arch[/variant]", or an architecture alone (of linux). NULL or "": the host's. -ERR_INVALID names the text. */
int platform_parse(const char *s, struct platform *ret, struct err *err);
/* From three strings of which any may be NULL; too long ones are cut, so that they match nothing. */
void platform_set(struct platform *, const char *os, const char *arch, const char *variant);
/* How well an image made for @have runs where @want does: 0 exactly, more is worse, -1 not at all. */
int platform_match(const struct platform *want, const struct platform *have);
enum { PLATFORM_TEXT = 96 };
const char *platform_text(const struct platform *, char out[PLATFORM_TEXT]);
/* The label of an image record for it: PLATFORM_LABELS with its text behind. */
const char *platform_label(const struct platform *, char out[PLATFORM_TEXT]);
