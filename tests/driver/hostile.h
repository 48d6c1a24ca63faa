/* Requests that no honest client sends, made of a method's own description, so that a new method or field is covered by itself. */
#pragma once
#include "buf.h"
#include <protobuf-c/protobuf-c.h>

/* @name says what is wrong with it. */
typedef void hostile_fn(void *arg, const char *name, const struct buf *message);
void hostile_each(const ProtobufCMessageDescriptor *, hostile_fn *, void *arg);
/* One with every field set, for who wants a request that is well-formed but means nothing. */
void hostile_plain(const ProtobufCMessageDescriptor *, struct buf *out);
