"""Each rule of commit_message.py, with a message that breaks it and messages that do not."""

import unittest

import commit_message


class CommitMessageTest(unittest.TestCase):
    def complaints(self, text):
        return list(commit_message.complaints(text))

    def test_subject_under_72_characters(self):
        self.assertEqual(self.complaints("x" * 71 + "\n"), [])
        (complaint,) = self.complaints("x" * 72 + "\n")
        self.assertIn("72 characters", complaint)

    def test_empty_second_line(self):
        self.assertEqual(self.complaints("subject\n\nbody " + "x" * 100 + "\n"), [])
        self.assertEqual(len(self.complaints("subject\nbody\n")), 1)

    def test_comments_of_the_editor_do_not_count(self):
        self.assertEqual(self.complaints("subject\n# " + "x" * 100 + "\n"), [])


if __name__ == "__main__":
    unittest.main()
