/* Every type in every matrix of every graph, over every cache, on each instruction set, with other threads and chunks:
 * the same bits, those that are committed here. */
#include "test.h"

#include "generated.h"

#define PROMPT 40 /* beyond the window */
#define CACHES 4
#define MODELS (GEN_MODEL_TYPES / CACHES)

static const enum engine_isa isas[] = {ENGINE_ISA_REF, ENGINE_ISA_AVX2, ENGINE_ISA_AVX512};

/* SHA-256 over the digests of the logits of MODELS models; in the 16 models of a row each matrix is once of each type
 * (Q5_0 where its rows are no whole blocks), and the matrices of a graph meet each cache with all types. numerics 1: a
 * changed digest is a new number (docs/engine.md). */
static const struct {
    const char *family;
    const char *digests[CACHES]; /* by enum engine_kv */
} rows[] = {
    {"llama",
     {"bec6f9517ac7292455ba8f0adf704c579523272d8862ecbe301168a06d08f924",
      "d1b7afaeb8d105193baaafc6cec650b03ede278cccd601ce8115502c590ae4aa",
      "efa5c605b9f2776cf38d161067b9d7b8cc2affd95ca4d8720fb2f3b3ed6c4201",
      "b1b057c0a8c625f6c31c9261f0604aefd6167b1c76d75928f956d7b169f8940e"}},
    {"llama-moe",
     {"d17bdd14c220a2944289a7f7fd5408bddf7897cb4e7c9a88fb8f369be1cd1507",
      "3cf955547d2a2dc6db66a1ec1ce4c51bd3a7400251e8ab84a01bfc244641dc95",
      "ea8c5f371c60d1e438cb2fd6cea18059081283ead09c76779cab7cdfd9ca1451",
      "838b39607ba520117d97429763403743bd83a4faa122d1705374ed4a367d1195"}},
    {"qwen2",
     {"93fc72b25da88c696269d11cb1f736c3723980804e821e1867c2442f54b153af",
      "160f59caf6c3c244f7bfafd5919b029aaede3163cc74cc2307c853b6defbd47f",
      "031fdbd4fc966334e805cca612bde483a7340fabc60d68c06eee88041fa02145",
      "01bc08e9f1e9c038254ee10cacd8bc908ab48a23d0784c5d1961406b877c9d14"}},
    {"qwen3",
     {"802ef7d79cd3a4b529ae38f09c0a17fab8cfbdcdf9fec1ae435c01dd41f7cd9e",
      "6366b35a164e80bc4daa169cfba763e22c485d8f468d8d02ede7b52b9d7dc054",
      "29b250592f749b568fea5f324b02e0b6030e9b63c16bfde5052da97119957bb5",
      "2ad35ad1c82950ab59160754ed0e71e7e0a08df187277676cc809aef852fc752"}},
    {"gemma3",
     {"16e8e4f093a2d33f84020a0a647874e72b3d461f2fe5786e48ee1ece6f45c53e",
      "950f147a6c9b2777de0dc140a9767796dcbd6641db121370803ddb64599cd161",
      "6dcb1f3c00b62221803cd86ffe87ea7b3ddefef0f26a89c1efb2aa1f78754b01",
      "bba1d88abecc8ebc87c857d1d035b1ed24646829b1b2d967678323ae27275c6e"}},
    {"gpt-oss",
     {"0808c0b3815c2d2f66b32d67f03c40224587ce3cbf9835ef61877bf4c273857e",
      "7f908fca4f11f178b90754fab245403a472489a7536928fa416d83d715d2f25c",
      "e1704f7cae0c45e44335913bc711727b343e79d468444b4f69040374df4773d4",
      "df1fd9a1a56be30ee18747e46df50dd674fd3f40323e4cb23f90a64269585670"}},
    {"gptoss",
     {"0808c0b3815c2d2f66b32d67f03c40224587ce3cbf9835ef61877bf4c273857e",
      "7f908fca4f11f178b90754fab245403a472489a7536928fa416d83d715d2f25c",
      "e1704f7cae0c45e44335913bc711727b343e79d468444b4f69040374df4773d4",
      "df1fd9a1a56be30ee18747e46df50dd674fd3f40323e4cb23f90a64269585670"}},
    {"deepseek2",
     {"9eb28bab4967bbd032e230565a463c64c4bed9c3e532fa869765932c9f3178a6",
      "0126e7b91724be7f9a5fc0f4bc445a92d12c681ebb2e2fb9adbef764fbf05917",
      "23edd9af1d141447ada0cdd00a7ebfd66702e0dcfb3fc1d7ea629e81fbc7d8ef",
      "5a6baf8b46c609e16bb7d796a692b6a3bc6248164c822727bb3ae530d018b1ca"}},
    {"deepseek2-lite",
     {"4b5a0ac4d3428a8ea209482cd2205c5690bbca7aaf9e3aec16636bff10113e78",
      "157f621863520322454d063d664010a6c8d50c82b0caa84d8f114eea0de7b491",
      "a1b31f2af8b81e8aff2eda51d5d0bc178f74ed8b8cb5958902bf7d7568ebdb6a",
      "5fbd0181b9a454eb55c721d7fb79374c9c23b0dfecda8936b1f775d8bd419cba"}},
};

static void row_digest(const char *family, enum engine_kv kv, enum engine_isa isa, char out[DIGEST_TEXT])
{
    static const unsigned chunks[] = {1, 7, 64, 512};
    char each[MODELS][DIGEST_TEXT];

    for (unsigned n = 0; n < MODELS; n++) {
        struct gen_model m = gen_model_wide(family);
        struct engine_setup setup = {.isa = isa, .kv = kv};

        m.mix = 1 + (unsigned)kv + CACHES * n;
        setup.threads = 1 + (n + (unsigned)isa) % 4;
        setup.chunk = chunks[(n + (unsigned)kv + (unsigned)isa) % 4];
        generated_digest(generated_open(&m, &setup), &m, PROMPT, each[n]);
    }
    digest_print(bytes_of(each, sizeof each), out);
}

static void test_types(void **state)
{
    unsigned count = 0;
    bool wrong = false;

    (void)state;
    for (uint32_t id = 0; id < QUANT_IDS; id++) {
        count += quant_type_get(id) != NULL;
    }
    assert_int_equal(count, GEN_MODEL_TYPES);
    for (size_t i = 0; i < sizeof rows / sizeof *rows * CACHES; i++) {
        const char *family = rows[i / CACHES].family;
        const enum engine_kv kv = (enum engine_kv)(i % CACHES);

        for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
            char digest[DIGEST_TEXT];

            if (!engine_isa_present(isas[k])) {
                print_message("skipped: no %s here\n", engine_isa_name(isas[k]));
                continue;
            }
            row_digest(family, kv, isas[k], digest);
            if (strcmp(digest, rows[i / CACHES].digests[kv]) != 0) {
                print_message("%s, cache %d, %s: %s\n", family, (int)kv, engine_isa_name(isas[k]), digest);
                wrong = true;
            }
        }
    }
    assert_false(wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
    };

    return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
