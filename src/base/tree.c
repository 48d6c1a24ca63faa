/* Nodes and texts stand in chunks that grow; nothing is freed before the tree is. */
#include "tree.h"
#include "mem.h"
#include "strv.h"
#include <math.h>
#include <string.h>

enum { CHUNK_FIRST = 2048, CHUNK_MOST = 256 << 10 };

struct tree_chunk {
	struct tree_chunk *before;
	size_t used, size;
	max_align_t data[];
};

void tree_done(struct tree *t)
{
	while (t->chunks) {
		struct tree_chunk *c = t->chunks;

		t->chunks = c->before;
		free(c);
	}
	*t = (struct tree){ 0 };
}

static struct tree_chunk *chunk_new(struct tree *t, size_t n)
{
	size_t size = t->chunks ? 2 * t->chunks->size : CHUNK_FIRST;
	struct tree_chunk *c;

	size = size > CHUNK_MOST ? CHUNK_MOST : size;
	size = size < n ? n : size;
	if (n > TREE_MAX || t->used + size > TREE_MAX)
		return NULL;
	c = mem_resize(NULL, sizeof *c + size);
	*c = (struct tree_chunk){ .before = t->chunks, .size = size };
	t->chunks = c;
	t->used += size;
	return c;
}

/* @align is 1 for texts, so that many short ones cost what they are. */
static void *tree_take(struct tree *t, size_t n, size_t align)
{
	struct tree_chunk *c = t->chunks;
	size_t at = c ? (c->used + align - 1) / align * align : 0;

	if (!c || at > c->size || c->size - at < n) {
		c = chunk_new(t, n);
		at = 0;
	}
	if (!c)
		return NULL;
	c->used = at + n;
	return (char *)c->data + at;
}

struct node *tree_add(struct tree *t, struct node *parent, enum node_kind kind, struct node_place at)
{
	struct node *n = tree_take(t, sizeof *n, _Alignof(struct node));

	if (!n)
		return NULL;
	*n = (struct node){ .kind = kind, .at = at };
	if (!parent) {
		t->root = n;
		return n;
	}
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	parent->n++;
	return n;
}

char *tree_room(struct tree *t, size_t n) { return tree_take(t, n, 1); }

int tree_full(struct err *err)
{
	return err_set(err, ERR_EXHAUSTED, "too many values: they would take more than %d MiB", TREE_MAX >> 20);
}

int tree_err(const struct tree *t, struct node_place at, int r, struct err *err)
{
	return err_wrap(err, r, "%s:%u:%u", t->file, at.line, at.column);
}

const struct node *node_get(const struct node *map, const char *key)
{
	const struct node *found = NULL;

	for (const struct node *n = map && map->kind == NODE_MAP ? map->first : NULL; n; n = n->next)
		if (!strcmp(n->key, key))
			found = n;
	return found;
}

const struct node *node_twice(const struct node *map)
{
	const char **keys = mem_array(const char *, map->n + 1);
	const struct node *m = map->first;
	size_t i = 0;

	for (; m; m = m->next)
		keys[i++] = m->key;
	i = texts_twice(keys, map->n);
	free(keys);
	for (m = map->first; m && i; i--)
		m = m->next;
	return m;
}

const char *node_text(const struct node *n) { return n && n->kind == NODE_TEXT ? n->text : NULL; }

/* The digits of a whole number and their base; NULL: it is none. YAML has + and 0x as well. */
static const char *digits_of(const char *text, int *ret_base)
{
	const bool hex = !strncmp(text, "0x", 2);
	const char *digits = text + (hex ? 2 : *text == '-' || *text == '+');

	*ret_base = hex ? 16 : 10;
	if (!*digits || digits[strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789")])
		return NULL;
	return digits;
}

bool node_whole(const struct node *n, int64_t *ret, bool *ret_fits)
{
	int base;

	if (!n || n->kind != NODE_NUMBER || !digits_of(n->text, &base))
		return false;
	errno = 0;
	*ret = strtoll(n->text, NULL, base);
	*ret_fits = !errno;
	return true;
}

bool node_number(const struct node *n, double *ret)
{
	const char *text;

	if (!n || n->kind != NODE_NUMBER)
		return false;
	text = n->text + (*n->text == '-' || *n->text == '+');
	if (*text == '.' && !strpbrk(text, "0123456789")) /* YAML's .inf and .nan */
		*ret = text[1] == 'n' || text[1] == 'N' ? NAN : *n->text == '-' ? -HUGE_VAL : HUGE_VAL;
	else
		*ret = strtod(n->text, NULL);
	return true;
}
