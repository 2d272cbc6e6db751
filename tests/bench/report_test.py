#!/usr/bin/python3
"""The benchmarks' arithmetic: ratios, goals, and what is said of them."""

import sys
import unittest
import xml.etree.ElementTree

import report
import rows


def sample(mover, run, measure="running", kernel="6.12", **values):
    """A run that moves a GiB in a second and disturbs nobody, except as `values` say."""
    felt = {"stall_longest": 1000, "gap_longest": 1000, "gap_p99": 10, "fault_mean": 1, **values.pop("felt", {})}
    return {"kernel": kernel, "measure": measure, "mover": mover, "run": run, "seconds": 1.0, "felt": felt,
            "target_pages": 2**18, "total_pages": 2**18, "shootdowns": 1, **values}


def result_of(what, samples):
    return next(result for result in rows.evaluate(samples) if result.row.what.startswith(what))


class RowsTest(unittest.TestCase):
    def test_a_ratio_says_how_many_times_better_we_are(self):
        result = result_of("longest mmap", [sample("migratepages", 0, measure="stalls", felt={"stall_longest": 40000}),
                                            sample("numa-migrate", 0, measure="stalls", felt={"stall_longest": 4000})])
        self.assertEqual((result.ratio, result.peer_value, result.our_value), (10, 40, 4))
        self.assertTrue(result.is_met)

    def test_a_ratio_below_its_goal_is_missed(self):
        result = result_of("longest mmap", [sample("migratepages", 0, measure="stalls", felt={"stall_longest": 39000}),
                                            sample("numa-migrate", 0, measure="stalls", felt={"stall_longest": 4000})])
        self.assertIs(result.is_met, False)

    def test_runs_are_compared_with_the_same_run_and_the_median_counts(self):
        seconds = [(1, 1), (9, 3), (100, 20), (8, 4), (10, 5)]
        samples = [sample(mover, run, seconds=pair[index]) for run, pair in enumerate(seconds)
                   for index, mover in enumerate(["migratepages", "numa-migrate"])]
        self.assertEqual(result_of("time to move it, one worker", samples).ratios, [1, 3, 5, 2, 2])
        self.assertEqual(result_of("time to move it, one worker", samples).ratio, 2)

    def test_moving_less_is_not_faster(self):
        result = result_of("time to move it, one worker", [sample("migratepages", 0),
                                                           sample("numa-migrate", 0, seconds=0.5, target_pages=2**16)])
        self.assertEqual(result.ratio, 0.5)

    def test_what_we_reach_counts_where_the_peer_cannot_be_a_measure(self):
        samples = [sample(mover, 0, measure="obstacles", target_pages=pages, movable_pages=1000)
                   for mover, pages in (("one raw call", 50), ("numa-migrate", 1000))]
        result = result_of("movable pages", samples)
        self.assertEqual((result.ratio, result.our_value, result.is_met), (20, 100, True))
        samples[1]["target_pages"] = 999
        self.assertIs(result_of("movable pages", samples).is_met, False)

    def test_kernels_have_goals_of_their_own(self):
        samples = [sample(mover, 0, measure="stalls", kernel=kernel, felt={"stall_longest": stall}) for kernel in ("6.1", "6.12")
                   for mover, stall in (("migratepages", 100000), ("numa-migrate", 1000))]
        met = {result.kernel: result.is_met for result in rows.evaluate(samples)
               if result.row.what.startswith("longest mmap")}
        self.assertEqual(met, {"6.1": False, "6.12": True})

    def test_scans_are_rows_of_the_same_table(self):
        line = {"what": "huge pages", "goal": 300, "ratio": 310, "peer_ms": 155, "ours_ms": 0.5, "note": ""}
        [result] = rows.evaluate_scans([line])
        self.assertEqual((result.kernel, result.goal, result.is_met), ("native", 300, True))


class ReportTest(unittest.TestCase):
    RESULTS = rows.evaluate([sample("migratepages", 0, measure="stalls", felt={"stall_longest": 40000}),
                             sample("numa-migrate", 0, measure="stalls")])

    def test_the_table_begins_with_the_ratio_and_its_goal(self):
        self.assertIn("| 40 | ≥ 10 | met | 6.12 | longest mmap() stall", report.table(self.RESULTS))

    def test_the_picture_is_well_formed_and_has_a_line_a_row(self):
        picture = xml.etree.ElementTree.fromstring(report.picture(self.RESULTS))
        texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
        labels = [text for text in texts if text.endswith(", 6.12")]
        self.assertEqual(len(labels), len(self.RESULTS))


if __name__ == "__main__":
    sys.exit(unittest.main())
