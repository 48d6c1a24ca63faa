#include "hcl-function.h"

const struct hcl_value *hcl_call(struct hcl *h, const struct hcl_expr *e, const struct hcl_scope *scope)
{
	(void)scope;
	(void)hcl_bad(h, e->at, "there is no function %s", e->text);
	return NULL;
}
