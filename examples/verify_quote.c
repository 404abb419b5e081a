/* verify_quote QUOTE POLICY SECONDS COLLATERAL-FILE...: exit 0 verified, 10 simulated, 11 refused, 12 undecided. */
#include <sotto/verify.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sotto_file file_read(const char *path)
{
    const char *slash = strrchr(path, '/');
    void *data = malloc(1 << 20);
    FILE *f = fopen(path, "rb");

    return (struct sotto_file){slash ? slash + 1 : path, data, f && data ? fread(data, 1, 1 << 20, f) : 0};
}

int main(int argc, char **argv)
{
    struct sotto_file text, files[16];
    struct sotto_input in = {.files = files};
    sotto_policy *policy;
    sotto_verdict *verdict;
    char why[256] = "usage: verify_quote QUOTE POLICY SECONDS COLLATERAL-FILE...";

    for (int i = 4; i < argc && in.file_count < 16; i++) {
        files[in.file_count++] = file_read(argv[i]);
    }
    text = file_read(argc < 4 ? "/dev/null" : argv[2]);
    if (argc < 4 || !sotto_policy_parse(text.data, text.size, &policy, why, sizeof why)) {
        return fprintf(stderr, "%s\n", why), 1;
    }
    in.policy = policy;
    in.time = strtoll(argv[3], NULL, 10);
    text = file_read(argv[1]);
    if (sotto_verify(SOTTO_QUOTE, text.data, text.size, &in, &verdict) == SOTTO_FAILED) {
        return 1;
    }
    (void)puts(sotto_verdict_text(verdict));
    return (int)sotto_verdict_result(verdict);
}
