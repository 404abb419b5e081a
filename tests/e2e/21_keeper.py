#!/usr/bin/env python3
"""The keeper is killed at each step of each extension, and evidence verifies afterwards; a register that somebody else
extended stops the next start, by name, before anything listens."""
import os
import socket
import struct
import threading

from harness import World, done, ok, refuted, slurp, until

READ, EXTEND = 2, 3


class Tap:
    """Between the keeper and the simulated TD: each request passes by `watch`, before it is done and before its answer is
    given. Whoever is killed in there is killed at a known step; then watch says True, and what had not been done by then
    is not done later, beside a keeper that came after."""

    def __init__(self, folder, real):
        os.mkdir(folder)
        os.symlink(os.path.join(real, 'qgs.sock'), os.path.join(folder, 'qgs.sock'))
        self.real, self.watch = os.path.join(real, 'td.sock'), lambda kind, done: False
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(folder, 'td.sock'))
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            threading.Thread(target=self._serve, args=(self.listener.accept()[0],), daemon=True).start()

    @staticmethod
    def _frame(f):
        head = f.read(8)
        return head + f.read(struct.unpack('<HHI', head)[2]) if len(head) == 8 else b''

    def _serve(self, keeper):
        with keeper, socket.socket(socket.AF_UNIX) as real:
            real.connect(self.real)
            from_keeper, from_real = keeper.makefile('rb'), real.makefile('rb')
            try:
                while request := self._frame(from_keeper):
                    kind = struct.unpack('<HHI', request[:8])[1]
                    if self.watch(kind, False):
                        return
                    real.sendall(request)
                    answer = self._frame(from_real)
                    if self.watch(kind, True):
                        return
                    keeper.sendall(answer)
            except OSError:
                pass


STEPS = {'before the extension': (EXTEND, False), 'behind the extension': (EXTEND, True), 'while the register is read again': (READ, True)}


class Trigger:
    """Kills the keeper at a step of the nth extension from now on."""

    def __init__(self, w, number, step):
        self.w, self.number, self.step, self.seen = w, number, STEPS[step], 0
        self.killed = self.pending = False

    def __call__(self, kind, is_done):
        self.seen += kind == EXTEND and not is_done
        if self.killed or self.seen != self.number or (kind, is_done) != self.step:
            return False
        self.pending = os.path.exists(self.w.dir + '/service/pending')
        pid = self.w.role('keeper')
        self.killed = self.w.kill_role('keeper')
        until(lambda: self.w.role('keeper') != pid, 20)  # it gets no answer in between
        return True


with World() as w:
    w.serve()
    ok(w.verified(), 'a start: simulated')
    w.stop()
    w.serve()
    ok(w.verified(), 'a second start in the same boot: simulated')
    w.stop()

    tap = Tap(w.dir + '/tap', w.platform.folder)
    w.configure(w.conf, device='sim:' + w.dir + '/tap')
    for number, event in enumerate(('start', 'program', 'config', 'web', 'policy', 'model', 'ready'), 1):
        for step in STEPS:
            tap.watch = trigger = Trigger(w, number, step)
            w.launch()
            ready = w.ready()
            code, verdict = w.verify() if ready else (None, {})
            ok(trigger.killed and trigger.pending and code == 10, f'killed {step} of `{event}`: the start goes on, and verifies',
               f'killed {trigger.killed}, pending {trigger.pending}, ready {ready}, {code} {refuted(verdict)}\n{slurp(w.log)[-2000:].decode(errors="replace")}')
            w.stop()

    w.serve()
    for step in STEPS:
        tap.watch = trigger = Trigger(w, 1, step)
        w.kill_role('gateway')  # new keys are an event
        good = until(lambda: trigger.killed, 20) and w.ready() and w.verified()
        ok(good and trigger.pending, f'killed {step} of `key-epoch`: ready again, and verifies', slurp(w.log)[-2000:].decode(errors='replace'))
    ok(w.service.poll() is None and b'"kind":"key-epoch"' in slurp(w.dir + '/service/event_log'), 'by one and the same service')
    tap.watch = lambda kind, is_done: False
    w.stop()
    left = sorted(os.listdir(w.dir + '/service'))
    ok(left == ['event_log', 'lock'], 'nothing but log and lock is left', left)
    w.configure(w.conf)
    w.serve()

    w.platform.stop()
    status, body = w.get('/.well-known/sotto/evidence?nonce=' + '11' * 32)
    ok(status == 503 and b'NO_QUOTE_DEVICE' in body and w.dir.encode() not in body, 'no device: 503, the reason and no path', f'{status} {body}')
    w.platform.start()
    ok(w.verified(), 'with its device back evidence verifies')

    # Extended by another program while the service runs: evidence no longer holds.
    ok(w.platform.extend(3, b'\x5a' * 48), 'another program extends RTMR3')
    code, verdict = w.verify()
    ok(code in (1, 11, 12), f'evidence is not affirmed any more: {code} {refuted(verdict)}', verdict)
    w.stop()
    w.launch(log=w.dir + '/stopped.log')
    listened = []
    until(lambda: w.service.poll() is not None or (w.get('/healthz')[0] != 0 and listened.append(1)), 60)
    text = slurp(w.dir + '/stopped.log').decode(errors='replace')
    ok(w.service.poll() not in (None, 0) and 'REGISTER_UNEXPLAINED' in text.strip().splitlines()[-1], 'the next start stops: REGISTER_UNEXPLAINED', text[-2000:])
    ok(not listened, 'and nothing listened')
    w.platform.reboot()
    w.serve()
    ok(w.verified(), 'after the next boot it verifies again')
done()
