/* What a foreground asks of containerd while it copies: signals for the process, its terminal's size, the end of its input. Asked
 * without waiting for the answer; what a connection that broke has left unanswered is asked again over the next. */
#pragma once
#include "core.h"
#include <stdbool.h>

struct orders;

/* @id and @exec_id (NULL: the task itself) are borrowed. */
struct orders *orders_new(struct core *, const char *id, const char *exec_id);
/* Whoever does not look after each turn is told when orders_go_on() has something to do: an answer has come, or none for too long,
 * or a connection that was broken may be there again. */
void orders_notify(struct orders *, void (*fn)(void *arg), void *arg);
void orders_free(struct orders *);
DEFINE_CLEANUP(struct orders, orders_free)
void orders_signal(struct orders *, int signal);
void orders_resize(struct orders *, unsigned cols, unsigned rows);
void orders_close_stdin(struct orders *);
/* After each turn of the loop, before anything that may replace the connection. False: a signal that asks for the end could not
 * be delivered, since containerd does not answer. */
bool orders_go_on(struct orders *);
