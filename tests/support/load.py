"""Requests at a steady rate, each on a connection of its own, until told to end; and what became of each."""
import collections
import http.client
import threading
import time

Answer = collections.namedtuple("Answer", "when status body")  # status 0: there was none, body says why


class Load:
    def __init__(self, address, port, host, path="/", rate=200, threads=10):
        self.target, self.host, self.path, self.rate = (address, port), host, path, rate
        self.answers, self.ending = [], threading.Event()
        self.workers = [threading.Thread(target=self.work, args=(i / rate, threads / rate), daemon=True) for i in range(threads)]

    def ask(self):
        connection = http.client.HTTPConnection(*self.target, timeout=120)
        try:
            connection.request("GET", self.path, headers={"Host": self.host})
            answer = connection.getresponse()
            return Answer(time.monotonic(), answer.status, answer.read().decode(errors="replace"))
        except (OSError, http.client.HTTPException) as error:
            return Answer(time.monotonic(), 0, repr(error))
        finally:
            connection.close()

    def work(self, first, every):
        due = time.monotonic() + first
        while not self.ending.wait(max(0, due - time.monotonic())):
            self.answers.append(self.ask())
            due += every

    def failures(self):
        return [answer for answer in self.answers if answer.status != 200]

    def __enter__(self):
        for worker in self.workers:
            worker.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for worker in self.workers:
            worker.join()
