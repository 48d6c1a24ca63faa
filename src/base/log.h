/* The log: lines for people (or JSON, or what containerd's own lines look like, or hclog's, as hosts of go-plugin read them) on
 * stderr. Only main, RPC handlers and background work log; a function that returns an error does not. */
#pragma once
#include "attr.h"
#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

enum log_form { LOG_TEXT, LOG_JSON, LOG_LOGRUS, LOG_HCLOG };

/* Before any other thread runs. Without it: LOG_WARN, LOG_TEXT. */
void log_init(enum log_level max, enum log_form);
/* Whose log it is, where the form says so (LOG_HCLOG's @module). As log_init(). */
void log_module(const char *name);
bool log_wants(enum log_level);
void log_line(enum log_level, const char *fmt, ...) _printf_(2, 3); /* control characters become '?' */

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) \
	do { \
		if (log_wants(LOG_DEBUG)) \
			log_line(LOG_DEBUG, __VA_ARGS__); \
	} while (0)
