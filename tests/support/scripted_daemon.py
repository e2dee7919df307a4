#!/usr/bin/env python3
"""A peer that speaks HTTP on a Unix socket by a script: for faults that a real Docker daemon does not show on request.

    scripted_daemon.py SOCKET SCRIPT      serve until SIGTERM; exit 1 if a request came that SCRIPT does not have,
                                          or if SCRIPT has one that never came

A script is text. A line that begins with ">" starts a rule, the indented lines below say how it is answered:

    # what follows a hash at the start of a line is for people
    > POST /containers/*/exec                a request; the path without its version, shell patterns allowed
      201 {"Id":"e1"}                        status and body, with its Content-Length
    > POST /exec/e1/start
      has {"Detach":false                    the request must have this text in its body
      200 stream                             status; what follows is sent as it is, until the connection closes
      read "exit\\n"                         wait until the client has sent this (its standard input)
      stdout "hello\\n"                      a frame of Docker's multiplexed stream; also stderr
    >> GET /exec/e1/json                     ">>": any number of times, also none
      200 {"Running":false,"ExitCode":7}

More steps: `header NAME: VALUE` (before the status), `200 chunked` (as stream, but each step is a chunk, and the last
one is sent at the end), `raw "BYTES"`, `json {…}` (one line of a stream of messages), `sleep SECONDS`,
`cut` (close at once, in the middle), `hang` (say no more, until the client goes; SOCKET.hung gets a byte first),
`together N` (until so many requests are at this step). Quoted text is as in JSON, with \\u0000 to \\u00ff for bytes. The query counts only where the rule has one ("/containers/json?all=1*").

A rule without ">>" is used once; of several that fit, the first unused one answers. A client may repeat a request
that was cut on a connection that it had used before, as libcurl does: give such a rule ">>". GET /_ping is answered
as Docker 20.10 does, unless the script has a rule for it.

As a module: `with Daemon(path, script) as daemon: …; daemon.requests; daemon.complaints()`."""

import ctypes
import fnmatch
import json
import os
import re
import select
import signal
import socket
import struct
import sys
import threading
import time

PING = '>> GET /_ping\n  header Api-Version: 1.41\n  200 OK\n'
KINDS = {'stdin': 0, 'stdout': 1, 'stderr': 2, 'system': 3}


class Cut(Exception):
    """The script says that the connection ends here, or the client has ended it."""


class Rule:
    def __init__(self, line):
        head, self.method, self.pattern = line.split(None, 2)
        self.repeats = head == '>>'
        self.used = 0
        self.steps = []  # (verb, rest of the line)

    def fits(self, method, target):
        path = target if '?' in self.pattern else target.partition('?')[0]
        return (method == self.method and (self.repeats or not self.used)
                and fnmatch.fnmatchcase(path, self.pattern.replace('?', '[?]')))


def parse(script):
    rules = []
    for number, line in enumerate(script.splitlines(), 1):
        if line.startswith('>'):
            rules.append(Rule(line))
        elif line.strip() and not line.startswith('#'):
            if not rules:
                raise ValueError(f'line {number}: an answer before any request')
            verb, _, rest = line.strip().partition(' ')
            rules[-1].steps.append((verb, rest))
    return rules


def quoted(text):
    return json.loads(text).encode('latin-1')


class Connection:
    def __init__(self, daemon, sock):
        self.daemon, self.sock, self.pending = daemon, sock, b''
        self.chunked = False

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise Cut
        self.pending += data

    def until(self, mark):
        while mark not in self.pending:
            self.more()
        text, _, self.pending = self.pending.partition(mark)
        return text

    def take(self, n):
        while len(self.pending) < n:
            self.more()
        data, self.pending = self.pending[:n], self.pending[n:]
        return data

    def body(self, headers):
        if headers.get('transfer-encoding') == 'chunked':
            data = b''
            while size := int(self.until(b'\r\n'), 16):
                data += self.take(size)
                self.until(b'\r\n')
            self.until(b'\r\n')
            return data
        return self.take(int(headers.get('content-length', 0)))

    def request(self):
        head = self.until(b'\r\n\r\n').decode('latin-1').split('\r\n')
        method, target, _ = head[0].split(' ')
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(':') for line in head[1:])}
        return method, re.sub(r'^/v1\.\d+(?=/)', '', target), headers, self.body(headers)

    def send(self, data):
        self.sock.sendall(b'%x\r\n%s\r\n' % (len(data), data) if self.chunked else data)

    def start(self, status, headers, how):
        """The header of the answer; True when the connection can carry another one."""
        whole = how not in ('stream', 'chunked')
        if whole:
            headers = [*headers, f'Content-Length: {len(how.encode())}']
        else:
            headers = [*headers, 'Transfer-Encoding: chunked' if how == 'chunked' else 'Connection: close']
        kind = 'application/json' if how[:1] in '{[' else 'text/plain'
        lines = [f'HTTP/1.1 {status} Scripted', f'Content-Type: {kind}', *headers, '', how if whole else '']
        self.sock.sendall('\r\n'.join(lines).encode())
        self.chunked = how == 'chunked'
        return how != 'stream'

    def answer(self, rule, body):
        headers, keep = [], False
        for verb, rest in rule.steps:
            if verb == 'header':
                headers.append(rest)
            elif verb == 'has':
                if rest.encode() not in body:
                    self.daemon.complain(f'{rule.method} {rule.pattern}: the body has no {rest}: {body[:500]!r}')
            elif verb.isdigit():
                keep = self.start(verb, headers, rest)
            elif verb in KINDS:
                data = quoted(rest)
                self.send(struct.pack('>BxxxI', KINDS[verb], len(data)) + data)
            elif verb == 'raw':
                self.send(quoted(rest))
            elif verb == 'json':
                self.send(rest.encode() + b'\r\n')
            elif verb == 'read':
                self.until(quoted(rest))
            elif verb == 'sleep':
                time.sleep(float(rest))
            elif verb == 'together':
                self.daemon.meet(int(rest))
            elif verb == 'hang':
                with open(self.daemon.path + '.hung', 'a') as marks:
                    marks.write('.')
                gone = select.poll()
                gone.register(self.sock, 0)  # only that it was closed, not that there is something to read
                gone.poll()
                raise Cut
            elif verb == 'cut':
                raise Cut
            else:
                raise ValueError(f'no such step: {verb}')
        if self.chunked:
            self.sock.sendall(b'0\r\n\r\n')
            self.chunked = False
        return keep

    def serve(self):
        try:
            keep = True
            while keep:
                method, target, headers, body = self.request()
                rule = self.daemon.find(method, target, headers, body)
                if rule:
                    keep = self.answer(rule, body)
                else:
                    self.start('500', [], json.dumps({'message': f'not in the script: {method} {target}'}))
        except (Cut, OSError):
            pass
        except Exception as problem:  # a broken script must not look like a broken daemon
            self.daemon.complain(f'the script: {problem!r}')
        finally:
            self.sock.close()


class Daemon:
    def __init__(self, path, script):
        self.path, self.rules = path, [*parse(script), *parse(PING)]
        self.requests = []  # (method, target, headers, body)
        self._complaints, self._lock = [], threading.Lock()
        self._met, self._meeting = 0, threading.Condition()

    def __enter__(self):
        # Bound under another name first: whoever sees the socket can connect to it.
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path + '.new')
        self.listener.listen(64)
        os.rename(self.path + '.new', self.path)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        os.unlink(self.path)

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=Connection(self, sock).serve, daemon=True).start()

    def find(self, method, target, headers, body):
        with self._lock:
            self.requests.append((method, target, headers, body))
            for rule in self.rules:
                if rule.fits(method, target):
                    rule.used += 1
                    return rule
        self.complain(f'not in the script: {method} {target}')
        return None

    def meet(self, count):
        with self._meeting:
            self._met += 1
            self._meeting.notify_all()
            self._meeting.wait_for(lambda: self._met >= count)

    def complain(self, text):
        with self._lock:
            self._complaints.append(text)

    def complaints(self):
        with self._lock:
            unused = [f'never asked: {r.method} {r.pattern}' for r in self.rules if not r.used and not r.repeats]
            return self._complaints + unused


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[2]) as script:
        text = script.read()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    PR_SET_PDEATHSIG = 1  # a test that fails goes without a word, and ctest waits for who holds its pipe
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    with Daemon(sys.argv[1], text) as daemon:
        signal.sigwait([signal.SIGTERM, signal.SIGINT])
    for line in daemon.complaints():
        print(f'scripted daemon: {line}', file=sys.stderr)
    os._exit(1 if daemon.complaints() else 0)  # not waiting for threads that hang on purpose


if __name__ == '__main__':
    main()
