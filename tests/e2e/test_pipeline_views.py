"""Pictures of a pipeline: the graph of what waits for what, and the page of how a run went."""
import html.parser
import unittest
import xml.etree.ElementTree

from hooks import IMAGE
from pipelines import Checkout, has_image

SECRET = "hunter2-is-a-secret"
CI = f"""
stages: [build, test, deploy]
default: {{image: {IMAGE}}}
compile: {{stage: build, script: ['echo "</pre><script>$APP_TOKEN</script>"', 'printf "\\033[32mgreen\\033[0m\\n"']}}
'<unit> & co': {{stage: test, needs: [compile], script: [echo a-try, exit 3], retry: 1}}
late: {{stage: deploy, script: [echo late]}}
"""


class Page(html.parser.HTMLParser):
    """What of it is not text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.shown = set(), set(), []
        self.feed(text)
        self.text = "".join(self.shown)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data):
        self.shown.append(data)


class Graph(unittest.TestCase):
    def setUp(self):
        self.checkout = Checkout(CI)
        self.addCleanup(self.checkout.remove)

    def test_in_the_terminal(self):
        result = self.checkout.run("--graph")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(result.text, "build\n  compile       ●\ntest\n  <unit> & co ◀─╯\ndeploy\n  late\n")
        self.assertEqual(self.checkout.run("--graph", "late").text, "deploy\n  late\n")

    def test_as_a_picture(self):
        path = self.checkout.root / "graph.svg"
        result = self.checkout.run("--graph", str(path))
        self.assertEqual((result.code, result.text), (0, ""))
        root = xml.etree.ElementTree.parse(path).getroot()
        space = "{http://www.w3.org/2000/svg}"
        self.assertEqual(root.tag, f"{space}svg")
        texts = [element.text for element in root.iter(f"{space}text")]
        self.assertEqual(texts, ["local/hello, branch main", "build", "test", "deploy", "compile", "<unit> & co", "late"])
        result = self.checkout.run("--graph=/nowhere/graph.svg")
        self.assertEqual(result.code, 2)
        self.assertIn("/nowhere/graph.svg", result.text)


@unittest.skipUnless(has_image(), "no image for jobs")
class Timeline(unittest.TestCase):
    def test_a_page_of_its_own(self):
        checkout = Checkout(CI)
        self.addCleanup(checkout.remove)
        variables = checkout.root / "variables"
        variables.write_text(f"APP_TOKEN={SECRET}\n")
        path = checkout.root / "page.html"
        result = checkout.run("--variables", str(variables), "--timeline", str(path))
        self.assertEqual(result.code, 1, result)
        self.assertIn(f"The timeline is in {path}", result.text)
        page = Page(path.read_text())
        self.assertEqual(page.tags - {"html", "meta", "title", "style", "main", "div", "h1", "span", "p", "b", "code", "svg",
                                      "line", "rect", "text", "details", "summary", "ul", "li", "pre", "footer"}, set())
        self.assertEqual({a for a in page.attributes if a.startswith("on") or a in ("src", "href", "style")}, set())
        self.assertNotIn(SECRET, path.read_text())
        self.assertIn("</pre><script>[MASKED]</script>", page.text)
        self.assertIn('<span class=" f2">green</span>', path.read_text())
        for words in ("local/hello", "Try 2 of 2: failed, exit code 3", "Executing \"step_script\" stage", "skipped"):
            self.assertIn(words, page.text)
        self.assertEqual(list((checkout.root / "tmp").iterdir()), [])

    def test_where_no_page_can_be(self):
        checkout = Checkout(CI)
        self.addCleanup(checkout.remove)
        result = checkout.run("--timeline", "/nowhere/page.html", "compile")
        self.assertEqual(result.code, 1, result)
        self.assertIn("There is no timeline: ", result.text)
        self.assertEqual(result.summary()["compile"][0], "passed")
