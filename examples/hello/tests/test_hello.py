import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from hello import greeting


def test_names_the_environment():
    assert greeting("staging") == "Hello from staging!\n"


def test_does_without_one():
    assert greeting(None) == greeting("") == "Hello from nowhere!\n"
