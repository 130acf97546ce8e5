#!/usr/bin/env python3
"""Runs Quantscope and other programs on the same work, in turn, and writes the table in benches/README.md.

Needs nothing but Python 3.11: the peers are installed into target/peers-venv.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
PAGE = HERE.parent / "README.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


class Side:
    """One program that answers a name with a line of JSON."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            command, cwd=HERE, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.about = json.loads(self.process.stdout.readline())

    def ask(self, name):
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{name}: the program ended")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def interpreter():
    """Python with the peers; made on the first run."""
    folder = PROJECT / "target" / "peers-venv"
    python = folder / "bin" / "python"
    done = folder / "installed"
    wanted = (HERE / "requirements.txt").read_text() + (HERE / "requirements-torch.txt").read_text()
    if not done.exists() or done.read_text() != wanted:
        venv.create(folder, with_pip=True)
        pip = [python, "-m", "pip", "install", "-q", "-r"]
        subprocess.run([*pip, HERE / "requirements.txt"], check=True)
        if subprocess.run([*pip, HERE / "requirements-torch.txt"]).returncode:
            print("torch could not be installed: its column stays empty")
        done.write_text(wanted)
    return python


def built(bench):
    """The path of a bench program, built."""
    command = ["cargo", "bench", "--bench", bench, "--no-run", "--message-format=json"]
    out = subprocess.run(command, cwd=PROJECT, check=True, text=True, stdout=subprocess.PIPE).stdout
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return next(
        line["executable"]
        for line in lines
        if line.get("executable") and line["target"]["name"] == bench and "bench" in line["target"]["kind"]
    )


def rows(names):
    """What is measured: its words, our name, the peers."""
    for bits in (8, 4):
        for granularity in ("per-tensor", "per-channel", "per-group"):
            for ranges in ("cached", "computed"):
                words = f"error, {bits} bits, {granularity.replace('-', ' ')}, ranges {ranges}"
                name = f"error/{bits}/{granularity}/{ranges}"
                words = words.replace("group", "group of 32")
                yield words, name, ["numpy", "torch"]
    for kind in ("q4_0", "q8_0"):
        yield f"quantizing to GGUF {kind.upper()}", f"gguf/{kind}", ["gguf"]
    for name in names:
        kind, *rest = name.split("/")
        if kind == "bits":
            yield f"change of bits, {rest[0].replace('-', ' ')}", name, []
        elif kind == "accuracy":
            yield f"accuracy from scratch, {rest[0]}", name, ["onnxruntime", "torch"]
        elif kind == "edit":
            yield None, name, []


class Row:
    def __init__(self, words, name, peers):
        self.words, self.name, self.peers = words, name, peers
        self.ours, self.shares, self.figures = [], [], {}
        self.theirs = {peer: [] for peer in peers}
        self.ratios = {peer: [] for peer in peers}

    def measure(self, ours, theirs, torch_is_there):
        """One round: we, then each peer."""
        answer = ours.ask(self.name)
        mine = per_item(answer)
        self.ours.append(mine)
        self.items = answer["items"]
        if answer["against"] and statistics.median(answer["against"]) > 1e-5:
            pairs = zip(answer["against"], answer["seconds"])
            self.shares.append(statistics.median(base / seconds for base, seconds in pairs))
        self.figures["Quantscope"] = answer["figure"]
        for peer in self.peers:
            if peer == "torch" and not torch_is_there:
                continue
            answer = theirs.ask(f"{peer}/{self.name}")
            found = per_item(answer)
            self.theirs[peer].append(found)
            self.ratios[peer].append(found / mine)
            self.figures[peer] = answer["figure"]

    def check(self):
        """The same work has the same outcome; peers sum in single precision."""
        wanted = self.figures["Quantscope"]
        for peer, found in self.figures.items():
            if abs(found - wanted) > 2e-3 * abs(wanted):
                sys.exit(f"{self.name}: {peer} finds {found}, Quantscope {wanted}: not the same work")

    def cells(self):
        def cell(values):
            if not values:
                return ""
            value = statistics.median(values)
            return f"{1 / value:,.0f}/s".replace(",", " ") if self.items else f"{1e3 * value:.3g} ms"

        share = ""
        if self.shares and self.name.startswith(("error", "gguf")):
            share = f"{100 * statistics.median(self.shares):.0f} %"
        peers = [cell(self.theirs.get(peer)) for peer in ("numpy", "torch", "onnxruntime", "gguf")]
        ratios = [statistics.median(values) for values in self.ratios.values() if values]
        nearest = f"{min(ratios):.2g}×" if ratios else ""
        return [self.words or "edit", cell(self.ours), share, *peers, nearest]


def per_item(answer):
    return statistics.median(answer["seconds"]) / max(answer["items"], 1)


def edits(measured):
    """The rows of one model's layers as a line: how much faster than from scratch."""
    lines, models = [], {}
    for row in measured:
        if row.words is None:
            model = row.name.split("/")[1]
            models.setdefault(model, []).append(statistics.median(row.shares))
    for model, gains in models.items():
        lines.append(
            f"| {model} | {len(gains)} | {statistics.median(gains):.1f}× | {gains[-1]:.1f}× "
            f"| {min(gains):.1f}× | {max(gains):.1f}× |"
        )
    return lines


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def table(measured, ours, theirs, rounds):
    machine, versions = ours.about["machine"], dict(theirs.about["versions"])
    versions.pop("python")
    out = [
        f"{datetime.date.today()}, {processor()}, {machine['threads']} threads, {machine['simd']}; "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + f". Medians of {rounds} rounds.",
        "",
        "| work | Quantscope | of the read limit | numpy | torch | ONNX Runtime | gguf | nearest peer ÷ ours |",
        "|---|---|---|---|---|---|---|---|",
    ]
    out += ["| " + " | ".join(row.cells()) + " |" for row in measured if row.words]
    if lines := edits(measured):
        out += ["", "| one layer's bits changed | layers | median | last | slowest | fastest |"]
        out += ["|---|---|---|---|---|---|", *lines]
    if reason := theirs.about["without_torch"]:
        out += ["", f"The column of torch is empty: {reason}"]
    return out


def other_benches():
    """What the benches of a large file and of the window's frames print, as it is."""
    out = []
    for bench in ("large", "busy"):
        environment = dict(os.environ, QUANTSCOPE_LARGE_GB="10")
        done = subprocess.run([built(bench)], cwd=PROJECT, env=environment, check=True, text=True, stdout=subprocess.PIPE)
        out += ["", f"`{bench}`:", "", "```", done.stdout.rstrip(), "```"]
    return out


def write(lines):
    page = PAGE.read_text()
    before, rest = page.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    PAGE.write_text(before + BEGIN + "\n" + "\n".join(lines) + "\n" + END + after)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", default="", help="rows whose name contains this; the page stays as it is")
    parser.add_argument("--models", default=str(PROJECT.parent / "shared" / "models"), help="holds resnet8_cifar10")
    parser.add_argument("--large", action="store_true", help="also the benches large (10 GB on disk) and busy")
    parser.add_argument("--python", help="an interpreter that has the peers")
    parser.add_argument("--program", help="the bench program, built before")
    options = parser.parse_args()
    # The programs run in this folder.
    options.models = str(pathlib.Path(options.models).resolve())

    environment = dict(os.environ, RAYON_NUM_THREADS=str(options.threads), OMP_NUM_THREADS=str(options.threads))
    # Settings for old versions of OpenBLAS slow down a current one.
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        environment.pop(name, None)
    program = str(pathlib.Path(options.program).resolve()) if options.program else built("peers")
    ours = Side([program, "--serve", "--models", options.models], environment)
    python = options.python or interpreter()
    theirs = Side([python, HERE / "work.py", str(options.threads), options.models], environment)
    measured = [Row(*row) for row in rows(ours.about["names"]) if options.only in row[1]]
    for nth in range(options.rounds):
        for row in measured:
            row.measure(ours, theirs, theirs.about["without_torch"] is None)
            row.check()
            print(f"round {nth + 1}: {row.name}: " + "; ".join(filter(None, row.cells()[1:])), flush=True)
    lines = table(measured, ours, theirs, options.rounds)
    ours.close()
    theirs.close()
    if options.large:
        lines += other_benches()
    print("\n".join(lines))
    if not options.only:
        write(lines)


main()
