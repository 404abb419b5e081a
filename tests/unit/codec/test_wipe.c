/* What JSON was read into, or made of, is wiped when it is freed: a prompt may stand there. */
#include "codec/json.h"
#include "test.h"

#include <malloc.h>

/* The linker puts this in free's place (meson.build). */
void __real_free(void *p);
void __wrap_free(void *p);

static const char *secret; /* NULL, or what must not be in memory that is given back */
static bool given_back;

void __wrap_free(void *p)
{
    if (p != NULL && secret != NULL && memmem(p, malloc_usable_size(p), secret, strlen(secret)) != NULL) {
        given_back = true;
    }
    __real_free(p);
}

/* Names and texts, parsed and made, and of a text that is no JSON in the end. */
static void freed_values_are_wiped(void **state)
{
    static const char text[] = "{\"canary\": [\"the canary\", \"\\u0063anary\"], \"x\": \"canary\"}";
    char *seen = strdup("a canary");
    struct buf b = BUF(1000);
    json_t *v = NULL, *made = json_object();
    struct err err = {0};

    (void)state;
    secret = "canary";
    __asm__ volatile("" : : "r"(seen) : "memory");
    free(seen);
    assert_true(given_back); /* it would be seen */
    given_back = false;
    assert_ok(buf_str(&b, secret, &err), err);
    assert_ok(buf_zero(&b, 500, &err), err); /* to another place */
    buf_done(&b);
    assert_false(given_back);
    assert_ok(json_parse(bytes_of_str(text), &v, &err), err);
    json_decref(v);
    assert_false(json_parse(bytes_of(text, sizeof text - 2), &v, &err));
    assert_int_equal(json_object_set_new(made, "a canary", json_string("a canary")), 0);
    json_decref(made);
    assert_false(given_back);
    secret = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(freed_values_are_wiped)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
