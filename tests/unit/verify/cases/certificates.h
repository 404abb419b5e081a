/* Certificates and their chains, revocation lists, the root. Bytes are hexadecimal; each certificate that is changed is
 * signed again by its issuer, unless it says RAW. */
#define AS_CA "0603551d130101ff040830060101ff"
#define LEAF_CONSTRAINTS "0603551d130101ff04023000"
#define LEAF_USAGE "0603551d0f0101ff0404030206c0"
#define CA_USAGE "0603551d0f0101ff040403020106"
#define SGX "060a2a864886f84d010d01"   /* the OID of an entry, up to its last arc */
#define TCB "060b2a864886f84d010d0102" /* of a component */
/* clang-format off */
static const struct attack certificate_cases[] = {
    /* signatures and names */
    {"PCK certificate's serial, not signed again", {CERT_RAW(PCK, "0210580b", "0210580a")}, "", NOTICED("pck_chain", CHAIN_BROKEN)},
    {"platform CA's path length, not signed again", {CERT_RAW(CA, AS_CA "020100", AS_CA "020101")}, "", NOTICED("pck_chain", CHAIN_BROKEN)},
    /* the policy names the root by its digest: its own signature would say nothing more */
    {"root's path length, not signed again, and named by the policy", {CERT_RAW(ROOT, AS_CA "020101", AS_CA "020102")}, "", HOLDS("pck_chain")},
    {"TCB signer's serial, not signed again", {CERT_RAW(SIGNER, "02105cdf", "02105cde")}, "", NOTICED_WITH("tcb_info_signature", CHAIN_BROKEN, "qe_identity_signature")},
    {"PCK certificate signed by the root", {DO(pck_by_root)}, "", NOTICED("pck_chain", CHAIN_BROKEN)},
    {"PCK's issuer has another name", {CERT(PCK, "506c6174666f726d2043413114", "506c6174666f726d2043423114")}, "", NOTICED("pck_chain", CHAIN_BROKEN)},
    {"PCK names another key of its issuer", {CERT(PCK, "230418301680149980", "230418301680149981")}, "", NOTICED("pck_chain", CHAIN_BROKEN)},
    {"TCB signer names another key of its issuer", {CERT(SIGNER, "230418301680142ea3", "230418301680142ea4")}, "", NOTICED_WITH("tcb_info_signature", CHAIN_BROKEN, "qe_identity_signature")},
    {"PCK names no key of its issuer", {CERT(PCK, "0603551d23", "0603551d24")}, "", NOTICED("pck_chain", CHAIN_BROKEN)},
    {"neither the PCK nor its issuer names the issuer's key", {CERT(CA, "0603551d0e", "0603551d10"), CERT(PCK, "0603551d23", "0603551d24")}, "", NOTICED_WITH("pck_chain", CHAIN_BROKEN, "pck_crl")},
    {"... nor does the list", {CERT(CA, "0603551d0e", "0603551d10"), CERT(PCK, "0603551d23", "0603551d24"), CRL(CA_CRL, "0603551d23", "0603551d24")}, "", NOTICED_WITH("pck_crl", CRL_ISSUER, "pck_chain")},
    {"signer below a root of the same key and another name", {DO(signer_root_renamed)}, "", NOTICED("tcb_info_signature", ROOT_UNTRUSTED)},
    {"a PCK by its common name only where the words are", {CERT(PCK, "43657274696669636174653114", "43657274696669636174673114")}, "", NOTICED("pck_chain", CERT_ROLE)},
    {"a TCB signer by another name", {CERT(SIGNER, "5369676e696e67", "5369676e696e68")}, "", NOTICED_WITH("tcb_info_signature", CERT_ROLE, "qe_identity_signature")},
    {"a NUL in the common name hides nothing", {CERT(PCK, "43657274696669636174653114", "00657274696669636174653114")}, "", NOTICED("pck_chain", CERT_ROLE)},

    /* what a certificate may do */
    {"PCK with a CA's key usage", {CERT(PCK, LEAF_USAGE, CA_USAGE)}, "", NOTICED("pck_chain", CERT_ROLE)},
    {"platform CA that may only sign data", {CERT(CA, CA_USAGE, LEAF_USAGE)}, "", NOTICED("pck_chain", CERT_ROLE)},
    {"TCB signer with a CA's key usage", {CERT(SIGNER, LEAF_USAGE, CA_USAGE)}, "", NOTICED_WITH("tcb_info_signature", CERT_ROLE, "qe_identity_signature")},
    {"root that allows no CA below it", {CERT(ROOT, AS_CA "020101", AS_CA "020100")}, "", NOTICED("pck_chain", CERT_ROLE)},
    {"PCK without basic constraints", {CERT(PCK, LEAF_CONSTRAINTS, "0603551d1204053003020101")}, "", NOTICED("pck_chain", CERT_ROLE)},
    {"PCK with a critical extension in the place of its constraints", {CERT(PCK, "0603551d130101ff", "0603551d120101ff")}, "", NOTICED("pck_chain", X509_EXTENSION)},
    {"platform CA whose cA is not TRUE but 01", {CERT(CA, AS_CA, "0603551d130101ff04083006010101")}, "", NOTICED("pck_chain", DER_VALUE)},
    {"platform CA whose cA is FALSE, written out", {CERT(CA, AS_CA, "0603551d130101ff04083006010100")}, "", NOTICED("pck_chain", DER_VALUE)},
    {"TCB signing certificate where the PCK's chain is", {INSTEAD(TCB_CHAIN, CA_CRL_CHAIN)}, "", NOTICED("tcb_info_signature", CERT_ROLE)},
    {"the PCK's CA as signer of the identity", {INSTEAD(QE_CHAIN, CA_CRL_CHAIN)}, "", NOTICED("qe_identity_signature", CERT_ROLE)},
    {"an unknown critical extension", {CERT(PCK, LEAF_USAGE, "0603551d440101ff0404030206c0")}, "", NOTICED("pck_chain", X509_EXTENSION)},
    {"an extension twice", {CERT(PCK, "0603551d1f", "0603551d0e")}, "", NOTICED("pck_chain", DER_TAG)},
    {"the key identifier twice", {CERT(PCK, "0603551d1f042c302a3028a026a02486", "0603551d0e042c042a3028a026a02486")}, "", NOTICED("pck_chain", X509_EXTENSION)},
    {"a key of another curve's name", {CERT(PCK, "06082a8648ce3d030107", "06082a8648ce3d030108")}, "", NOTICED("pck_chain", X509_ALGORITHM)},
    {"a compressed key", {CERT(PCK, "03420004", "03420002")}, "", NOTICED("pck_chain", X509_ALGORITHM)},
    {"ecdsa-with-SHA384 within", {CERT(PCK, "2a8648ce3d040302304b", "2a8648ce3d040303304b")}, "", NOTICED("pck_chain", X509_ALGORITHM)},
    {"a version 2 certificate", {CERT(PCK, "a003020102", "a003020101")}, "", NOTICED("pck_chain", X509_FORM)},

    /* DER has one spelling */
    {"serial with a superfluous zero", {CERT(PCK, "0210580b", "0210000b")}, "", NOTICED("pck_chain", DER_VALUE)},
    {"negative serial", {CERT(PCK, "0210580b", "0210d80b")}, "", NOTICED("pck_chain", DER_VALUE)},
    {"indefinite length", {CERT(PCK, "30120603", "30800603")}, "", NOTICED("pck_chain", DER_LENGTH)},
    {"critical, as 01", {CERT(PCK, "0603551d0f0101ff", "0603551d0f010101")}, "", NOTICED("pck_chain", DER_VALUE)},
    {"critical FALSE, written out", {CERT(PCK, "0603551d0f0101ff", "0603551d0f010100")}, "", NOTICED("pck_chain", DER_VALUE)},
    {"a month 13", {CERT(PCK, "170d323631313137", "170d323631333137")}, "", NOTICED("pck_chain", DER_VALUE)},
    {"a time without Z", {CERT(PCK, "303634305a170d33", "303634302b170d33")}, "", NOTICED("pck_chain", DER_VALUE)},
    {"a signature's r with a superfluous zero", {DO(pck_r_padded)}, "", NOTICED("pck_chain", DER_VALUE)},
    {"a byte behind the certificate", {DO(pck_byte_behind)}, "", NOTICED("pck_chain", BYTES_LEFT)},

    /* the SGX extension */
    {"no SGX extension", {CERT(PCK, "06092a864886f84d010d010482", "06092a864886f84d010d020482")}, "", NOTICED("pck_chain", PCK_EXTENSION)},
    {"component 1 is called 2", {CERT(PCK, TCB "01", TCB "02")}, "", NOTICED("pck_chain", PCK_EXTENSION)},
    {"component 16 is called 19", {CERT(PCK, TCB "10", TCB "13")}, "", NOTICED("pck_chain", PCK_EXTENSION)},
    {"component 3 is negative", {CERT(PCK, TCB "03020102", TCB "030201ff")}, "", NOTICED("pck_chain", DER_VALUE)},
    {"component 3 is a string", {CERT(PCK, TCB "03020102", TCB "03040102")}, "", NOTICED("pck_chain", DER_TAG)},
    {"PCEID of the wrong kind", {CERT(PCK, SGX "0304020000", SGX "0302020000")}, "", NOTICED("pck_chain", DER_TAG)},
    {"FMSPC under another number", {CERT(PCK, SGX "0404", SGX "0504")}, "", NOTICED("pck_chain", PCK_EXTENSION)},
    {"SGX type 3", {CERT(PCK, SGX "050a0101", SGX "050a0103")}, "", NOTICED("pck_chain", DER_VALUE)},
    {"an entry .8", {CERT(PCK, SGX "0730", SGX "0830")}, "", NOTICED("pck_chain", PCK_EXTENSION)},
    {"a flag that is neither 00 nor FF", {CERT(PCK, "0107030101ff", "010703010101")}, "", NOTICED("pck_chain", DER_VALUE)},
    {"flags in another order", {CERT(PCK, "010d010702", "010d010701")}, "", NOTICED("pck_chain", PCK_EXTENSION)},

    /* chains as PEM */
    {"a chain of two", {DO(pem_two)}, "", NOTICED("pck_chain", CHAIN_BROKEN)},
    {"a chain of four", {DO(pem_four)}, "", NOTICED("pck_chain", CHAIN_BROKEN)},
    {"a chain from root to leaf", {DO(pem_backwards)}, "", NOTICED_WITH("pck_chain", PCK_EXTENSION, "qe_report_signature root root_crl tcb_info_signature qe_identity_signature")},
    {"the leaf as its own CA", {DO(pem_leaf_twice)}, "", NOTICED_WITH("pck_chain", CHAIN_BROKEN, "pck_crl")},
    {"no PEM at all", {DO(pem_none)}, "", NOTICED("pck_chain", PEM_FORM)},
    {"the signer's chain without its root", {DO(signer_alone)}, "", NOTICED("tcb_info_signature", CHAIN_BROKEN)},
    {"text between the signer's certificates", {PEM_RAW(TCB_CHAIN, "-----\n-----", "-----\nx\n-----")}, "", NOTICED("tcb_info_signature", PEM_FORM)},
    {"white space in base64", {PEM_RAW(TCB_CHAIN, "MII", "MI ")}, "", NOTICED("tcb_info_signature", PEM_FORM)},
    {"another label", {PEM_RAW(QE_CHAIN, "BEGIN CERTIFICATE", "BEGIN X509 CERTIFICATE")}, "", NOTICED("qe_identity_signature", PEM_FORM)},
    {"text behind the signer's chain", {DO(signer_text_behind)}, "", NOTICED("tcb_info_signature", PEM_FORM)},

    /* revocation */
    {"PCK certificate revoked", {FLAG(revoke_pck)}, "", NOTICED("pck_crl", CERT_REVOKED)},
    {"platform CA revoked", {FLAG(revoke_ca)}, "", NOTICED("root_crl", CERT_REVOKED)},
    {"TCB signer revoked", {FLAG(revoke_signer)}, "", NOTICED("root_crl", CERT_REVOKED)},
    {"no list of the PCK's CA: unknown, never clean", {WITHOUT(CA_CRL)}, "", OPEN("pck_crl", CRL_ABSENT)},
    {"no list of the root", {WITHOUT(ROOT_CRL)}, "", OPEN("root_crl", CRL_ABSENT)},
    {"the root's list for the platform CA's", {INSTEAD(CA_CRL, ROOT_CRL)}, "", NOTICED("pck_crl", CRL_ISSUER)},
    {"the platform CA's list for the root's", {INSTEAD(ROOT_CRL, CA_CRL)}, "", NOTICED("root_crl", CRL_ISSUER)},
    {"the processor CA's list for a platform CA's PCK", {DO(crl_of_processor)}, "", NOTICED("pck_crl", CRL_ISSUER)},
    {"a processor CA's platform, its own list", {FLAG(processor)}, "", HOLDS("pck_crl")},
    {"a processor CA's PCK, revoked", {FLAG(processor), FLAG(revoke_pck)}, "", NOTICED("pck_crl", CERT_REVOKED)},
    {"platform list's serials, not signed again", {FLAG(revoke_pck), CRL_RAW(CA_CRL, "0210580b", "0210580a")}, "", NOTICED("pck_crl", SIGNATURE_WRONG)},
    {"another serial revoked", {FLAG(revoke_pck), CRL(CA_CRL, "0210580b", "0210580a")}, "", HOLDS("pck_crl")},
    {"platform list signed by the root", {DO(crl_by_root)}, "", NOTICED("pck_crl", SIGNATURE_WRONG)},
    {"list that names another key of its issuer", {CRL(CA_CRL, "230418301680149980", "230418301680149981")}, "", NOTICED("pck_crl", CRL_ISSUER)},
    {"list that names no key of its issuer", {CRL(CA_CRL, "0603551d23", "0603551d24")}, "", NOTICED("pck_crl", CRL_ISSUER)},
    {"a version 1 list", {CRL(CA_CRL, "020101300a", "020100300a")}, "", NOTICED("pck_crl", CRL_FORM)},
    {"a list with an unknown critical extension", {CRL(CA_CRL, "300a0603551d140403020101", "300a0603551d1c0101ff0400")}, "", NOTICED("pck_crl", X509_EXTENSION)},
    {"a list with a byte behind it", {DO(crl_byte_behind)}, "", NOTICED("pck_crl", BYTES_LEFT)},
    {"a list of no bytes", {DO(crl_empty)}, "", NOTICED("pck_crl", PEM_FORM)},
    {"a list as PEM", {DO(crl_pem)}, "", HOLDS("pck_crl")},
    {"a list as PEM, twice", {DO(crl_pem_twice)}, "", NOTICED("pck_crl", CRL_FORM)},

    /* the root */
    {"another installation's root, of the same name", {DO(other_chain)}, "", NOTICED_WITH("root", ROOT_UNTRUSTED, "qe_report_signature root_crl tcb_info_signature qe_identity_signature pck_crl")},
    {"another installation's collateral", {DO(other_collateral)}, "", NOTICED_WITH("root_crl", CRL_ISSUER, "pck_crl tcb_info_signature qe_identity_signature")},
    {"another installation's TCB info and signer", {DO(other_info)}, "", NOTICED("tcb_info_signature", ROOT_UNTRUSTED)},
    {"another installation's identity and signer", {DO(other_identity)}, "", NOTICED("qe_identity_signature", ROOT_UNTRUSTED)},
    {"the root's own certificate anew, which the policy does not name", {DO(root_anew)}, "", NOTICED("root", ROOT_UNTRUSTED)},
};
/* clang-format on */
