#include "explain/verify.h"

#include "explain/claims.h"

/* ok: it was judged. The verdict with all its claims, and the session is gone. */
static bool session_close(struct session *s, bool ok, struct verdict *out, struct err *err)
{
    const struct verdict *v;

    if (s == NULL) {
        return false;
    }
    v = &s->v;
    ok = ok && claims_make(s, err);
    if (ok) {
        out->result = v->result;
        out->time = v->time;
        out->count = v->count;
        out->claims = json_incref(v->claims);
        memcpy(out->facts, v->facts, v->count * sizeof *v->facts); /* the places behind are 30 KB */
    }
    session_free(s);
    return ok;
}

bool verify_quote(struct bytes quote, const struct verify_input *in, struct verdict *out, struct err *err)
{
    struct session *s = session_new(err);

    return session_close(s, s != NULL && session_quote(s, quote, in, err), out, err);
}

bool verify_bare_evidence(struct bytes quote, const struct verify_input *in, struct verdict *out, struct err *err)
{
    struct session *s = session_new(err);

    return session_close(s, s != NULL && session_bare_evidence(s, quote, in, err), out, err);
}

bool verify_undecodable(const struct err *why, const struct verify_input *in, struct verdict *out, struct err *err)
{
    struct session *s = session_new(err);

    if (s != NULL) {
        session_undecodable(s, why, in);
    }
    return session_close(s, true, out, err);
}

bool verify_document(struct bytes text, const struct verify_input *in, struct verdict *out, struct err *err)
{
    struct session *s = session_new(err);

    return session_close(s, s != NULL && session_document(s, text, in, err), out, err);
}

bool verify_bundle(struct bytes text, const struct verify_input *in, bool its_time, struct verdict *out,
                   struct err *err)
{
    struct session *s = session_new(err);

    return session_close(s, s != NULL && session_bundle(s, text, in, its_time, err), out, err);
}
