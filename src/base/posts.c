#include "posts.h"
#include <assert.h>

void posts_init(struct posts *ps)
{
	*ps = (struct posts){ 0 };
	list_init(&ps->waiting);
	list_init(&ps->turn);
	(void)pthread_mutex_init(&ps->mu, NULL);
}

void posts_done(struct posts *ps)
{
	assert(list_empty(&ps->waiting) && list_empty(&ps->turn));
	(void)pthread_mutex_destroy(&ps->mu);
}

bool posts_add(struct posts *ps, struct post *p)
{
	bool wake;

	(void)pthread_mutex_lock(&ps->mu);
	if (!list_linked(&p->node))
		list_push(&ps->waiting, &p->node);
	wake = ps->asleep;
	ps->asleep = false;
	(void)pthread_mutex_unlock(&ps->mu);
	return wake;
}

void posts_remove(struct posts *ps, struct post *p)
{
	(void)pthread_mutex_lock(&ps->mu);
	list_unlink(&p->node);
	(void)pthread_mutex_unlock(&ps->mu);
}

bool posts_sleep(struct posts *ps)
{
	bool none;

	(void)pthread_mutex_lock(&ps->mu);
	none = list_empty(&ps->waiting);
	ps->asleep = none;
	(void)pthread_mutex_unlock(&ps->mu);
	return none;
}

void posts_awake(struct posts *ps)
{
	(void)pthread_mutex_lock(&ps->mu);
	ps->asleep = false;
	(void)pthread_mutex_unlock(&ps->mu);
}

static struct post *posts_take(struct posts *ps)
{
	struct post *p = NULL;

	(void)pthread_mutex_lock(&ps->mu);
	if (!list_empty(&ps->turn)) {
		p = container_of(ps->turn.next, struct post, node);
		list_unlink(&p->node);
	}
	(void)pthread_mutex_unlock(&ps->mu);
	return p;
}

unsigned posts_run(struct posts *ps)
{
	struct post *p;
	unsigned ran = 0;

	(void)pthread_mutex_lock(&ps->mu);
	list_move_all(&ps->turn, &ps->waiting);
	(void)pthread_mutex_unlock(&ps->mu);
	for (; (p = posts_take(ps)); ran++)
		p->fn(p->arg);
	return ran;
}
