#include "verify/cache.h"

#include "base/limits.h"

#include <stdlib.h>

static const size_t sizes[] = {
    [PIECE_TCB_INFO] = sizeof(struct tcb_info),  [PIECE_QE_IDENTITY] = sizeof(struct qe_identity),
    [PIECE_CRL] = sizeof(struct x509_crl),       [PIECE_PCK_CHAIN] = sizeof(struct chain),
    [PIECE_SIGNER_CHAIN] = sizeof(struct chain),
};

/* DER, or the one block of a PEM text. */
static bool crl_parse(struct piece *p, struct err *err)
{
    struct x509_crl *crl = (void *)p->parsed;

    if (p->text.len > 0 && p->text.p[0] == 0x30) {
        return x509_crl_parse(p->text, crl, err);
    }
    return pem_parse(p->text, "X509 CRL", &p->pem, err) &&
           (p->pem.count == 1 || FAIL(err, REASON_CRL_FORM, ERR_NOWHERE, "%zu lists in one file", p->pem.count)) &&
           x509_crl_parse(p->pem.blocks[0], crl, err);
}

static bool piece_parse(struct piece *p, struct err *err)
{
    void *out = p->parsed;

    switch (p->kind) {
    case PIECE_TCB_INFO:
        return tcb_info_parse(p->text, out, err);
    case PIECE_QE_IDENTITY:
        return qe_identity_parse(p->text, out, err);
    case PIECE_CRL:
        return crl_parse(p, err);
    case PIECE_PCK_CHAIN:
        return chain_parse(p->text, CHAIN_PCK, &p->pem, out, err);
    case PIECE_SIGNER_CHAIN:
        return chain_parse(p->text, CHAIN_SIGNER, &p->pem, out, err);
    }
    return FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "a kind of piece that does not exist");
}

struct piece *piece_ref(struct piece *p)
{
    (void)atomic_fetch_add(&p->refs, 1);
    return p;
}

void piece_unref(struct piece *p)
{
    if (p != NULL && atomic_fetch_sub(&p->refs, 1) == 1) {
        pem_done(&p->pem);
        free(p);
    }
}

static bool piece_new(enum piece_kind kind, struct bytes text, struct piece **out, struct err *err)
{
    struct piece *p = malloc(sizeof *p + sizes[kind] + text.len);
    uint8_t *copy;

    if (p == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu bytes of collateral", text.len);
    }
    memset(p, 0, sizeof *p);
    atomic_init(&p->refs, 1);
    p->kind = kind;
    copy = (uint8_t *)p->parsed + sizes[kind];
    if (text.len > 0) {
        memcpy(copy, text.p, text.len);
    }
    p->text = bytes_of(copy, text.len);
    if (!piece_parse(p, err)) {
        piece_unref(p);
        return false;
    }
    p->size = sizeof *p + sizes[kind] + text.len + p->pem.der.cap;
    *out = p;
    return true;
}

bool cache_get(struct cache *c, enum piece_kind kind, struct bytes text, struct piece **out, struct err *err)
{
    struct piece **at = &c->first, *p;

    while (*at != NULL && ((*at)->kind != kind || !bytes_equal((*at)->text, text))) {
        at = &(*at)->next;
    }
    p = *at;
    if (p != NULL) {
        *at = p->next;
    } else if (!piece_new(kind, text, &p, err)) {
        return false;
    }
    p->next = c->first;
    c->first = *out = p;
    return true;
}

bool cache_has_cert(const struct cache *c, const struct x509 *x, const struct x509 *issuer)
{
    for (const struct piece *p = c->first; p != NULL; p = p->next) {
        const struct chain *chain = (const void *)p->parsed;
        const size_t count = p->kind == PIECE_PCK_CHAIN || p->kind == PIECE_SIGNER_CHAIN ? chain->count : 0;

        for (size_t i = 0; i < count; i++) {
            if (chain->checked[i] && bytes_equal(chain->certs[i].whole, x->whole) &&
                memcmp(chain_issuer(chain, i)->key_xy, issuer->key_xy, sizeof issuer->key_xy) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* This one and all behind it. */
static void pieces_drop(struct piece **at)
{
    while (*at != NULL) {
        struct piece *p = *at;

        *at = p->next;
        piece_unref(p);
    }
}

void cache_trim(struct cache *c)
{
    struct piece **at = &c->first;
    size_t size = 0;

    for (size_t n = 0; *at != NULL && n < CACHE_PIECES && size + (*at)->size <= CACHE_BYTES; n++) {
        size += (*at)->size;
        at = &(*at)->next;
    }
    pieces_drop(at);
}

void cache_done(struct cache *c)
{
    pieces_drop(&c->first);
}
