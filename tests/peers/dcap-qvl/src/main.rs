//! The crate dcap-qvl, unmodified, over a folder of cases (tests/peers/run.py makes them). A line a case:
//! NAME, TAB, "accepted STATUS" or "refused REASON". Debug and service TDs are let through, so that what is compared is
//! the verification and not its attribute policy.
use dcap_qvl::verify::QuoteVerifier;
use dcap_qvl::QuoteCollateralV3;
use std::{env, fs, path::Path};

fn text(dir: &Path, name: &str) -> Result<String, String> {
    let bytes = fs::read(dir.join(name)).map_err(|_| format!("no {name}"))?;
    String::from_utf8(bytes).map_err(|_| format!("{name} is no UTF-8"))
}

/// The signed bytes of a document as they came, and its signature.
fn parted(dir: &Path, name: &str, member: &str) -> Result<(String, Vec<u8>), String> {
    let all = text(dir, name)?;
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&all).map_err(|e| format!("{name}: {e}"))?;
    let raw: std::collections::HashMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_str(&all).map_err(|e| format!("{name}: {e}"))?;
    let body = raw.get(member).ok_or(format!("{name}: no {member}"))?.get().to_string();
    let digits = object.get("signature").and_then(|v| v.as_str()).ok_or(format!("{name}: no signature"))?;
    Ok((body, hex::decode(digits).map_err(|e| format!("{name}: {e}"))?))
}

fn list(dir: &Path, name: &str) -> Result<Vec<u8>, String> {
    fs::read(dir.join(name)).map_err(|_| format!("no {name}"))
}

/// What a verification takes, all in memory before it begins.
struct Case {
    quote: Vec<u8>,
    collateral: QuoteCollateralV3,
    time: u64,
    verifier: QuoteVerifier,
}

fn open(dir: &Path) -> Result<Case, String> {
    let (tcb_info, tcb_info_signature) = parted(dir, "tcb_info.json", "tcbInfo")?;
    let (qe_identity, qe_identity_signature) = parted(dir, "qe_identity.json", "enclaveIdentity")?;
    let collateral = QuoteCollateralV3 {
        pck_crl_issuer_chain: text(dir, "pck_crl_issuer_chain.pem")?,
        root_ca_crl: list(dir, "root_ca_crl.der")?,
        pck_crl: list(dir, "pck_crl.der")?,
        tcb_info_issuer_chain: text(dir, "tcb_info_issuer_chain.pem")?,
        tcb_info,
        tcb_info_signature,
        qe_identity_issuer_chain: text(dir, "qe_identity_issuer_chain.pem")?,
        qe_identity,
        qe_identity_signature,
        pck_certificate_chain: None,
    };
    Ok(Case {
        quote: list(dir, "quote.bin")?,
        collateral,
        time: text(dir, "time")?.trim().parse().map_err(|_| "time".to_string())?,
        verifier: QuoteVerifier::new(list(dir, "root.der")?).allow_debug(true).allow_service_td(true),
    })
}

fn judge(dir: &Path) -> Result<String, String> {
    let case = open(dir)?;
    case.verifier.verify(&case.quote, &case.collateral, case.time).map(|r| r.status).map_err(|e| format!("{e:#}"))
}

/// Processor time of this thread, in microseconds.
fn thread_time() -> f64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut t) };
    t.tv_sec as f64 * 1e6 + t.tv_nsec as f64 / 1e3
}

/// One case so many times (tests/peers/speed.py): microseconds of a verification.
fn bench(dir: &Path, count: u32) {
    let case = open(dir).expect("the case");
    let begun = thread_time();
    for _ in 0..count {
        case.verifier.verify(&case.quote, &case.collateral, case.time).expect("a quote that is accepted");
    }
    println!("{}", (thread_time() - begun) / f64::from(count));
}

fn main() {
    let root = env::args().nth(1).expect("a folder of cases");
    if let Some(count) = env::args().nth(2) {
        return bench(Path::new(&root), count.parse().expect("a count"));
    }
    let mut names: Vec<_> = fs::read_dir(&root).expect("the folder").map(|e| e.unwrap().file_name()).collect();
    names.sort();
    for name in names {
        let line = match judge(&Path::new(&root).join(&name)) {
            Ok(status) => format!("accepted {status}"),
            Err(why) => format!("refused {}", why.replace(['\n', '\t'], " ")),
        };
        println!("{}\t{line}", name.to_string_lossy());
    }
}
