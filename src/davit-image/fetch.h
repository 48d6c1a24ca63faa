/* A manifest's layers from the registry to containerd's store, three at a time, resumed where an earlier attempt ended,
 * and unpacked as they come. */
#pragma once
#include "registry.h"
#include "unpack.h"

/* Returns when all are stored and unpacked. What an interruption leaves is kept in the session's open_ingests; a
 * failure leaves nothing. */
int fetch_layers(struct registry *, const struct manifest *, struct unpack *, struct err *err);
/* Note at blob @digest that this repository has it, so that a push to the same registry need not send it again. */
int fetch_note_source(struct session *, const struct ref *, const char *digest, struct err *err);
/* The same as a label of a blob that is about to be written. */
void fetch_source_label(const struct ref *, struct dict *labels);
