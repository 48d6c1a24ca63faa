/* The terminal, if there is one: how wide it is, and what it may be sent. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Columns to write in: COLUMNS where it is set, else the terminal's; 0: not a terminal, nothing need be cut. */
unsigned term_width(int fd);
unsigned term_height(int fd); /* lines; 0: not a terminal, or it does not say */
bool term_color(int fd);      /* a terminal, and NO_COLOR is not set */
/* May text beyond ASCII be written? Asked of LC_ALL, LC_CTYPE and LANG, in that order: the C locale is ASCII. */
bool term_utf8(void);
/* What is sent to terminal @fd: where the locale is ASCII each character beyond it becomes '?'. */
void term_disarm(int fd, char *s);
