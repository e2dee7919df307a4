"""cache/archive/: archives that mean harm or are broken, and what stands already where they are extracted."""
import io
import os
import random
import shutil
import stat
import tarfile
import unittest
import zipfile

from archives import ArchiveCase, driver, special, tar_of, zstd


class Existing(ArchiveCase):
    """Extracting over a tree that is there already."""

    def test_replaced_not_written_to(self):
        (self.out / "file").write_text("old")
        os.link(self.out / "file", self.dir / "other name")
        (self.out / "link").symlink_to(self.dir / "victim")
        (self.out / "kept").write_text("kept")
        (self.out / "empty").mkdir()
        self.put(zstd(tar_of(("file", b"new"), ("link", b"new"), ("empty", b"new"))))
        self.extract()
        self.assertEqual((self.dir / "other name").read_text(), "old")
        self.assertFalse((self.dir / "victim").exists())
        self.assertEqual({p.name: p.read_text() for p in self.out.iterdir()},
                         {"file": "new", "link": "new", "empty": "new", "kept": "kept"})

    def test_link_where_a_folder_is_needed(self):
        (self.dir / "elsewhere").mkdir()
        (self.out / "vendor").symlink_to(self.dir / "elsewhere")
        (self.out / "file").write_text("in the way")
        self.put(zstd(tar_of(("vendor/x/lib", b"new"), ("file/y", b"new"))))
        said = self.extract()
        self.assertIn("WARNING: 1 links that were in the way", said)
        self.assertFalse((self.out / "vendor").is_symlink())
        self.assertEqual((self.out / "vendor/x/lib").read_text(), "new")
        self.assertEqual((self.out / "file/y").read_text(), "new")
        self.assertEqual(list((self.dir / "elsewhere").iterdir()), [])

    def test_full_folder_where_a_file_is_wanted(self):
        (self.out / "d").mkdir()
        (self.out / "d/kept").write_text("kept")
        self.put(zstd(tar_of(("d", b"new"))))
        self.assertIn("'d': a folder with files in it has its name", self.refuse())
        self.assertEqual((self.out / "d/kept").read_text(), "kept")

    def test_later_entry_wins(self):
        folder = special("c", tarfile.DIRTYPE, mode=0o700)
        self.put(zstd(tar_of(*[("a", b"%d" % i) for i in range(200)], special("b", tarfile.SYMTYPE, "a"), ("b", b"file"),
                             ("c2", b"file"), special("c2", tarfile.SYMTYPE, "a"), special("c", tarfile.DIRTYPE, mode=0o755), folder)))
        self.extract()
        self.assertEqual((self.out / "a").read_text(), "199")
        self.assertFalse((self.out / "b").is_symlink())
        self.assertTrue((self.out / "c2").is_symlink())
        self.assertEqual(stat.S_IMODE((self.out / "c").stat().st_mode), 0o700)


class Hostile(ArchiveCase):
    def outside(self):
        return sorted(path.name for path in self.dir.iterdir() if path not in (self.out, self.archive))

    def test_names(self):
        for name in ("../evil", "/tmp/atelier-evil", "a/../../evil", "a/.."):
            with self.subTest(name):
                self.put(zstd(tar_of((name, b"x"), ("later", b"x"))))
                self.assertIn(name, self.refuse())
                with zipfile.ZipFile(self.archive, "w") as zip:
                    zip.writestr(name, "x")
                self.assertIn(name, self.refuse())
                self.assertEqual((self.outside(), list(self.out.iterdir())), ([], []))
                self.assertFalse(os.path.exists("/tmp/atelier-evil"))

    def test_links_outside(self):
        links = [("abs", "/etc/passwd"), ("up", "../x"), ("sub/up", "../../x"), ("odd", "sub/../../x")]
        self.put(zstd(tar_of(*[special(name, tarfile.SYMTYPE, to) for name, to in links], special("ok", tarfile.SYMTYPE, "file"))))
        said = self.extract()
        for name, _ in links:
            self.assertIn(f"WARNING: {name}: a link that leads outside", said)
        self.assertEqual([p.name for p in self.out.iterdir()], ["ok"])
        self.assertEqual(self.extract("outside"), "")
        self.assertEqual(os.readlink(self.out / "abs"), "/etc/passwd")

    def test_through_a_link(self):
        for first, target in (("d", ".."), ("d", str(self.dir)), ("d", "sub")):
            with self.subTest(target):
                self.put(zstd(tar_of(special(first, tarfile.SYMTYPE, target), ("d/evil", b"x"))))
                driver("extract", self.archive, self.out, "outside")
                self.assertEqual(self.outside(), [])
                self.assertFalse((self.out / "sub").exists())

    def test_hard_links(self):
        (self.dir / "secret").write_text("secret")
        for target in ("../secret", str(self.dir / "secret")):
            self.put(zstd(tar_of(special("stolen", tarfile.LNKTYPE, target))))
            self.assertIn("hard link", self.refuse())
        (self.out / "way").symlink_to("..")
        self.put(zstd(tar_of(special("stolen", tarfile.LNKTYPE, "way/secret"))))
        self.refuse()
        self.assertFalse((self.out / "stolen").exists())

    def test_devices(self):
        self.put(zstd(tar_of(special("null", tarfile.CHRTYPE), special("fifo", tarfile.FIFOTYPE), ("file", b"x"))))
        said = self.extract()
        self.assertIn("WARNING: null: neither file, folder nor link: not extracted", said)
        self.assertEqual([p.name for p in self.out.iterdir()], ["file"])

    def test_limits(self):
        self.put(zstd(tar_of(*[(f"f{i}", b"x" * 1000) for i in range(10)])))
        self.assertIn("more than 9 entries", self.refuse("entries=9"))
        self.assertIn("which is the limit", self.refuse("bytes=9999"))
        self.extract("entries=10", "bytes=10000")

    def test_bomb(self):
        with zipfile.ZipFile(self.archive, "w", zipfile.ZIP_DEFLATED) as zip:
            zip.writestr("zeros", bytes(64 << 20))
        self.refuse("bytes=1000000")
        self.assertEqual(list(self.out.iterdir()), [])

    def test_broken_before_its_first_file(self):
        (self.out / "kept").write_text("kept")
        whole = zstd(tar_of(special("d", tarfile.DIRTYPE), ("d/file", b"x" * 5000), ("later", b"y" * 5000)))
        good_zip = io.BytesIO()
        with zipfile.ZipFile(good_zip, "w") as zip:
            zip.writestr("file", "x" * 500)
        cases = {
            "cut in the first header": whole[:300], "cut in the first file": whole[:3000], "magic alone": whole[:4],
            "not zstd": whole[:4] + b"\xff" * 500, "no tar": zstd(b"\x01" * 5000),
            "zip cut": good_zip.getvalue()[:200], "zip garbage": b"PK\x03\x04" + b"?" * 600, "empty": b"", "text": b"hello",
        }
        for name, data in cases.items():
            with self.subTest(name):
                self.put(data)
                said = self.refuse()
                self.assertEqual(said.count("\n"), 1, said)
                if "zip" in name or name in ("empty", "text"):
                    self.assertEqual(said, "ERROR: zip: not a valid zip file\n")
                self.assertEqual([p.name for p in self.out.iterdir()], ["kept"])

    def test_broken_in_the_middle_names_the_entry(self):
        self.put(zstd(tar_of(("first", b"x" * 5000), ("second", b"y" * 900000)))[:200000])
        self.assertIn("'second'", self.refuse())
        self.assertFalse((self.out / "second").exists())

    def test_wrong_checksum(self):
        with zipfile.ZipFile(self.archive, "w") as zip:
            zip.writestr("file", "x" * 500)
        data = bytearray(self.archive.read_bytes())
        data[100] ^= 1
        self.put(bytes(data))
        self.assertIn("'file'", self.refuse())
        self.assertEqual(list(self.out.iterdir()), [])

    def test_a_directory_that_lies(self):
        """Of deflated files, sizes, checksum or place: they are as they were packed or not there, never otherwise."""
        with zipfile.ZipFile(self.archive, "w", zipfile.ZIP_DEFLATED) as zip:
            zip.writestr("first", "x" * 50000)
            zip.writestr("second", "y" * 50000)
        good = self.archive.read_bytes()
        central, local = good.rindex(b"PK\1\2"), good.rindex(b"PK\3\4")
        for what, *at in (("checksum", central + 16), ("packed size", central + 20), ("size", central + 24), ("place", central + 42),
                          ("far place", central + 45), ("both checksums", central + 16, local + 14)):
            with self.subTest(what):
                data = bytearray(good)
                for place in at:
                    data[place] ^= 1
                self.put(bytes(data))
                code, said = driver("extract", self.archive, self.out)
                self.assertEqual((self.out / "second").exists(), code == 0, said)
                if code == 0:
                    self.assertEqual((self.out / "second").read_text(), "y" * 50000)
                if what in ("both checksums", "far place"):
                    self.assertEqual(code, 1)
                shutil.rmtree(self.out)
                self.out.mkdir()

    def test_a_thousand_mutations(self):
        odd = [("a/b", b"x" * 3000), special("l", tarfile.SYMTYPE, "a"), special("h", tarfile.LNKTYPE, "a/b"), ("big", b"y" * 600000)]
        seed = self.dir / "seed.zip"
        with zipfile.ZipFile(seed, "w", zipfile.ZIP_DEFLATED) as zip:
            zip.writestr("a/b", "x" * 3000)
            zip.writestr("c", "y" * 3000)
        seeds = [zstd(tar_of(*odd)), seed.read_bytes()]
        seed.unlink()
        rng = random.Random(4)
        for number in range(1000 if os.environ.get("ATELIER_LONG") else 100):
            data = bytearray(seeds[number % 2])
            for _ in range(rng.randrange(1, 8)):
                data[rng.randrange(min(len(data), 8000))] = rng.randrange(256)
            self.put(bytes(data[: rng.randrange(len(data))] if rng.random() < 0.1 else data))
            code, said = driver("extract", self.archive, self.out, "bytes=2000000")
            self.assertIn(code, (0, 1), f"{number}: {said}")
            self.assertNotIn("Sanitizer", said)
            self.assertEqual(self.outside(), [], number)
            shutil.rmtree(self.out)
            self.out.mkdir()


if __name__ == "__main__":
    unittest.main()
