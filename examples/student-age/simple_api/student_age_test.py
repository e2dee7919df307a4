import unittest

import student_age


class StudentAge(unittest.TestCase):
    def test_answers(self):
        self.assertEqual(student_age.answer("/"), (200, {"student_ages": student_age.AGES}))
        self.assertEqual(student_age.answer("/bob"), (200, {"bob": 13}))
        self.assertEqual(student_age.answer("/eve")[0], 404)


if __name__ == "__main__":
    unittest.main()
