/* Intrusive doubly linked list: a head is a struct list_node of its own. A zeroed node is in no list. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct list_node {
	struct list_node *prev, *next;
};

#define container_of(p, T, member) ((T *)(void *)((char *)(p)-offsetof(T, member)))

static inline void list_init(struct list_node *head) { head->prev = head->next = head; }
static inline bool list_empty(const struct list_node *head) { return !head->next || head->next == head; }
static inline bool list_linked(const struct list_node *n) { return n->next != NULL; }

/* Append @n to the list of @head. */
static inline void list_push(struct list_node *head, struct list_node *n)
{
	n->prev = head->prev;
	n->next = head;
	head->prev->next = n;
	head->prev = n;
}

/* Take @n out of its list; nothing when it is in none. */
static inline void list_unlink(struct list_node *n)
{
	if (!n->next)
		return;
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->prev = n->next = NULL;
}

/* All of @from's go to the end of @to's. */
static inline void list_move_all(struct list_node *to, struct list_node *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

/* The body may unlink and free @it, no other node. */
#define list_for_each(it, head) \
	for (struct list_node *it = (head)->next, *it##_next; it && it != (head) && (it##_next = it->next, 1); it = it##_next)
