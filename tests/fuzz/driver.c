/* Replays a corpus through a fuzz target without a fuzzer: every file of the folders in argv. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file_replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes;
    long size;

    if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) != 0) {
        perror(path);
        exit(1);
    }
    bytes = malloc((size_t)size + 1);
    if (bytes == NULL || fread(bytes, 1, (size_t)size, f) != (size_t)size) {
        perror(path);
        exit(1);
    }
    (void)fclose(f);
    (void)LLVMFuzzerTestOneInput(bytes, (size_t)size);
    free(bytes);
    return 1;
}

int main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        struct dirent *e;

        while (dir != NULL && (e = readdir(dir)) != NULL) {
            char path[4096];

            if (e->d_name[0] != '.') {
                (void)snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
                count += file_replay(path);
            }
        }
        if (dir != NULL) {
            (void)closedir(dir);
        }
    }
    if (count == 0) {
        (void)fprintf(stderr, "the corpus is empty\n");
        return 1;
    }
    (void)printf("1..1\nok 1 - %d inputs\n", count);
    return 0;
}
