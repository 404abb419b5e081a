#include "device/real.h"

#include "os/file.h"

#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

static const char *const interfaces[] = {
    "/dev/tdx_guest",
    "/dev/tdx-guest",
    "/dev/tdx-attest",
    "/sys/devices/virtual/misc/tdx_guest",
};

/* Intel TDX Module ABI, CPUID virtualisation: leaf 0x21, sub-leaf 0. */
static bool cpu_is_tdx(void)
{
#if defined(__x86_64__)
    unsigned most, a, b, c, d;
    char name[13] = "";

    if (!__get_cpuid(0, &most, &b, &c, &d) || most < 0x21) {
        return false;
    }
    __cpuid_count(0x21, 0, a, b, c, d);
    (void)a;
    memcpy(name, &b, 4);
    memcpy(name + 4, &d, 4);
    memcpy(name + 8, &c, 4);
    return memcmp(name, "IntelTDX    ", 12) == 0;
#else
    return false;
#endif
}

bool real_present(const char *root)
{
    char path[4096];

    for (size_t i = 0; i < sizeof interfaces / sizeof interfaces[0]; i++) {
        int n = snprintf(path, sizeof path, "%s%s", root, interfaces[i]);

        if (n > 0 && (size_t)n < sizeof path && file_exists(path)) {
            return true;
        }
    }
    return root[0] == '\0' && cpu_is_tdx();
}
