"""A chat on a terminal. Usage: terminal.py SOTTO run MODEL --url URL --policy FILE. Exit 0 if all went as it must."""
import os
import pty
import select
import sys
import time


seen = b''


def until(fd, text, seconds=60):
    """Waits for text; what came before it, and it, is taken and returned."""
    global seen
    end = time.monotonic() + seconds
    while text not in seen:
        if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            sys.exit(f'{text!r} did not come after {seen!r}')
        try:
            piece = os.read(fd, 4096)
        except OSError:  # the other side is closed
            piece = b''
        if not piece:
            sys.exit(f'it ended before {text!r}: {seen!r}')
        seen += piece
    taken, seen = seen[:seen.index(text) + len(text)], seen[seen.index(text) + len(text):]
    return taken


pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [*sys.argv[1:], '--num-predict', '3000'])
until(fd, b'>>> ')
os.write(fd, b'Tell a very long story about the sea.\n')
until(fd, b'\r\n')  # the echo
until(fd, b' ')  # the answer has begun
os.write(fd, b'\x03')
stopped = until(fd, b'>>> ')
if b'(CANCELLED)' not in stopped:
    sys.exit(f'the answer was not stopped: {stopped!r}')
os.write(fd, b'/?\n')
until(fd, b'/bye')
until(fd, b'>>> ')
os.write(fd, b'\x04')
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(0 if code == 0 else f'the chat ended with {code}')
