#include "test.h"

#include "codec/json.h"
#include "serve/config.h"

static void test_defaults(void **state)
{
    struct config c;

    (void)state;
    config_init(&c);
    assert_string_equal(config_get(&c, CONFIG_listen), "127.0.0.1:11434");
    assert_string_equal(config_get(&c, CONFIG_tls_listen), "127.0.0.1:8443");
    assert_true(config_has_tee(&c));
    assert_int_equal(config_number(&c, CONFIG_context), 0);
}

static void test_file(void **state)
{
    static const char text[] =
        "# a comment\n\n  model =  smollm2:135m \t\r\ncontext=2048\nstate = /a b/c = d\ntee = none";
    struct config c;
    struct err err = {0};

    (void)state;
    config_init(&c);
    assert_ok(config_set(&c, CONFIG_context, "512", "--context", &err), err);
    assert_ok(config_parse(bytes_of_str(text), "sotto.conf", &c, &err), err);
    assert_string_equal(config_get(&c, CONFIG_model), "smollm2:135m");
    assert_string_equal(config_get(&c, CONFIG_state), "/a b/c = d");
    assert_int_equal(config_number(&c, CONFIG_context), 512); /* the flag wins */
    assert_false(config_has_tee(&c));
}

static void test_bad(void **state)
{
    static const struct {
        const char *text, *detail; /* what the message must name */
    } rows[] = {
        {"model smollm2", "line 1"},
        {"model = ../x", "model"},
        {"\n\ntea = tdx\n", "line 3: there is no key \"tea\""},
        {"tee = sgx\n", "tee"},
        {"kv = f64\n", "kv"},
        {"context = -1\n", "context"},
        {"context = 1e3\n", "context"},
        {"context = 99999999\n", "context"},
        {"context = 007\n", "context"},
        {"context =\n", "context"},
        {"listen = 127.0.0.1\n", "listen"},
        {"listen = example.org:80\n", "listen"},
        {"listen = 127.0.0.1:70000\n", "listen"},
        {"model = a\nmodel = b\n", "line 2: model is there twice"},
        {"model = a\x01z\n", "control"},
        {" = x\n", "line 1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c, before;
        struct err err = {0};

        config_init(&c);
        before = c;
        assert_fails(config_parse(bytes_of_str(rows[i].text), "sotto.conf", &c, &err), err, REASON_CONFIG_FORM,
                     ERR_NOWHERE);
        if (strstr(err.detail, rows[i].detail) == NULL) {
            fail_msg("row %zu: \"%s\" does not name %s", i, err.detail, rows[i].detail);
        }
        assert_memory_equal(&c, &before, sizeof c);
    }
}

static void test_ollama_host(void **state)
{
    static const struct {
        const char *in, *out; /* NULL: ADDRESS_FORM */
    } rows[] = {
        {"127.0.0.1", "127.0.0.1:11434"},
        {"127.0.0.1:8080", "127.0.0.1:8080"},
        {"http://127.0.0.1:1", "127.0.0.1:1"},
        {"0.0.0.0", "0.0.0.0:11434"},
        {":7000", ":7000"},
        {"localhost:11434/", "localhost:11434"},
        {"[::1]:80", "[::1]:80"},
        {"::1", "[::1]:11434"},
        {"http://127.0.0.1", "127.0.0.1:80"},
        {"https://127.0.0.1", NULL},
        {"a.example:1", NULL},
        {"127.0.0.1:x", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[CONFIG_VALUE] = "untouched";
        struct err err = {0};

        if (rows[i].out != NULL) {
            assert_ok(config_ollama_host(rows[i].in, out, sizeof out, &err), err);
            assert_string_equal(out, rows[i].out);
        } else {
            assert_fails(config_ollama_host(rows[i].in, out, sizeof out, &err), err, REASON_ADDRESS_FORM, ERR_NOWHERE);
            assert_string_equal(out, "untouched");
        }
    }
}

/* Each form of the cache. */
static void test_kv(void **state)
{
    static const char *const forms[] = {"f16", "bf16", "f32", "q8_0"};

    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct config c;
        struct err err = {0};

        config_init(&c);
        assert_ok(config_set(&c, CONFIG_kv, forms[i], "a test", &err), err);
        assert_string_equal(config_get(&c, CONFIG_kv), forms[i]);
    }
}

/* Canaries in every setting: what is measured has no address, path or secret. */
static void test_event(void **state)
{
    struct config c;
    struct err err = {0};
    struct buf b = BUF(65536);

    (void)state;
    config_init(&c);
    for (size_t k = 0; k < CONFIG_COUNT; k++) {
        if (k != CONFIG_tee && k != CONFIG_kv && k != CONFIG_context && k != CONFIG_threads && k != CONFIG_model) {
            (void)snprintf(c.values[k], CONFIG_VALUE, "canary");
        }
    }
    assert_ok(config_set(&c, CONFIG_model, "x", "test", &err), err);
    assert_string_equal(config_get(&c, CONFIG_model), "x:latest");
    assert_ok(config_set(&c, CONFIG_model, "SmolLM2:135M", "test", &err), err); /* however it is spelled */
    assert_ok(config_event(&c, &b, &err), err);
    assert_ok(buf_u8(&b, 0, &err), err);
    assert_string_equal((const char *)b.p,
                        "{\"kind\":\"config\",\"settings\":{\"context\":0,\"kv\":\"f16\",\"model\":\"smollm2:135m\","
                        "\"tee\":\"tdx\"},\"v\":1}");
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),    cmocka_unit_test(test_file),  cmocka_unit_test(test_bad),
        cmocka_unit_test(test_ollama_host), cmocka_unit_test(test_event), cmocka_unit_test(test_kv),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
