// A simulated platform's quotes in the verifier @phala/dcap-qvl, unmodified. It proves acceptance: it reads CRLs, but does not
// authenticate them. Arguments: folder of the root certificate, the quotes and the collateral; the collateral's address.
// Prints TAP.
import { createRequire } from 'node:module';
import fs from 'node:fs';

const { QuoteVerifier, getCollateral } = createRequire(import.meta.url)('@phala/dcap-qvl');
const [dir, address] = process.argv.slice(2);
const read = (name) => fs.readFileSync(`${dir}/${name}`);
const now = () => Math.floor(Date.now() / 1000);
let count = 0;

async function test(name, run) {
  count += 1;
  try {
    await run();
    console.log(`ok ${count} - ${name}`);
  } catch (e) {
    process.exitCode = 1;
    console.log(`not ok ${count} - ${name}\n# ${String(e?.stack ?? e).replaceAll('\n', '\n# ')}`);
  }
}

async function refused(run) {
  let report;
  try {
    report = await run();
  } catch {
    return;
  }
  throw new Error(`accepted: ${report.status}`);
}

// What is signed are the exact bytes of the inner object.
function parted(name) {
  const text = read(`collateral/${name}`).toString();
  const { signature } = JSON.parse(text);
  return [text.slice(text.indexOf('{', 1), text.lastIndexOf(',"signature"')), [...Buffer.from(signature, 'hex')]];
}

function collateralOfFolder() {
  const [tcb_info, tcb_info_signature] = parted('tcb_info.json');
  const [qe_identity, qe_identity_signature] = parted('qe_identity.json');
  return {
    pck_crl_issuer_chain: read('collateral/pck_crl_issuer_chain.pem').toString(),
    root_ca_crl: [...read('collateral/root_ca_crl.der')],
    pck_crl: [...read('collateral/pck_crl.der')],
    tcb_info_issuer_chain: read('collateral/tcb_info_issuer_chain.pem').toString(),
    tcb_info,
    tcb_info_signature,
    qe_identity_issuer_chain: read('collateral/qe_identity_issuer_chain.pem').toString(),
    qe_identity,
    qe_identity_signature,
  };
}

const root = read('root.der');
const verifier = QuoteVerifier.newWithRootCa(root);
const files = collateralOfFolder();

for (const version of [4, 5]) {
  const quote = read(`quote${version}.bin`);
  await test(`a version ${version} quote is accepted given the simulator's root: UpToDate`, async () => {
    const report = await verifier.verify(quote, files, now());
    if (report.status !== 'UpToDate' || report.advisory_ids.length !== 0) {
      throw new Error(`status ${report.status}, advisories ${report.advisory_ids}`);
    }
  });
  await test(`a version ${version} quote is accepted with the collateral that is served`, async () => {
    const served = await getCollateral(address, quote);
    const report = await verifier.verify(quote, served, now());
    if (report.status !== 'UpToDate') {
      throw new Error(`status ${report.status}`);
    }
  });
  await test(`a version ${version} quote is refused under Intel's root`, () =>
    refused(() => QuoteVerifier.newProd().verify(quote, files, now())));
  await test(`a version ${version} quote with one bit of its user data flipped is refused`, () => {
    const changed = Buffer.from(quote);
    changed[28] ^= 1;
    return refused(() => verifier.verify(changed, files, now()));
  });
}
await test("another installation's root refuses the quote", () =>
  refused(() => QuoteVerifier.newWithRootCa(read('other-root.der')).verify(read('quote4.bin'), files, now())));
await test('collateral past its end is refused', () =>
  refused(() => verifier.verify(read('quote4.bin'), files, now() + 40 * 86400)));
console.log(`1..${count}`);
