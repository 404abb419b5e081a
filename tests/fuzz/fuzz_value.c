/* Contract: the reader without jansson takes exactly what jansson takes, and says the same. */
#include "value_compare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool accepted;

    if (!value_agrees(bytes_of(data, size), &accepted)) {
        abort();
    }
    return 0;
}
