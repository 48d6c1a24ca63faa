/* JSON into protobuf messages and back, by the messages' own descriptors: keys are the fields' names, enum values are named, bytes
 * are base64, maps are objects. 64-bit numbers are numbers. Of a oneof the
 * member is there that was chosen. No float, and the keys of maps are texts: the calls of CRI and Nomad have nothing else. */
#pragma once
#include "json.h"
#include "pb.h"

/* A message of @type from an object, in @a; texts are borrowed from @value. null and absent are the same. -ERR_INVALID: a key that
 * the message has not, a value of another type or out of its field's range, a text that is no base64; the error says where. Nesting
 * is bounded by PB_DEPTH_MAX, memory by what json_parse() let pass. */
int pb_json_read(const ProtobufCMessageDescriptor *type, json *value, struct arena *a, ProtobufCMessage **ret, struct err *err);
/* Every field; messages that are absent are left out, and what was not chosen. The caller owns the tree. Of a map's entries with
 * one key the last is there.
 */
json *pb_json_write(const ProtobufCMessage *);
