#include "test.h"

#include "gguf_make.h"
#include "os/file.h"
#include "store/modelfile.h"
#include "store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64], model_path[96];

/* A model file of 3 MiB: small metadata, one tensor. */
static void model_write(void)
{
    struct buf b = BUF(MIB(8));
    struct err err;

    make_begin(&b, 1, 3);
    make_str(&b, "general.architecture", "llama");
    make_u32(&b, "general.file_type", 2);
    make_u32(&b, "llama.context_length", 512);
    make_tensor(&b, "w", 0, 1 << 18, 3, 0);
    make_data(&b, 3 << 20);
    assert_ok(file_write(model_path, 0644, buf_bytes(&b), &err), err);
    buf_done(&b);
}

static void folder_remove(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *e;

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        char below[4096];

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        (void)snprintf(below, sizeof below, "%s/%s", path, e->d_name);
        if (unlink(below) != 0) {
            folder_remove(below);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    (void)rmdir(path);
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/sotto-store-XXXXXX");
    assert_non_null(mkdtemp(root));
    (void)snprintf(model_path, sizeof model_path, "%s/in.gguf", root);
    model_write();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove(root);
    return 0;
}

static struct store store_here(void)
{
    struct store s;
    struct err err;

    assert_ok(store_open(root, &s, &err), err);
    return s;
}

static bool import(const char *name, const uint8_t *sha256, struct store_model *out, struct err *err)
{
    struct store s = store_here();
    struct engine_part file = {open(model_path, O_RDONLY | O_CLOEXEC), model_path};
    struct store_import in = {.name = name, .files = &file, .file_count = 1, .sha256 = sha256};
    bool ok;

    assert_true(file.fd >= 0);
    ok = store_import(&s, &in, out, err);
    (void)close(file.fd);
    return ok;
}

static size_t count_models(struct err *damaged)
{
    struct store s = store_here();
    struct store_model *models;
    struct err err;
    size_t count;

    assert_ok(store_list(&s, &models, &count, damaged, &err), err);
    free(models);
    return count;
}

/* How many files of blobs/ and of the root have the temporary prefix. */
static int count_leftovers(void)
{
    static const char *const folders[] = {"", "/blobs"};
    int count = 0;

    for (size_t i = 0; i < 2; i++) {
        char path[128];
        DIR *dir;
        const struct dirent *e;

        (void)snprintf(path, sizeof path, "%s%s", root, folders[i]);
        dir = opendir(path);
        while (dir != NULL && (e = readdir(dir)) != NULL) {
            count += strncmp(e->d_name, ".sotto-", 7) == 0;
        }
        if (dir != NULL) {
            (void)closedir(dir);
        }
    }
    return count;
}

static void test_import(void **state)
{
    struct store s = store_here();
    struct store_model m, again;
    struct buf bytes = BUF(0);
    struct gguf g;
    struct err err;
    int fd;

    (void)state;
    assert_int_equal(count_models(NULL), 0);
    assert_fails(store_find(&s, "tiny", &m, &err), err, REASON_MODEL_ABSENT, ERR_NOWHERE);
    assert_ok(import("Tiny", NULL, &m, &err), err);
    assert_string_equal(m.name, "Tiny:latest");
    assert_string_equal(m.family, "llama");
    assert_string_equal(m.file_type, "Q4_0");
    assert_string_equal(m.parameters, "786K");
    assert_string_equal(m.unused, "");
    assert_ok(store_find(&s, "tINY:LATEST", &again, &err), err);
    assert_memory_equal(again.id, m.id, SHA256_SIZE);
    assert_ok(import("tiny", m.files[0].sha256, &again, &err), err); /* replaces, and keeps the spelling */
    assert_string_equal(again.name, "Tiny:latest");
    assert_ok(import("someone/tiny:v2", NULL, &again, &err), err);
    assert_string_equal(again.name, "someone/tiny:v2");
    assert_int_equal(count_models(NULL), 2);
    assert_ok(store_open_file(&s, &m, 0, &fd, &err), err);
    assert_ok(store_header(fd, "x", &bytes, &g, &err), err);
    assert_int_equal(bytes.len, MIB(1));
    assert_int_equal(g.tensor_count, 1);
    gguf_done(&g);
    buf_done(&bytes);
    (void)close(fd);
    assert_int_equal(count_leftovers(), 0);
}

static void test_refused(void **state)
{
    static const uint8_t other[SHA256_SIZE] = {1};
    struct store_model m;
    struct err err;

    (void)state;
    assert_fails(import("tiny", other, &m, &err), err, REASON_MODEL_DIGEST, ERR_NOWHERE);
    assert_fails(import("../tiny", NULL, &m, &err), err, REASON_MODEL_NAME, ERR_NOWHERE);
    assert_int_equal(truncate(model_path, 3 << 20), 0);
    assert_false(import("tiny", NULL, &m, &err));
    assert_int_equal(err.reason, REASON_GGUF_TENSOR_RANGE);
    assert_int_equal(truncate(model_path, 0), 0);
    assert_fails(import("tiny", NULL, &m, &err), err, REASON_GGUF_TRUNCATED, 0);
    assert_int_equal(count_models(NULL), 0);
    assert_int_equal(count_leftovers(), 0);
}

static void kill_at(void *arg, uint64_t done, uint64_t total)
{
    const uint64_t *at = arg;

    (void)total;
    if (done >= *at) {
        (void)kill(getpid(), SIGKILL);
    }
}

/* SIGKILL while the file is copied: the next start accepts the store and cleans it. */
static void test_killed(void **state)
{
    (void)state;
    for (uint64_t at = 1; at <= 3; at++) {
        uint64_t done = at << 20;
        pid_t child = fork();
        struct store_model m;
        struct err err;
        int status;

        if (child == 0) {
            struct engine_part file = {open(model_path, O_RDONLY | O_CLOEXEC), model_path};
            struct store_import in = {
                .name = "tiny", .files = &file, .file_count = 1, .progress = kill_at, .arg = &done};
            struct store s;

            if (store_open(root, &s, &err)) {
                (void)!store_import(&s, &in, &m, &err);
            }
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(count_leftovers(), 1);
        assert_int_equal(count_models(NULL), 0);
        assert_int_equal(count_leftovers(), 0);
        assert_ok(import("tiny", NULL, &m, &err), err);
        assert_int_equal(count_models(NULL), 1);
        folder_remove(root);
        assert_int_equal(mkdir(root, 0700), 0);
        model_write();
    }
}

/* A file that somebody still holds is no leftover. */
static void test_held(void **state)
{
    struct store_model m;
    struct err err;
    char path[128];
    int fd;

    (void)state;
    assert_ok(import("tiny", NULL, &m, &err), err);
    (void)snprintf(path, sizeof path, "%s/blobs/.sotto-held", root);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    (void)store_here();
    assert_int_equal(count_leftovers(), 1);
    (void)close(fd);
    (void)store_here();
    assert_int_equal(count_leftovers(), 0);
}

static void blob_path(const uint8_t sha256[SHA256_SIZE], char out[256])
{
    int n = snprintf(out, 256, "%s/blobs/sha256-", root);

    for (size_t i = 0; i < SHA256_SIZE; i++) {
        n += snprintf(out + n, 256 - (size_t)n, "%02x", sha256[i]);
    }
}

/* Others open the store while a model is put in: none of them takes a file for a leftover that is just being made. */
static void test_beside(void **state)
{
    struct store_model m;
    struct err err;
    pid_t self = getpid(), child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        struct store again;

        while (getppid() == self && store_open(root, &again, &err)) {
        }
        _exit(0);
    }
    for (int i = 0; i < 100; i++) {
        bool ok = import("m:x", NULL, &m, &err);

        if (!ok) {
            (void)kill(child, SIGKILL);
        }
        assert_ok(ok, err);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

#define PARTS 3

/* A model of one tensor of 1 MiB a part. */
static void part_write(uint32_t part, uint32_t count, const char *tensor, char path[128])
{
    struct buf b = BUF(MIB(8));
    struct err err;

    (void)snprintf(path, 128, "%s/x-%05u-of-%05u.gguf", root, part + 1, count);
    make_begin(&b, 1, part == 0 ? 5 : 3);
    if (part == 0) {
        make_str(&b, "general.architecture", "llama");
        make_u32(&b, "llama.context_length", 512);
    }
    make_u32(&b, "split.no", part);
    make_u32(&b, "split.count", count);
    make_u32(&b, "split.tensors.count", count);
    make_tensor(&b, tensor, 0, 1 << 18, 1, 0);
    make_data(&b, 1 << 20);
    assert_ok(file_write(path, 0644, buf_bytes(&b), &err), err);
    buf_done(&b);
}

/* Within the third part. */
static void append(void *arg, uint64_t done, uint64_t total)
{
    (void)total;
    if (done > MIB(2)) {
        assert_int_equal(pwrite(*(int *)arg, "x", 1, 100), 1);
    }
}

static void test_split(void **state)
{
    static const struct {
        size_t order[PARTS], count;
        enum reason reason;
    } rows[] = {
        {{0, 2, 1}, 3, REASON_GGUF_SPLIT}, {{1, 0, 2}, 3, REASON_GGUF_SPLIT}, {{0, 1, 1}, 3, REASON_GGUF_SPLIT},
        {{0, 1}, 2, REASON_GGUF_SPLIT},    {{0}, 1, REASON_GGUF_SPLIT},       {{0, 1, 2}, 3, REASON_OK},
    };
    static const char *const tensors[PARTS] = {"a", "b", "c"};
    struct store s = store_here();
    struct engine_part parts[PARTS];
    char paths[PARTS][128];
    struct store_import changing;
    struct store_model m, found;
    struct err err;
    int fd;

    (void)state;
    for (uint32_t i = 0; i < PARTS; i++) {
        part_write(i, PARTS, tensors[i], paths[i]);
        parts[i] = (struct engine_part){open(paths[i], O_RDWR | O_CLOEXEC), paths[i]};
        assert_true(parts[i].fd >= 0);
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct engine_part files[PARTS];
        struct store_import in = {.name = "many", .files = files, .file_count = rows[i].count};

        for (size_t j = 0; j < rows[i].count; j++) {
            files[j] = parts[rows[i].order[j]];
        }
        if (rows[i].reason != REASON_OK) {
            assert_fails(store_import(&s, &in, &m, &err), err, rows[i].reason, ERR_NOWHERE);
            assert_fails(store_find(&s, "many", &found, &err), err, REASON_MODEL_ABSENT, ERR_NOWHERE);
        } else {
            assert_ok(store_import(&s, &in, &m, &err), err);
        }
    }
    assert_int_equal(m.file_count, PARTS);
    assert_string_equal(m.parameters, "786K");
    for (size_t i = 0; i < PARTS; i++) {
        struct buf in = BUF(MIB(2)), out = BUF(MIB(2));

        assert_ok(store_open_file(&s, &m, i, &fd, &err), err);
        assert_ok(file_read_fd(fd, "x", &out, &err), err);
        assert_ok(file_read(paths[i], &in, &err), err);
        assert_int_equal(m.files[i].size, in.len);
        assert_true(bytes_equal(buf_bytes(&in), buf_bytes(&out)));
        (void)close(fd);
        buf_done(&in);
        buf_done(&out);
    }
    changing = (struct store_import){
        .name = "changed", .files = parts, .file_count = PARTS, .progress = append, .arg = &parts[2].fd};
    assert_fails(store_import(&s, &changing, &m, &err), err, REASON_FILE_CHANGED, ERR_NOWHERE);
    assert_fails(store_find(&s, "changed", &found, &err), err, REASON_MODEL_ABSENT, ERR_NOWHERE);
    assert_int_equal(count_leftovers(), 0);
    for (size_t i = 0; i < PARTS; i++) {
        (void)close(parts[i].fd);
    }
}

static void test_damaged(void **state)
{
    static const char *const manifests[] = {
        "",
        "{",
        "[]",
        "{\"layers\":[]}",
        "{\"config\":{\"digest\":\"sha256:00\",\"size\":1},\"layers\":[]}",
        "{\"config\":{},\"layers\":[{\"mediaType\":\"x\",\"digest\":\"sha256:../../../../etc/passwd\",\"size\":1}]}",
        "{\"config\":{},\"layers\":[{\"mediaType\":\"x\",\"digest\":\"md5:00\",\"size\":1}]}",
        "{\"config\":{},\"layers\":[{\"mediaType\":\"x\",\"digest\":\"sha256:00\",\"size\":-1}]}",
    };
    struct store s = store_here();
    struct store_model m, found;
    struct err err, damaged;
    char path[256];
    int fd;

    (void)state;
    assert_ok(import("tiny", NULL, &m, &err), err);
    blob_path(m.files[0].sha256, path);
    assert_int_equal(truncate(path, 100), 0);
    assert_ok(store_find(&s, "tiny", &found, &err), err);
    assert_fails(store_open_file(&s, &found, 0, &fd, &err), err, REASON_STORE_FORM, ERR_NOWHERE);
    assert_int_equal(unlink(path), 0);
    assert_fails(store_open_file(&s, &found, 0, &fd, &err), err, REASON_STORE_FORM, ERR_NOWHERE);
    (void)snprintf(path, sizeof path, "%s/manifests/registry.ollama.ai/library/tiny/latest", root);
    for (size_t i = 0; i < sizeof manifests / sizeof manifests[0]; i++) {
        assert_ok(file_write(path, 0644, bytes_of_str(manifests[i]), &err), err);
        assert_false(store_find(&s, "tiny", &found, &err));
        assert_string_equal(reason_name(err.reason), "STORE_FORM");
        assert_int_equal(count_models(&damaged), 0);
        assert_string_equal(reason_name(damaged.reason), "STORE_FORM");
    }
    assert_ok(import("tiny", NULL, &m, &err), err); /* heals it */
    assert_int_equal(count_models(&damaged), 1);
    assert_int_equal(damaged.reason, REASON_OK);
}

/* Layers of Ollama's that are not used are named. */
static void test_layers(void **state)
{
    struct store s = store_here();
    struct store_model m, found;
    struct buf text = BUF(LIMIT_MANIFEST);
    struct err err;
    char path[256], *end;

    (void)state;
    assert_ok(import("tiny", NULL, &m, &err), err);
    (void)snprintf(path, sizeof path, "%s/manifests/registry.ollama.ai/library/tiny/latest", root);
    assert_ok(file_read(path, &text, &err), err);
    assert_ok(buf_u8(&text, 0, &err), err);
    end = strrchr((char *)text.p, ']');
    assert_non_null(end);
    text.len = (size_t)(end - (char *)text.p);
    assert_ok(
        buf_printf(&text, &err,
                   ",{\"mediaType\":\"application/vnd.ollama.image.license\",\"digest\":\"sha256:%064d\",\"size\":5},"
                   "{\"mediaType\":\"application/vnd.ollama.image.params\",\"digest\":\"sha256:%064d\",\"size\":5},"
                   "{\"mediaType\":\"application/vnd.ollama.image.template\",\"digest\":\"sha256:%064d\",\"size\":5}]}",
                   1, 2, 3),
        err);
    assert_ok(file_write(path, 0644, buf_bytes(&text), &err), err);
    assert_ok(store_find(&s, "tiny", &found, &err), err);
    assert_string_equal(found.unused, "params, template");
    assert_int_equal(found.size, m.size + 15);
    buf_done(&text);
}

static void test_names(void **state)
{
    static const struct {
        const char *text, *printed; /* NULL: refused */
    } cases[] = {
        {"smollm2:135m", "smollm2:135m"},
        {"smollm2", "smollm2:latest"},
        {"library/a.b-c_d:1", "a.b-c_d:1"},
        {"me/a", "me/a:latest"},
        {"registry.ollama.ai/library/a:b", "a:b"},
        {"Registry.Ollama.AI/library/a:b", "a:b"},
        {"host:5000/me/a:b", "host:5000/me/a:b"},
        {"", NULL},
        {":x", NULL},
        {"a:", NULL},
        {"a:b:c", NULL},
        {"/a", NULL},
        {"a/", NULL},
        {"..", NULL},
        {".a", NULL},
        {"-a", NULL},
        {"../a", NULL},
        {"a/../b", NULL},
        {"a/b/c/d", NULL},
        {"a b", NULL},
        {"a\n", NULL},
        {"\xc3\xa4", NULL},
        {"a:../../x", NULL},
    };
    char longest[300];
    struct store_name n;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char printed[STORE_NAME_SIZE];

        if (cases[i].printed == NULL) {
            assert_fails(name_parse(cases[i].text, &n, &err), err, REASON_MODEL_NAME, ERR_NOWHERE);
        } else {
            assert_ok(name_parse(cases[i].text, &n, &err), err);
            name_print(&n, printed);
            assert_string_equal(printed, cases[i].printed);
        }
    }
    memset(longest, 'a', sizeof longest);
    longest[80] = '\0';
    assert_ok(name_parse(longest, &n, &err), err);
    longest[80] = 'a';
    longest[81] = '\0';
    assert_fails(name_parse(longest, &n, &err), err, REASON_MODEL_NAME, ERR_NOWHERE);
}

static void test_modelfile(void **state)
{
    static const struct {
        const char *text, *from; /* NULL: refused at offset */
        size_t offset;
    } cases[] = {
        {"FROM a.gguf", "a.gguf", 0},
        {"# c\n\n  from  \"a b.gguf\" \r\n", "a b.gguf", 0},
        {"FROM a\nFROM b\n", NULL, 7},
        {"FROM \n", NULL, 0},
        {"", NULL, 0},
        {"# only\n", NULL, 7},
        {"FROM a\nPARAMETER temperature 1\n", NULL, 7},
        {"FROM a\nsystem x", NULL, 7},
        {"nonsense", NULL, 0},
    };
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char from[MODELFILE_FROM_SIZE] = "untouched";

        if (cases[i].from != NULL) {
            assert_ok(modelfile_parse(bytes_of_str(cases[i].text), from, &err), err);
            assert_string_equal(from, cases[i].from);
        } else {
            assert_fails(modelfile_parse(bytes_of_str(cases[i].text), from, &err), err, REASON_MODELFILE_FORM,
                         cases[i].offset);
            assert_string_equal(from, "untouched");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_modelfile),
        cmocka_unit_test_setup_teardown(test_import, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_beside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_split, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_layers, setup, teardown),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
