"""A real socket in front of the real daemon: a daemon that dies half-way, or one that is only reached by TCP."""
import os
import select
import socket
import struct
import threading


class Relay:
    """Passes everything on until a request whose first bytes contain `cue` has come; then the
    socket is gone, and `after` bytes of answers later every connection with it."""

    def __init__(self, path, cue, after=0, daemon="/var/run/docker.sock"):
        self.path, self.cue, self.after, self.daemon = str(path), cue.encode(), after, daemon
        self.connections, self.dying, self.dead, self.once = [], False, threading.Event(), threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.daemon)
        self.connections += [client, server]
        other = {client: server, server: client}
        try:
            while not self.dead.is_set():
                for end in select.select([client, server], [], [])[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    self.look(data, from_client=end is client)
                    other[end].sendall(data)
        except (OSError, ValueError):
            pass
        finally:
            client.close()
            server.close()

    def look(self, data, from_client):
        if from_client and self.cue in data:
            with self.once:
                gone, self.dying = self.dying, True
            if not gone:
                os.unlink(self.path)
                self.listener.close()
        elif self.dying and not from_client:
            self.after -= len(data)
        if self.dying and self.after <= 0:
            self.dead.set()
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self.dead.set()
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class TcpRelay(Relay):
    """The daemon at a TCP port of this machine, as one on another machine is."""

    def __init__(self, daemon="/var/run/docker.sock"):
        self.daemon, self.connections, self.dead = daemon, [], threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def serve(self, client):
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self.daemon)
            back = threading.Thread(target=self.pump, args=(server, client), daemon=True)
            back.start()
            self.pump(client, server)
            back.join()

    @staticmethod
    def pump(source, target):
        """One direction until its end, which is passed on alone: the other one may have more to say."""
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class PausingRelay(TcpRelay):
    """Does something else before it passes on the first request that contains `cue`."""

    def __init__(self, cue, then):
        self.cue, self.then, self.once = cue.encode(), then, threading.Lock()
        super().__init__()

    def pump(self, source, target):
        try:
            while data := source.recv(65536):
                if self.cue in data and source.family == socket.AF_INET:
                    with self.once:
                        then, self.then = self.then, None
                        if then:
                            then()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class CuttingRelay(TcpRelay):
    """Ends the connection whose answers contain `cue`: by a reset, or as one ends whose daemon has no more to say. Passes
    `beyond` bytes on that come with it behind it. Then nothing can be reached but where the
    daemon `stays`."""

    def __init__(self, cue, reset, stays, beyond):
        self.cue, self.reset, self.stays, self.beyond = cue.encode(), reset, stays, beyond
        self.cut = threading.Event()
        super().__init__()

    def serve(self, client):
        self.connections.append(client)
        super().serve(client)

    def pump(self, source, target):
        seen = b""
        try:
            while data := source.recv(65536):
                seen, before = (seen + data)[-65536:], len(seen)
                at = seen.find(self.cue)
                if at >= 0 and source.family == socket.AF_UNIX:
                    target.sendall(data[:max(0, at + len(self.cue) + self.beyond - before)])
                    return self.end(target)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def end(self, client):
        if not self.stays:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            for other in [each for each in self.connections if each is not client]:
                try:
                    other.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        if self.reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        else:
            client.shutdown(socket.SHUT_RDWR)
        self.cut.set()
