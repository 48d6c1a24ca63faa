/* The command line's console (streams/console.h): its program has one thread, and the terminal is its user's. */
#pragma once
#include "console.h"

extern const struct console cli_console;
