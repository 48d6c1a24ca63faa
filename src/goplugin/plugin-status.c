#include "plugin-status.h"
#include "nomaddriver.pb-c.h"
#include "pb.h"
#include "status.pb-c.h"

#define RECOVERABLE_TYPE "type.googleapis.com/hashicorp.nomad.plugins.shared.structs.RecoverableError"

unsigned plugin_status(const struct err *err)
{
	if (err->code == ERR_UNAVAILABLE || err->code == ERR_CANCELLED || err->code == ERR_NONE)
		return err_to_grpc(-ERR_UNKNOWN);
	return err_to_grpc(-(int)err->code);
}

const char *plugin_status_text(const struct err *err, plugin_hint_fn *word, char out[PLUGIN_STATUS_TEXT])
{
	const char *hint = *err->hint ? err->hint : err_remedy(err);
	char worded[PLUGIN_HINT_TEXT];

	if (hint && word)
		hint = word(hint, worded);
	(void)snprintf(out, PLUGIN_STATUS_TEXT, "%s%s%s", err->msg, hint ? "; " : "", hint ? hint : "");
	return out;
}

unsigned plugin_status_recoverable(const char *text, bool recoverable, struct buf *details)
{
	Driver__RecoverableError flag = DRIVER__RECOVERABLE_ERROR__INIT;
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT, *anys = &any;
	Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
	_cleanup_buf_ struct buf value = { 0 };

	flag.recoverable = recoverable;
	pb_pack(&flag.base, &value);
	any.type_url = (char *)(uintptr_t)RECOVERABLE_TYPE;
	any.value.data = (uint8_t *)value.data;
	any.value.len = value.len;
	status.code = (int)err_to_grpc(-ERR_PRECONDITION);
	status.message = (char *)(uintptr_t)text;
	status.n_details = 1;
	status.details = &anys;
	pb_pack(&status.base, details);
	return (unsigned)status.code;
}
