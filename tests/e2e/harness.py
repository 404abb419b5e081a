"""A service on a simulated platform of its own, for the scenarios in Python. BUILD: the programs; MODEL: the model file.

    with World() as w:
        w.serve()
        ok(w.ask('Hello')['done'], 'an answer')
    done()

Everything lives in a temporary folder, listens on free ports of 127.0.0.1, and is ended by its process id on every way
out. The policy is made of the programs, the configuration, the model file and the platform's set-up, as ./try does it;
nothing in it comes from the service."""
import atexit
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..'))
BUILD = os.path.realpath(os.environ.get('BUILD', os.path.join(ROOT, 'build')))
MODEL = os.path.realpath(os.environ.get('MODEL', os.path.join(ROOT, '.cache/model/SmolLM2-135M-Instruct.Q4_1.gguf')))
NAME = 'smollm2:135m'
SOTTO, SIM, ATTESTD = (os.path.join(BUILD, p) for p in ('sotto', 'sotto-sim', 'sotto-attestd'))
LIMIT = 900  # seconds that a scenario may take at most

_results = {'count': 0, 'failed': 0}
_started = []


def ok(good, name, detail=''):
    _results['count'] += 1
    print(f"{'ok' if good else 'not ok'} {_results['count']} - {name}", flush=True)
    if not good:
        _results['failed'] += 1
        for line in str(detail).splitlines()[-30:]:
            print('# ' + line)
    return bool(good)


def done():
    print(f"1..{_results['count']}", flush=True)
    sys.exit(1 if _results['failed'] else 0)


def _end(process, how=signal.SIGTERM):
    if process.poll() is None:
        try:
            process.send_signal(how)
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def _end_all():
    for p in reversed(_started):
        _end(p)


def _overdue(number, frame):
    print(f'not ok {_results["count"] + 1} - not done within {LIMIT} seconds', flush=True)
    sys.exit(1)


atexit.register(_end_all)
for _s in (signal.SIGTERM, signal.SIGINT):
    signal.signal(_s, lambda n, f: sys.exit(128 + n))
signal.signal(signal.SIGALRM, _overdue)
signal.alarm(LIMIT)


def start(*command, log, **more):
    with open(log, 'ab') as f:
        p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=f, stderr=f, **more)
    _started.append(p)
    return p


def run(*command, seconds=120, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace', timeout=seconds, **more)


def must(*command, **more):
    r = run(*command, **more)
    if r.returncode != 0:
        ok(False, ' '.join(command[:2]) + ' works', r.stderr)
        done()
    return r.stdout


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(('127.0.0.1', 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def slurp(path):
    try:
        with open(path, 'rb') as f:
            return f.read()
    except OSError:
        return b''


def rest(s, text=b''):
    """What comes on a connection until its end."""
    with s:
        try:
            while chunk := s.recv(65536):
                text += chunk
        except OSError:
            pass
    return text


def alive(pid):
    """Not when it only waits for whoever adopted it to look."""
    return slurp(f'/proc/{pid}/stat').rpartition(b')')[2].split()[:1] not in ([], [b'Z'])


class Platform:
    """A simulated platform that runs, with its collateral."""

    def __init__(self, folder):
        self.folder, self.log = folder, folder + '.log'
        must(SIM, 'init', folder)
        must(SIM, 'collateral', folder, folder + '-collateral')
        self.process = None
        self.start()

    def start(self):
        self.process = start(SIM, 'run', self.folder, '--listen', '127.0.0.1:0', log=self.log)
        sockets = [os.path.join(self.folder, s) for s in ('td.sock', 'qgs.sock')]
        if not until(lambda: all(map(os.path.exists, sockets)), 20):
            ok(False, 'the platform runs', slurp(self.log).decode())
            done()

    def stop(self):
        _end(self.process)

    def reboot(self):
        self.stop()
        must(SIM, 'reboot', self.folder)
        self.start()

    def show(self):
        return json.loads(must(SIM, 'show', self.folder, '--json'))

    def extend(self, index, digest):
        """What a program inside the guest can do to a register besides the service."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(self.folder, 'td.sock'))
            payload = bytes([index]) + digest
            s.sendall(struct.pack('<HHI', 1, 3, len(payload)) + payload)
            f = s.makefile('rb')
            _, kind, size = struct.unpack('<HHI', f.read(8))
            f.read(size)
            return kind == 0x8003


class World:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='sotto-e2e-')
        atexit.unregister(_end_all)  # processes end before their folder goes
        atexit.register(shutil.rmtree, self.dir, True)
        atexit.register(_end_all)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(('SOTTO_', 'OLLAMA_'))}
        self.env.update(SOTTO_MODELS=self.dir + '/models', XDG_CONFIG_HOME=self.dir + '/none', HOME=self.dir)
        must(SOTTO, 'create', NAME, '--from', MODEL, env=self.env)
        self.platform = Platform(self.dir + '/sim')
        self.port, self.tls = free_ports(2)
        self.base, self.url = f'http://127.0.0.1:{self.port}', f'https://127.0.0.1:{self.tls}'
        self.conf, self.policy, self.log = (self.dir + n for n in ('/sotto.conf', '/policy.json', '/serve.log'))
        self.service = None
        self.configure(self.conf)
        self.write_policy(self.policy)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.service is not None:
            _end(self.service)

    def configure(self, path, **changes):
        values = {'tee': 'tdx', 'device': 'sim:' + self.platform.folder, 'model': NAME, 'listen': f'127.0.0.1:{self.port}',
                  'tls_listen': f'127.0.0.1:{self.tls}', 'state': self.dir + '/service', 'policy': self.policy,
                  'collateral': self.platform.folder + '-collateral', **changes}
        with open(path, 'w', encoding='utf-8') as f:
            f.writelines(f'{k} = {v}\n' for k, v in values.items())
        return path

    def reference(self, conf=None, program=SOTTO):
        return json.loads(must(program, 'serve', '--config', conf or self.conf, '--print-reference', env=self.env))

    def write_policy(self, path, reference=None, platform=None):
        p = (platform or self.platform).show()
        service = dict(reference or self.reference())
        # A build with sanitizers maps libraries from the disk.
        service['backing'] = ['memfd', 'verity', 'disk']
        policy = {'v': 1, 'anchors': {'intel': False, 'simulated': [p['root_sha256']]},
                  'td': {'mrtd': [p['mr_td']], 'rtmr0': [p['rtmr_0']], 'rtmr1': [p['rtmr_1']], 'rtmr2': [p['rtmr_2']]},
                  'service': service}
        with open(path, 'w', encoding='utf-8') as f:
            json.dump(policy, f)
        return path

    def launch(self, conf=None, program=SOTTO, log=None):
        self.service = start(program, 'serve', '--config', conf or self.conf, log=log or self.log, env=self.env)
        return self.service

    def ready(self, seconds=90):
        return until(lambda: self.service.poll() is not None or self.get('/readyz')[0] == 200, seconds) and self.service.poll() is None

    def serve(self, conf=None, program=SOTTO):
        self.launch(conf, program)
        if not self.ready():
            ok(False, 'the service is ready', slurp(self.log).decode(errors='replace'))
            done()

    def stop(self, how=signal.SIGTERM):
        _end(self.service, how)
        return self.service.returncode

    def role(self, name):
        """The process id of a role of the service, or None."""
        try:
            with open(f'/proc/{self.service.pid}/task/{self.service.pid}/children', encoding='ascii') as f:
                children = f.read().split()
        except OSError:
            return None
        for p in children:
            if b'--role=' + name.encode() in slurp(f'/proc/{p}/cmdline').split(b'\0'):
                return int(p)
        return None

    def replaced(self, name, old, seconds=60):
        """Waits until a role runs as another process than the old one."""
        return until(lambda: self.role(name) not in (None, old), seconds)

    def kill_role(self, name):
        p = self.role(name)
        if p is not None:
            os.kill(p, signal.SIGKILL)
        return p is not None

    def request(self, method, path, body=None, headers=None, seconds=120):
        """Status and body; status 0 where there is no answer."""
        c = http.client.HTTPConnection('127.0.0.1', self.port, timeout=seconds)
        try:
            c.request(method, path, body=body, headers=headers or {})
            r = c.getresponse()
            return r.status, r.read()
        except (OSError, http.client.HTTPException):
            return 0, b''
        finally:
            c.close()

    def get(self, path, **more):
        return self.request('GET', path, **more)

    def post(self, path, value, **more):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.request('POST', path, body, {'Content-Type': 'application/json', **more.pop('headers', {})}, **more)

    def ask(self, prompt, tokens=4, **more):
        status, body = self.post('/api/generate', {'model': NAME, 'prompt': prompt, 'stream': False,
                                                   'options': {'num_predict': tokens, 'seed': 1}, **more})
        return json.loads(body) if status == 200 else {'done': False, 'status': status, 'body': body.decode(errors='replace')}

    # Greedy, the demo model does not end this story within its context, on any machine.
    STORY = {'prompt': 'Write a very long story about a lighthouse.', 'options': {'num_predict': 3000, 'temperature': 0}}

    def stream(self, path, body, pieces=3):
        """The connection of an answer of which so many pieces have come, and the bytes so far."""
        s = socket.create_connection(('127.0.0.1', self.port), timeout=120)
        data = json.dumps({'model': NAME, **body}).encode()
        s.sendall(f'POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n'.encode() + data)
        text = b''
        while text.count(b'"content"') + text.count(b'"response"') < pieces:
            chunk = s.recv(65536)
            if not chunk:
                break
            text += chunk
        return s, text

    def metric(self, name):
        for line in self.get('/metrics')[1].decode().splitlines():
            if line.startswith(f'sotto_{name} '):
                return float(line.split()[1])
        return None

    def verify(self, what=None, policy=None, *more):
        p = policy or self.policy
        r = run(SOTTO, 'verify', what or self.url, *(('--policy', p) if p != 'none' else ()), '--json', *more, env=self.env)
        try:
            return r.returncode, json.loads(r.stdout)
        except ValueError:
            return r.returncode, {'facts': [], 'text': r.stdout + r.stderr}

    def verified(self):
        return self.verify()[0] == 10

    def raw(self, data, seconds=30, half_close=False):
        """Bytes as they are to the plain listener; what comes back until the end or a pause."""
        out = b''
        with socket.create_connection(('127.0.0.1', self.port), timeout=seconds) as s:
            try:
                s.sendall(data)
                if half_close:
                    s.shutdown(socket.SHUT_WR)
                while chunk := s.recv(65536):
                    out += chunk
            except OSError:
                pass
        return out


def refuted(verdict):
    return [f['reason'] for f in verdict.get('facts', []) if f['state'] == 'refuted']


class Relay:
    """TCP in between: forwards bytes unchanged, counts and keeps those that the asker sent."""

    def __init__(self, port):
        self.to, self.sent, self.connections = port, [], 0
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                asker = self.listener.accept()[0]
                service = socket.create_connection(('127.0.0.1', self.to))
            except OSError:
                return
            self.connections += 1
            self.sent.append(0)
            n = len(self.sent) - 1
            threading.Thread(target=self._pump, args=(asker, service, n), daemon=True).start()
            threading.Thread(target=self._pump, args=(service, asker, None), daemon=True).start()

    def _pump(self, a, b, n):
        try:
            while data := a.recv(65536):
                if n is not None:
                    self.sent[n] += len(data)
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
