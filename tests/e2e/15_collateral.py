#!/usr/bin/env python3
"""Collateral: fetched from services (the simulator's, sotto-attestd's, hostile ones, recorded answers), imported, shown,
kept through kill -9 and concurrent writers, served again; and the configuration of Intel's quote library. Prints TAP."""
import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ATTESTD, ROOT, SIM as SIMULATOR, SOTTO, Platform, done, free_ports, must, ok, run, slurp, start, until  # noqa: E402

DIR = tempfile.mkdtemp(prefix='sotto-collateral-')
ENV = {**os.environ, 'HOME': DIR}
VECTORS = os.environ.get('SOTTO_VECTORS', os.path.join(ROOT, '..', 'shared', 'vectors'))


class Answers(BaseHTTPRequestHandler):
    """answer: path with query -> (status, headers, body) or a function that gets the handler."""
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        self.server.asked.append(self.path)
        answer = self.server.answer(self.path)
        if callable(answer):
            return answer(self)
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server:
    def __init__(self, answer, tls=None):
        self.http = ThreadingHTTPServer(('127.0.0.1', 0), Answers)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # clients that leave in the middle are what is tested
        self.http.answer, self.http.asked = answer, []
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()


def sotto(*command, **more):
    return run(SOTTO, *command, env=ENV, **more)


def last_reason(r):
    found = re.findall(r'\(([A-Z0-9_]+)(?: at byte \d+)?\)', r.stderr)
    return found[-1] if found else ''


def get(url):
    u = urllib.parse.urlsplit(url)
    c = http.client.HTTPConnection(u.hostname, u.port, timeout=20)
    c.request('GET', u.path + ('?' + u.query if u.query else ''))
    r = c.getresponse()
    return r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()


def refused(name, answer, reason, seconds='20'):
    """A service that answers so: the command fails for this reason, and the directory stays as it was."""
    out = os.path.join(DIR, 'refused')
    shutil.rmtree(out, ignore_errors=True)
    with Server(answer) as s:
        begun = time.monotonic()
        r = sotto('collateral', 'fetch', QUOTE, '--service', s.url, '-o', out, '--timeout', seconds)
        took = time.monotonic() - begun
    ok(r.returncode == 1 and reason in r.stderr and not os.path.exists(out) and took < 60,
       f'{name}: {reason}', f'{r.returncode} {took:.1f} s\n{r.stderr}')


platform = Platform(DIR + '/sim')
until(lambda: b'address=' in slurp(platform.log), 20)
port = re.search(rb'127\.0\.0\.1:(\d+)', slurp(platform.log)).group(1).decode()
SIM = f'http://127.0.0.1:{port}'
QUOTE = DIR + '/quote'
must(SOTTO, 'quote', '--device', f'sim:{DIR}/sim', '--report-data', '07' * 64, '-o', QUOTE, env=ENV)
POLICY = DIR + '/policy'
with open(POLICY, 'w') as f:
    json.dump({'v': 1, 'anchors': {'simulated': [platform.show()['root_sha256']]}}, f)


def result(*collateral):
    r = sotto('verify', QUOTE, '--policy', POLICY, '--json', *collateral)
    return r.returncode, json.loads(r.stdout or '{}'), r.stderr


# ---- the simulator's service ----
CACHE = DIR + '/cache'
r = sotto('collateral', 'fetch', QUOTE, '--service', SIM, '-o', CACHE, '--json')
files = {f['file']: f for f in json.loads(r.stdout)['files']} if r.returncode == 0 else {}
ok(r.returncode == 0 and len(files) == 8 and all(f['state'] == 'valid' and f['age'] >= 0 for f in files.values()),
   'fetch: all there, each with its window and age', r.stdout + r.stderr)
ok({'tcb_info_tdx_53494D554C31.json', 'tdx_qe_identity.json', 'pck_crl_platform.der', 'root_ca_crl.der'} <= set(files),
   'the names of a collateral directory', sorted(files))
ok(result('--collateral', CACHE)[0] == 10, 'verify with the directory')
for url in (SIM, SIM + '/', SIM + '/sgx/certification/v4/', SIM + '/sgx/certification/v4'):
    ok(result('--collateral', url)[0] == 10, f'verify with a service: {url[len(SIM):] or "(no path)"}')
code, verdict, text = result('--collateral', f'http://127.0.0.1:1,{SIM}')
ok(code == 10 and 'CONNECT_FAILED' in text, 'verify: the next service where the first is not there')
code, verdict, text = result('--collateral', 'http://127.0.0.1:1')
ok(code == 12 and verdict['result'] == 'undecided' and 'CONNECT_FAILED' in text, 'verify: no service is undecided')
ok(sotto('verify', QUOTE, '--collateral', 'http://').returncode == 2, 'verify: a malformed address is usage')
r = sotto('collateral', 'fetch', '--fmspc', '53494d554c31', '--service', SIM, '-o', DIR + '/by-fmspc')
ok(r.returncode == 0, 'fetch by FMSPC', r.stderr)
r = sotto('collateral', 'fetch', '--fmspc', '000000000000', '--service', SIM, '-o', DIR + '/other')
ok(r.returncode == 1 and 'HTTP_STATUS' in r.stderr and not os.path.exists(DIR + '/other'), 'a platform that the service does not know')
for wrong in (['--fmspc', '53494d'], ['--fmspc', '53494d554c3g'], [], [QUOTE, '--fmspc', '53494d554c31'], [QUOTE, '--tee', 'tdx'],
              ['--fmspc', '53494d554c31', '--ca', 'root'], [QUOTE, '--service', 'ftp://127.0.0.1/'],
              [QUOTE, '--service', SIM + '/sgx/certification/v5'], [QUOTE, '--service', 'https://h/${region_id}/sgx/certification/v4/']):
    r = sotto('collateral', 'fetch', *wrong, '-o', DIR + '/usage')
    ok(r.returncode == 2, f'usage: {" ".join(wrong)[-50:]}', r.stderr)
ok(sotto('collateral', 'show', DIR + '/absent').returncode == 1, 'show: a directory that is not there')
ok('root CRL' in sotto('collateral', 'show', CACHE).stdout, 'show for people')
r = sotto('collateral', 'fetch', QUOTE, '--service', SIM)
ok(r.returncode == 0 and os.path.exists(DIR + '/.sotto/collateral/root_ca_crl.der'), 'fetch: the user\'s own directory by default', r.stderr)

# ---- the cache ----
with Server(lambda path: (500, [], b'')) as s:
    r = sotto('collateral', 'fetch', QUOTE, '--service', s.url, '-o', CACHE, '--max-age', '3600')
    ok(r.returncode == 0 and not s.http.asked, '--max-age: what is fresh is not asked for again', r.stderr)
    before = {n: slurp(os.path.join(CACHE, n)) for n in os.listdir(CACHE)}
    r = sotto('collateral', 'fetch', QUOTE, '--service', s.url, '-o', CACHE)
    ok(r.returncode == 1 and before == {n: slurp(os.path.join(CACHE, n)) for n in os.listdir(CACHE)},
       'a service that fails leaves the directory as it was', r.stderr)
    ok(result('--collateral', CACHE)[0] == 10, 'and it serves on without a network')

writers = [subprocess.Popen([SOTTO, 'collateral', 'fetch', QUOTE, '--service', SIM, '-o', CACHE], env=ENV, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True) for _ in range(4)]
torn = 0
while any(w.poll() is None for w in writers):
    torn += result('--collateral', CACHE)[0] != 10
ok(torn == 0 and all(w.wait() == 0 for w in writers), 'four writers at once; who reads meanwhile finds a whole set',
   '\n'.join(w.stderr.read() for w in writers))
torn = 0
for i in range(12):
    w = subprocess.Popen([SOTTO, 'collateral', 'import', CACHE, '-o', CACHE], env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.004 * i)
    w.send_signal(signal.SIGKILL)
    w.wait()
    torn += result('--collateral', CACHE)[0] != 10
ok(torn == 0, 'kill -9 at any moment: a whole set')
ok(sotto('collateral', 'import', CACHE, '-o', CACHE).returncode == 0 and [n for n in os.listdir(DIR) if '.new-' in n] == [],
   'what killed writers left is swept')
os.makedirs(DIR + '/mixed/folder')
ok(sotto('collateral', 'import', CACHE, '-o', DIR + '/mixed').returncode == 0 and os.path.isdir(DIR + '/mixed/folder') and
   len(os.listdir(DIR + '/mixed')) == 9, 'a directory with other things in it keeps them')

# ---- attestd as PCCS ----
attest_port, = free_ports(1)
os.makedirs(DIR + '/policies')
shutil.copy(POLICY, DIR + '/policies/demo.json')
start(ATTESTD, '--listen', f'127.0.0.1:{attest_port}', '--state', DIR + '/attestd', '--policies', DIR + '/policies',
      '--collateral', CACHE, log=DIR + '/attestd.log')
PCCS = f'http://127.0.0.1:{attest_port}'
until(lambda: b'listening' in slurp(DIR + '/attestd.log'), 20)
v3, v4, t4 = (PCCS + p for p in ('/sgx/certification/v3/', '/sgx/certification/v4/', '/tdx/certification/v4/'))
crl = slurp(CACHE + '/pck_crl_platform.der')
chain = slurp(CACHE + '/pck_crl_issuer_chain.pem').decode()
for url, status, header, body in (
        (v4 + 'pckcrl?ca=platform', 200, 'SGX-PCK-CRL-Issuer-Chain', crl.hex().encode()),
        (v3 + 'pckcrl?ca=platform', 200, 'SGX-PCK-CRL-Issuer-Chain', crl.hex().encode()),
        (v4 + 'pckcrl?ca=platform&encoding=der', 200, 'SGX-PCK-CRL-Issuer-Chain', crl),
        (v4 + 'pckcrl?ca=platform&encoding=pem', 200, 'SGX-PCK-CRL-Issuer-Chain', None),
        (v4 + 'pckcrl?ca=processor', 404, None, None),
        (v4 + 'pckcrl', 400, None, None),
        (v4 + 'pckcrl?ca=root', 400, None, None),
        (v4 + 'pckcrl?ca=platform&encoding=xml', 400, None, None),
        (v4 + 'rootcacrl', 200, None, slurp(CACHE + '/root_ca_crl.der').hex().encode()),
        (v3 + 'rootcacrl', 200, None, slurp(CACHE + '/root_ca_crl.der').hex().encode()),
        (v4 + 'crl?uri=https%3A%2F%2Fcertificates.trustedservices.intel.com%2FIntelSGXRootCA.der', 200, None, slurp(CACHE + '/root_ca_crl.der')),
        (v4 + 'crl?uri=http%3A%2F%2F169.254.169.254%2F', 404, None, None),
        (t4 + 'tcb?fmspc=53494D554C31', 200, 'TCB-Info-Issuer-Chain', slurp(CACHE + '/tcb_info_tdx_53494D554C31.json')),
        (t4 + 'tcb?fmspc=53494d554c31&update=STANDARD', 200, 'TCB-Info-Issuer-Chain', None),
        (t4 + 'tcb?fmspc=53494d554c31&update=early', 404, None, None),
        (t4 + 'tcb?fmspc=53494d554c31&update=never', 400, None, None),
        (t4 + 'tcb?fmspc=53494d554c31&tcbEvaluationDataNumber=99', 404, None, None),
        (t4 + 'tcb?fmspc=53494d', 400, None, None),
        (t4 + 'tcb', 400, None, None),
        (t4 + 'tcb?fmspc=00806F050000', 404, None, None),
        (v4 + 'tcb?fmspc=53494D554C31', 404, None, None),
        (t4 + 'qe/identity', 200, 'SGX-Enclave-Identity-Issuer-Chain', slurp(CACHE + '/tdx_qe_identity.json')),
        (v4 + 'qe/identity', 404, None, None),
        (PCCS + '/tdx/certification/v3/qe/identity', 404, None, None),
        (PCCS + '/sgx/certification/v5/rootcacrl', 404, None, None)):
    got, headers, content = get(url)
    good = got == status and re.fullmatch('[0-9a-f]{32}', headers.get('request-id', ''))
    good = good and (body is None or content == body)
    good = good and (header is None or urllib.parse.unquote(headers.get(header.lower(), '')).startswith('-----BEGIN CERTIFICATE-----\n'))
    ok(good, f'PCCS: {url[len(PCCS):len(PCCS) + 70]}: {status}', f'{got} {headers} {content[:200]}')
ok(urllib.parse.unquote(get(v4 + 'pckcrl?ca=platform')[1]['sgx-pck-crl-issuer-chain']) == chain, 'PCCS: the chain comes whole')
ok(result('--collateral', PCCS)[0] == 10, 'verify against it')
r = sotto('collateral', 'fetch', QUOTE, '--service', PCCS + '/sgx/certification/v3/', '-o', DIR + '/v3')
ok(r.returncode == 0, 'fetch by version 3: TDX documents are asked for in version 4', r.stderr)

# ---- attestd as Intel's quote library asks it: its order, its spelling, and what it makes of the answers ----
def qcnl(path):
    status, headers, body = get(PCCS + path)
    chain_of = next((v for k, v in headers.items() if k.endswith('issuer-chain')), '')
    return status, urllib.parse.unquote(chain_of), body


ROOT_URI = 'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der'
root_der, signer = slurp(CACHE + '/root_ca_crl.der'), slurp(CACHE + '/tcb_info_issuer_chain.pem').decode()
tdx_tcb, tdx_qe = slurp(CACHE + '/tcb_info_tdx_53494D554C31.json'), slurp(CACHE + '/tdx_qe_identity.json')
for api, wanted in (('3.0', (('/sgx/certification/v4/pckcrl?ca=platform', chain, crl.hex().encode()),
                             ('/tdx/certification/v4/tcb?fmspc=53494D554C31&update=standard', signer, tdx_tcb),
                             ('/tdx/certification/v4/qe/identity?update=standard', signer, tdx_qe),
                             ('/sgx/certification/v4/rootcacrl', '', root_der.hex().encode()))),
                    ('3.1', (('/sgx/certification/v4/pckcrl?ca=platform&encoding=der', chain, crl),
                             ('/tdx/certification/v4/tcb?fmspc=53494D554C31&update=standard&customParameter=eA%3D%3D', signer, tdx_tcb),
                             ('/tdx/certification/v4/qe/identity?update=standard&customParameter=eA%3D%3D', signer, tdx_qe),
                             ('/sgx/certification/v4/crl?uri=' + ROOT_URI, '', root_der)))):
    seen = [qcnl(path) for path, _, _ in wanted]
    ok(seen == [(200, c, b) for _, c, b in wanted], f'Intel\'s quote library, PCCS API {api}: every byte that it needs', seen)
for name, method, path, status in (('HEAD', 'HEAD', '/sgx/certification/v4/rootcacrl', 200), ('POST', 'POST', '/sgx/certification/v4/platforms', 405),
                                   ('PUT', 'PUT', '/sgx/certification/v4/platformcollateral', 405),
                                   ('a PCK certificate', 'GET', '/sgx/certification/v4/pckcert?qeid=00&cpusvn=00&pcesvn=0000&pceid=0000', 404)):
    c = http.client.HTTPConnection('127.0.0.1', attest_port, timeout=20)
    c.request(method, path)
    r = c.getresponse()
    ok(r.status == status and (method != 'HEAD' or (r.read() == b'' and r.getheader('Content-Length') == str(2 * len(root_der)))), f'PCCS: {name}: {status}', r.status)

# ---- a quote without a PCK certificate ----
quote = slurp(QUOTE)
at = quote.index(b'-----BEGIN')
bare = quote[:at - 6] + struct.pack('<HI', 2, 276) + bytes(276)
bare = bare[:632] + struct.pack('<I', len(bare) - 636) + bare[636:]
bare = bare[:766] + struct.pack('<I', len(bare) - 770) + bare[770:]
pems = quote[at:].rstrip(b'\0').decode()
leaf = pems[:pems.index('-----END') + 26]
for name, content in (('bare', bare), ('pck.pem', pems.encode()), ('leaf.pem', leaf.encode()), ('leaf.der', base64.b64decode(''.join(leaf.split('\n')[1:-2])))):
    with open(f'{DIR}/{name}', 'wb') as f:
        f.write(content)
for pck in ('pck.pem', 'leaf.pem', 'leaf.der'):
    r = sotto('verify', DIR + '/bare', '--policy', POLICY, '--collateral', SIM, '--pck', f'{DIR}/{pck}', '--json')
    facts = {f['name']: f['state'] for f in json.loads(r.stdout)['facts']}
    ok(r.stderr == '' and facts['tcb_status'] == facts['pck_crl'] == facts['qe_report_signature'] == 'affirmed', f'verify --pck {pck} --collateral URL: what its platform needs is fetched', r.stderr + str(facts))
r = sotto('verify', DIR + '/bare', '--policy', POLICY, '--collateral', SIM)
ok(r.returncode in (11, 12) and 'QUOTE_CERTIFICATION' in r.stderr and '--pck' in r.stderr, 'without --pck: nothing is fetched, and that is said', r.stderr)
r = sotto('collateral', 'fetch', DIR + '/bare', '--pck', DIR + '/leaf.der', '--service', SIM, '-o', DIR + '/pck.d', '--json')
files = {f['file']: f for f in json.loads(r.stdout or '{"files": []}')['files']}
ok(r.returncode == 0 and len(files) == 9 and files['pck_cert.pem']['what'] == 'PCK certificate' and files['pck_cert.pem']['state'] == 'valid', 'fetch --pck: it is kept, and shown', r.stderr + str(files))
ok(sotto('verify', DIR + '/bare', '--policy', POLICY, '--collateral', DIR + '/pck.d', '--json').stdout.count('"affirmed"') > 12, 'and found there')
for wrong, reason in (('root_ca_crl.der', 'COLLATERAL_OTHER'), ('tcb_info_issuer_chain.pem', 'COLLATERAL_OTHER'), ('tdx_qe_identity.json', 'COLLATERAL_OTHER')):
    r = sotto('verify', DIR + '/bare', '--pck', f'{CACHE}/{wrong}')
    ok(r.returncode == 1 and last_reason(r) == reason, f'--pck {wrong}: {reason}', r.stderr)

# ---- services that are behind, or not what they say ----
good = {}


def through(path):
    """What the simulator says."""
    if path not in good:
        status, headers, body = get(SIM + path)
        good[path] = (status, [(k, v) for k, v in headers.items() if k.endswith('chain')], body)
    return good[path]


def changed(part, change):
    return lambda path: change(*through(path)) if part in path else through(path)


refused('a body of 5 MB', changed('tcb?', lambda s, h, b: (s, h, b'x' * 5000000)), 'HTTP_BODY_SIZE')
refused('a head of 200 KB', changed('tcb?', lambda s, h, b: (s, [(f'X-{i}', 'y' * 8000) for i in range(25)], b)), 'HTTP_HEAD_SIZE')
refused('a redirect', changed('tcb?', lambda s, h, b: (302, [('Location', SIM + '/tdx/certification/v4/tcb?fmspc=53494D554C31')], b'')), 'HTTP_STATUS')
refused('status 503', changed('pckcrl', lambda s, h, b: (503, [], b'')), 'HTTP_STATUS')
refused('status 429, and to come back tomorrow', changed('pckcrl', lambda s, h, b: (429, [('Retry-After', '86400')], b'')), '429: it is busy for 86400 s')
busy = []


def busy_twice(path):
    busy.append(path)
    return (503, [('Retry-After', '1')], b'') if sum('tcb?' in p for p in busy) < 3 and 'tcb?' in path else through(path)


with Server(busy_twice) as s:
    begun = time.monotonic()
    r = sotto('collateral', 'fetch', QUOTE, '--service', s.url, '-o', DIR + '/busy')
    ok(r.returncode == 0 and sum('tcb?' in p for p in busy) == 3 and 2 <= time.monotonic() - begun < 60, 'a service that is busy twice is asked again when it says', r.stderr)
refused('no chain', changed('tcb?', lambda s, h, b: (s, [], b)), 'HTTP_HEADER')
refused('two chains', changed('tcb?', lambda s, h, b: (s, h * 2, b)), 'HTTP_HEADER')
refused('a chain that is not percent-encoded right', changed('tcb?', lambda s, h, b: (s, [(h[0][0], h[0][1] + '%0')], b)), 'HTTP_HEADER')
refused('a chain of one', changed('tcb?', lambda s, h, b: (s, [(h[0][0], h[0][1].split('-----BEGIN')[0] + '-----BEGIN' + h[0][1].split('-----BEGIN')[1])], b)), 'COLLATERAL_FORM')
refused('the identity in place of the TCB info', changed('tcb?', lambda s, h, b: through('/tdx/certification/v4/qe/identity')), 'COLLATERAL_OTHER')
refused('the root\'s list in place of the PCK CA\'s', changed('pckcrl', lambda s, h, b: (s, h, get(SIM + '/sgx/certification/v4/rootcacrl')[2])), 'COLLATERAL_OTHER')
refused('a byte of the TCB info', changed('tcb?', lambda s, h, b: (s, h, b.replace(b'"tcbType":0', b'"tcbType":1'))), 'COLLATERAL_SIGNATURE')
refused('a byte of the list', changed('pckcrl', lambda s, h, b: (s, h, b[:-1] + bytes([b[-1] ^ 1]))), 'COLLATERAL_SIGNATURE')
refused('a byte behind the list', changed('pckcrl', lambda s, h, b: (s, h, b + b'\0')), 'BYTES_LEFT')
refused('duplicate members', changed('tcb?', lambda s, h, b: (s, h, b.replace(b'"tcbType":0', b'"tcbType":0,"tcbType":0'))), 'JSON_FORM')
refused('nesting without end', changed('tcb?', lambda s, h, b: (s, h, b'{"tcbInfo":' + b'[' * 100000)), 'JSON_')
refused('an empty body', changed('tcb?', lambda s, h, b: (s, h, b'')), 'COLLATERAL_FORM')
refused('a page of HTML', changed('tcb?', lambda s, h, b: (s, h, b'<html>captive portal</html>')), 'COLLATERAL_FORM')


def raw(text, wait=0.0):
    def answer(handler):
        handler.close_connection = True
        for piece in text:
            handler.wfile.write(piece)
            handler.wfile.flush()
            time.sleep(wait)
    return answer


def part(answer):
    return lambda path: answer if 'tcb?' in path else through(path)


refused('a body that ends early', part(raw([b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"tcbInfo":'])), 'NET_CLOSED')
refused('a body that goes on', part(raw([b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTCB-Info-Issuer-Chain: x\r\n\r\n{}{}'])), 'COLLATERAL_FORM')
refused('no answer at all', part(raw([])), 'NET_CLOSED')
refused('no HTTP', part(raw([b'SSH-2.0-OpenSSH\r\n'])), 'HTTP_')
refused('a byte a second', part(raw([b'HTTP/1.1 200 OK\r\n'] + [b'X: y\r\n'] * 8, 1.0)), 'NET_TIMEOUT', '2')
refused('silence', part(raw([b''], 6.0)), 'NET_TIMEOUT', '2')
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
refused('chunks that are none', part(raw([CHUNKED, b'zz\r\n{}\r\n0\r\n\r\n'])), '_')
refused('chunks without end', part(raw([CHUNKED] + [b'100000\r\n' + b'x' * 1048576 + b'\r\n'] * 6)), 'HTTP_BODY_SIZE')
refused('a negative length', part(raw([b'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}'])), '_')

with Server(lambda path: (200, [], b'<html>')) as portal, Server(through) as mirror:
    r = sotto('collateral', 'fetch', QUOTE, '--service', f'{portal.url},http://127.0.0.1:1,{mirror.url}', '-o', DIR + '/failover')
    ok(r.returncode == 0 and 'COLLATERAL_FORM' in r.stderr and 'CONNECT_FAILED' in r.stderr, 'fail-over, document by document', r.stderr)

# ---- TLS ----
must('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', DIR + '/key', '-out', DIR + '/cert',
     '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1')
with Server(through, (DIR + '/cert', DIR + '/key')) as s:
    for options, code in (([], 1), (['--any-certificate'], 0), (['--tls-ca', DIR + '/cert'], 0)):
        r = sotto('collateral', 'fetch', QUOTE, '--service', s.url, '-o', DIR + '/tls', *options)
        ok(r.returncode == code and (code == 0 or 'TLS_CERTIFICATE' in r.stderr), f'a certificate of its own: {options[:1]}: exit {code}', r.stderr)

# ---- another root, and an older set ----
other = Platform(DIR + '/sim2')
r = sotto('collateral', 'import', DIR + '/sim2-collateral', '-o', CACHE)
ok(r.returncode == 1 and last_reason(r) == 'COLLATERAL_ROOT', 'a directory is of one root', r.stderr)
other.stop()
shutil.copytree(CACHE, DIR + '/newer')
time.sleep(1.1)
must(SIMULATOR, 'collateral', DIR + '/sim', DIR + '/fresh')
must(SOTTO, 'collateral', 'import', DIR + '/fresh', '-o', DIR + '/newer', env=ENV)
newest = slurp(DIR + '/newer/tcb_info_tdx_53494D554C31.json')
r = sotto('collateral', 'fetch', QUOTE, '--service', SIM, '-o', DIR + '/newer')
ok(r.returncode == 0 and newest != slurp(CACHE + '/tcb_info_tdx_53494D554C31.json') and 'newer, and stays' in r.stderr and
   newest == slurp(DIR + '/newer/tcb_info_tdx_53494D554C31.json'), 'a service that is behind takes nothing back', r.stderr)

# ---- import ----
root_crl = slurp(CACHE + '/root_ca_crl.der')
wrapped = base64.encodebytes(root_crl).decode().replace('\n', '')
pem = '-----BEGIN X509 CRL-----\n' + '\n'.join(wrapped[i:i + 64] for i in range(0, len(wrapped), 64)) + '\n-----END X509 CRL-----\n'
for name, content in (('hex', root_crl.hex().encode()), ('HEX', root_crl.hex().upper().encode() + b'\n'), ('der', root_crl), ('pem', pem.encode())):
    with open(f'{DIR}/list-{name}', 'wb') as f:
        f.write(content)
    r = sotto('collateral', 'import', f'{DIR}/list-{name}', '-o', f'{DIR}/list-{name}.d')
    ok(r.returncode == 0 and slurp(f'{DIR}/list-{name}.d/root_ca_crl.der') == root_crl, f'import of a list as {name}', r.stderr)
tcb = slurp(CACHE + '/tcb_info_tdx_53494D554C31.json').decode()
qe = slurp(CACHE + '/tdx_qe_identity.json').decode()
inner = lambda text: text[text.index(':') + 1:text.rindex(',"signature"')]  # noqa: E731
one = {'tcb_info_issuer_chain': slurp(CACHE + '/tcb_info_issuer_chain.pem').decode(), 'tcb_info': inner(tcb), 'tcb_info_signature': json.loads(tcb)['signature'],
       'qe_identity_issuer_chain': slurp(CACHE + '/qe_identity_issuer_chain.pem').decode(), 'qe_identity': inner(qe), 'qe_identity_signature': json.loads(qe)['signature'],
       'root_ca_crl': root_crl.hex(), 'pck_crl': crl.hex(), 'pck_crl_issuer_chain': chain}
with open(DIR + '/one.json', 'w') as f:
    json.dump(one, f)
r = sotto('collateral', 'import', DIR + '/one.json', '-o', DIR + '/one.d')
ok(r.returncode == 0 and result('--collateral', DIR + '/one.d')[0] == 10, 'import of the one-file form; verify with it', r.stderr)
ok(result('--collateral', DIR + '/one.json')[0] == 10, 'verify with the one file itself')
files = {n: base64.b64encode(slurp(os.path.join(CACHE, n))).decode() for n in os.listdir(CACHE)}
with open(DIR + '/bundle.json', 'w') as f:
    json.dump({'v': 1, 'evidence': base64.b64encode(slurp(QUOTE)).decode(), 'collateral': files, 'policy': None, 'time': int(time.time()), 'verdict': None}, f)
ok(result('--collateral', DIR + '/bundle.json')[0] == 10, 'verify with a bundle\'s collateral')
with open(DIR + '/junk', 'w') as f:
    f.write('junk')
r = sotto('collateral', 'import', DIR + '/junk', '-o', DIR + '/junk.d')
ok(r.returncode == 1 and last_reason(r) == 'COLLATERAL_FORM' and not os.path.exists(DIR + '/junk.d'), 'import of junk', r.stderr)

# ---- recorded answers ----
api = os.path.join(VECTORS, 'tdx', 'api')
if os.path.isdir(api):
    def recorded(name):
        with open(os.path.join(api, f'teepot_2025-05-27_{name}.json')) as f:
            return json.load(f)

    def body_of(r):
        return next(v for k, v in r.items() if k.endswith('_json') or k == 'crl_data' or k == 'tcb_info').encode()

    quoted = lambda r: urllib.parse.quote(r['issuer_chain'])  # noqa: E731
    root = slurp(os.path.join(VECTORS, 'tdx', 'collateral', 'tdx-B0C06F000000-2025-06-19', 'root_ca_crl.der'))

    def intel(path):
        for part_of, name, header in (('/tdx/certification/v4/tcb?fmspc=00806F050000', 'tdx_tcb_info_00806F050000', 'TCB-Info-Issuer-Chain'),
                                      ('/sgx/certification/v4/tcb?fmspc=00906ED50000', 'sgx_tcb_info_00906ED50000', 'TCB-Info-Issuer-Chain'),
                                      ('/tdx/certification/v4/qe/identity', 'tdx_qe_identity', 'SGX-Enclave-Identity-Issuer-Chain'),
                                      ('/sgx/certification/v4/qe/identity', 'sgx_qe_identity', 'SGX-Enclave-Identity-Issuer-Chain'),
                                      ('/sgx/certification/v3/qe/identity', 'sgx_qe_identity_v3', 'SGX-Enclave-Identity-Issuer-Chain'),
                                      ('/sgx/certification/v4/pckcrl?ca=platform', 'pck_crl_platform', 'SGX-PCK-CRL-Issuer-Chain'),
                                      ('/sgx/certification/v4/pckcrl?ca=processor', 'pck_crl_processor', 'SGX-PCK-CRL-Issuer-Chain')):
            if path.startswith(part_of):
                r = recorded(name)
                return 200, [(header, quoted(r))], body_of(r)
        return (200, [], root.hex().encode()) if path.endswith('/rootcacrl') else (404, [], b'')

    with Server(intel) as s:
        for options, count in ((['--fmspc', '00806F050000'], 8), (['--fmspc', '00906ED50000', '--tee', 'sgx', '--ca', 'processor'], 8)):
            out = DIR + '/intel-' + options[1]
            r = sotto('collateral', 'fetch', *options, '--service', s.url, '-o', out, '--json')
            ok(r.returncode == 0 and len(json.loads(r.stdout)['files']) == count, f'recorded answers of Intel: {" ".join(options)}', r.stderr)
else:
    print('# no vectors: recorded answers were skipped')

# ---- QCNL ----
for name, text, state, reason in (
        ('good', '{ // a comment\n "pccs_url": "https://pccs.example:8081/sgx/certification/v4/", /* two\nlines */ "use_secure_cert": true}', 'ok', 'OK'),
        ('good-lines', '# comment\nPCCS_URL=https://pccs.example:8081/sgx/certification/v4/\r\nUSE_SECURE_CERT=TRUE\n', 'ok', 'OK'),
        ('region', '{"pccs_url": "https://sgx-dcap-server.${region_id}.example.com/sgx/certification/v4/"}', 'wrong', 'QCNL_UNEXPANDED'),
        ('region-lines', 'PCCS_URL=https://sgx-dcap-server.${region_id}.example.com/sgx/certification/v4/\nUSE_SECURE_CERT=FALSE\n', 'wrong', 'QCNL_UNEXPANDED'),
        ('insecure', '{"pccs_url": "https://pccs.example:8081/sgx/certification/v4/", "use_secure_cert": false}', 'warning', 'QCNL_INSECURE'),
        ('insecure-lines', 'PCCS_URL=https://pccs.example:8081/sgx/certification/v4/\nUSE_SECURE_CERT=FALSE\n', 'warning', 'QCNL_INSECURE'),
        ('absent', '{"use_secure_cert": true}', 'wrong', 'QCNL_URL_ABSENT'),
        ('empty', '', 'wrong', 'QCNL_URL_ABSENT'),
        ('path', '{"pccs_url": "https://pccs.example:8081/"}', 'wrong', 'QCNL_URL'),
        ('slash', '{"pccs_url": "https://pccs.example:8081/sgx/certification/v4"}', 'wrong', 'QCNL_URL'),
        ('port', '{"pccs_url": "https://pccs.example:80810/sgx/certification/v4/"}', 'wrong', 'QCNL_URL'),
        ('comma', '{"pccs_url": "https://pccs.example:8081/sgx/certification/v4/",}', 'wrong', 'QCNL_FORM'),
        ('http', 'PCCS_URL=http://pccs.example:8081/sgx/certification/v4/', 'warning', 'QCNL_INSECURE'),
        ('scheme', '{"pccs_url": "pccs.example:8081/sgx/certification/v4/"}', 'wrong', 'QCNL_URL'),
        ('quoted-bool', '{"pccs_url": "https://pccs.example/sgx/certification/v4/", "use_secure_cert": "false"}', 'wrong', 'QCNL_FORM'),
        ('typo', '{"pccs_url": "https://pccs.example/sgx/certification/v4/", "pcss": 1}', 'warning', 'QCNL_UNKNOWN'),
        ('broken', '{"pccs_url": "https://pccs.example/sgx/certification/v4/"', 'wrong', 'QCNL_FORM'),
        ('words', 'use the service in Hangzhou\n', 'wrong', 'QCNL_FORM')):
    path = f'{DIR}/qcnl-{name}'
    with open(path, 'w') as f:
        f.write(text)
    r = sotto('doctor', '--qcnl', path, '--json')
    found = {c['name']: c for c in json.loads(r.stdout)['checks']}['qcnl']
    ok((found['state'], found['reason']) == (state, reason), f'doctor: {name}: {state}, {reason}', found)
path = DIR + '/qcnl-sim'
with open(path, 'w') as f:
    f.write(json.dumps({'pccs_url': 'https://127.0.0.1:1/sgx/certification/v4/', 'collateral_service': SIM + '/sgx/certification/v4/', 'use_secure_cert': False}))
r = sotto('collateral', 'fetch', QUOTE, '--qcnl', path, '-o', DIR + '/qcnl.d')
ok(r.returncode == 0 and 'QCNL_INSECURE' in r.stderr, 'fetch --qcnl: the collateral service of the file', r.stderr)
r = run(SOTTO, 'collateral', 'fetch', QUOTE, '-o', DIR + '/qcnl.e', env={**ENV, 'QCNL_CONF_PATH': path})
ok(r.returncode == 0 and 'says which service' in r.stderr, 'fetch: the file where Intel\'s library looks', r.stderr)
r = run(SOTTO, 'collateral', 'fetch', QUOTE, '-o', DIR + '/qcnl.f', '--service', SIM, env={**ENV, 'QCNL_CONF_PATH': DIR + '/qcnl-region'})
ok(r.returncode == 0 and 'QCNL' not in r.stderr, 'fetch --service: that file is not asked', r.stderr)
r = sotto('collateral', 'fetch', QUOTE, '--qcnl', DIR + '/qcnl-region', '-o', DIR + '/qcnl.d')
ok(r.returncode == 1 and last_reason(r) == 'QCNL_UNEXPANDED', 'fetch --qcnl: what is wrong with it is said', r.stderr)

platform.stop()
shutil.rmtree(DIR, True)
done()
