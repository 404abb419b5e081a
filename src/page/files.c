#include "page/page.h"

/* Every file of web/dist, put behind a label by the assembler. A file larger than the table says stops the build; a
 * unit test holds each one against its digest. PAGE_DIST is the folder's path. */
#define BLOB(label, file, size) \
    __asm__(".section .rodata\n" \
            ".balign 16\n" \
            ".global " label "\n" label ":\n" \
            ".incbin \"" PAGE_DIST "/" file "\"\n" \
            ".org " label " + " #size "\n" \
            ".byte 0\n" \
            ".text\n");

#define PAGE_FILE(n, path, type, cache, file, size, gzip_size, tag, gzip_tag) \
    BLOB("page_blob_" #n, file, size) \
    BLOB("page_gzip_" #n, file ".gz", gzip_size) \
    extern const uint8_t page_blob_##n[size]; \
    extern const uint8_t page_gzip_##n[gzip_size];
#include "page.inc"
#undef PAGE_FILE

static const struct page_file files[] = {
#define PAGE_FILE(n, path_, type_, cache_, file, size, gzip_size, tag, gzip_tag) \
    {.path = path_, \
     .type = type_, \
     .etag = "\"" tag "\"", \
     .etag_gzip = "\"" gzip_tag "\"", \
     .cache = cache_, \
     .content = {page_blob_##n, size}, \
     .gzip = {page_gzip_##n, gzip_size}},
#include "page.inc"
#undef PAGE_FILE
};

const struct page_file *page_files(size_t *count)
{
    *count = sizeof files / sizeof *files;
    return files;
}
