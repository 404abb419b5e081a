/* The kernels by instruction set. */
#ifndef SOTTO_ENGINE_ISA_H
#define SOTTO_ENGINE_ISA_H

#include "engine/engine.h"
#include "engine/kernels/kernels.h"

/* NULL: machine or build lacks them. */
const struct kernels *isa_kernels(enum engine_isa isa);

#endif
