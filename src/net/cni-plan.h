/* In which order the programs of a chain run: its plugins, and the rules of forward.h. */
#pragma once
#include "json.h"
#include <stdbool.h>
#include <stddef.h>

struct cni_place {
	json *plugin;   /* borrowed; NULL: a rule of forward.h */
	int family;     /* of that rule */
	bool ports;     /* it forwards ports */
	unsigned stage; /* those of one stage run side by side, the stages one after the other */
	size_t of;      /* of a rule: the place of the plugin whose chain it is in; it follows that one alone */
};

/* The places of @list in the order of an ADD, @rules: with those of forward.h. The caller frees. */
size_t cni_plan(json *list, bool rules, struct cni_place **ret);
/* Has @i to wait for @j's end? In a DEL (@back) whoever was waited for in an ADD waits. */
bool cni_plan_waits(const struct cni_place *all, size_t i, size_t j, bool back);
