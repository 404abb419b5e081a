/* Whether this machine is a TDX guest: then a simulator has no business here (docs/formats.md, section 11). */
#ifndef SOTTO_DEVICE_REAL_H
#define SOTTO_DEVICE_REAL_H

#include <stdbool.h>

/* A TDX device node or register below root, or, where root is "" (this machine), the CPU's own word: CPUID leaf 0x21
 * "IntelTDX    ". */
bool real_present(const char *root);

#endif
