"""What the server takes: memory and processor time, from /proc, life by life."""

import os
import time
from statistics import linear_regression

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
YOUNG_SECONDS = 10  # the age at which the lives are compared with each other
WARM_SECONDS = 20  # of each life, before its memory says anything about growth
GROWTH_SECONDS_MIN = 60  # of the lives whose growth is looked at, without that
RUN_SECONDS_MIN = 300  # of the runs whose growth is looked at


class Measured:
    def __init__(self):
        self.begun = time.monotonic()
        self.life = []  # [(time, RSS in MB, processor seconds)] of the server that runs
        self.lives = []  # of those that were old enough: [(time, RSS in MB then)]
        self.shown = []  # the last life that ended
        self.growths = []  # MB per hour within a life, with its length
        self.peak = self.processor = 0.0

    def sample(self, process):
        try:
            with open(f"/proc/{process}/stat") as stat, open(f"/proc/{process}/statm") as statm:
                fields = stat.read().rpartition(")")[2].split()
                resident = int(statm.read().split()[1]) * PAGE / 1e6
        except (OSError, IndexError):
            return  # it ended
        self.life.append((time.monotonic(), resident, (int(fields[11]) + int(fields[12])) / TICKS))
        self.peak = max(self.peak, resident)

    def end_life(self):
        if self.life:
            self.processor += self.life[-1][2]
            self.lives += [(at, size) for at, size, _ in self.life if at - self.life[0][0] >= YOUNG_SECONDS][:1]
            warm = [(at, size) for at, size, _ in self.life if at - self.life[0][0] >= WARM_SECONDS]
            if warm and warm[-1][0] - warm[0][0] >= GROWTH_SECONDS_MIN:
                self.growths.append((warm[-1][0] - self.life[0][0], slope(warm)))
        self.shown, self.life = self.life, []

    def latest(self):
        if len(self.shown) < 2:
            return "too short to measure"
        (first, _, before), (last, resident, after) = self.shown[0], self.shown[-1]
        return f"RSS {resident:.0f} MB, processor {100 * (after - before) / (last - first):.0f} %"

    def summary(self):
        text = f"RSS at most {self.peak:.0f} MB, processor {self.processor:.0f} s"
        if self.lives and self.lives[-1][0] - self.lives[0][0] > RUN_SECONDS_MIN:
            text += f"; {YOUNG_SECONDS} s after a start {slope(self.lives):+.1f} MB per hour of the run"
        for seconds, growth in self.growths[-3:]:
            text += f"; within a life of {seconds:.0f} s {growth:+.0f} MB per hour"
        return text


def slope(points):
    """MB per hour."""
    return linear_regression(*zip(*points)).slope * 3600
