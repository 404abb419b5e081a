/* The kernels by instruction set. */
#ifndef SOTTO_ENGINE_ISA_H
#define SOTTO_ENGINE_ISA_H

#include "engine/engine.h"
#include "engine/kernels/kernels.h"

/* NULL: machine or build lacks them. */
const struct kernels *isa_kernels(enum engine_isa isa);

/* The set's own function for a form of panel, or the reference's where it has none; its name. */
kernel_tile *isa_tile(const struct kernels *k, enum kernel_panel kind, const char **name);

#endif
