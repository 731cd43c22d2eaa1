"""Measure what the page's script costs a frame, in Chromium with all drawing stubbed, and write docs/benchmarks/page.md.

python -m tests.bench.bench_page [--systems N]
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import CDPSession, Page, expect, sync_playwright

from tests.bench.report import BENCHMARKS, conditions, put_between
from tests.bench.server import Server
from tests.e2e.conftest import BROWSERS, OPTIONS

SIZES = (1_000, 50_000)
SECONDS = 8.0
PERIOD_SECONDS = 2.0
REPORT = BENCHMARKS / "page.md"

STUB = """(() => {
  localStorage.setItem('wasmverse.welcomed', '1');
  // Asking and compiling stay: Pixi reads what the shaders have. Everything that uploads, sets or draws does nothing.
  const kept = /^(get|is|create|delete|check|compileShader|linkProgram|attachShader|shaderSource|bindAttribLocation|useProgram)/;
  const context = WebGL2RenderingContext.prototype;
  for (const name of Object.getOwnPropertyNames(context)) {
    const { value } = Object.getOwnPropertyDescriptor(context, name);
    if (typeof value === 'function' && !kept.test(name)) context[name] = () => undefined;
  }
  window.frameMs = [];
  window.inputMs = 0;
  const request = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (frame) => request((nowMs) => {
    const from = performance.now();
    frame(nowMs);
    window.frameMs.push(performance.now() - from + window.inputMs);
    window.inputMs = 0;
  });
})();"""

# One step of input each 16 ms; what its listeners cost is part of the frame that follows.
INPUT = """([kind, seconds]) => new Promise((done) => {
  const sky = document.getElementById('sky');
  const at = { clientX: innerWidth / 2, clientY: innerHeight / 2, bubbles: true, cancelable: true };
  let step = 0;
  const timer = setInterval(() => {
    const from = performance.now();
    step += 1;
    if (kind === 'zoom') sky.dispatchEvent(new WheelEvent('wheel', { ...at, deltaY: step % 160 < 80 ? -24 : 24 }));
    if (kind === 'hover') sky.dispatchEvent(new PointerEvent('pointermove', { ...at, clientX: at.clientX + (step % 300) }));
    window.inputMs += performance.now() - from;
  }, 16);
  setTimeout(() => { clearInterval(timer); done(); }, seconds * 1000);
})"""


@dataclass(frozen=True)
class Frames:
    """What a stretch of frames cost: milliseconds by the clock each, and processor time of all script over their number."""

    count: int
    median_ms: float
    p99_ms: float
    mean_ms: float
    all_ms: float


def frames_of(page: Page, devtools: CDPSession, kind: str) -> Frames:
    """The frames while one kind of input goes on."""
    page.evaluate("window.frameMs.length = 0")
    before = script_seconds(devtools)
    page.evaluate(INPUT, [kind, SECONDS])
    spent = script_seconds(devtools) - before
    times = sorted(page.evaluate("window.frameMs"))
    return Frames(
        len(times),
        median(times),
        times[int(len(times) * 0.99)],
        sum(times) / len(times),
        1_000 * spent / len(times),
    )


def metrics(devtools: CDPSession) -> dict[str, float]:
    answer: dict[str, Any] = devtools.send("Performance.getMetrics")
    return {metric["name"]: metric["value"] for metric in answer["metrics"]}


def script_seconds(devtools: CDPSession) -> float:
    return metrics(devtools)["ScriptDuration"]


def measure(systems: int, folder: Path) -> tuple[dict[str, Frames], float]:
    """Frames by kind of input in a universe of so many systems, and the page's heap in MB afterwards."""
    settings = {
        "WASMVERSE_SYSTEMS": str(systems),
        "WASMVERSE_SHIPS": "2",
        "WASMVERSE_NODES": "1",
        "WASMVERSE_PERIOD_SECONDS": str(PERIOD_SECONDS),
    }
    server = Server(folder, settings)
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.add_init_script(STUB)
            page.goto(f"http://127.0.0.1:{server.port}/#/?idle=0")  # no tour: nobody leads the camera
            expect(page.locator("#connection")).to_have_text("Live", timeout=60_000)
            page.wait_for_timeout(10_000)  # the first answers, and what the browser compiles
            devtools = page.context.new_cdp_session(page)
            # Processor time: what others do on the machine counts neither for nor against the page.
            devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
            frames = {kind: frames_of(page, devtools, kind) for kind in ("rest", "hover", "zoom")}
            devtools.send("HeapProfiler.collectGarbage")
            heap = metrics(devtools)["JSHeapUsedSize"] / 1e6
            browser.close()
    finally:
        server.stop()
    return frames, heap


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", type=int, nargs="+", default=SIZES)
    parser.add_argument("--print", action="store_true", help="print the table, and leave the report as it is")
    options = parser.parse_args()
    rows = [
        "| systems | what goes on | frames | median | p99 | mean | processor time a frame | heap |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for systems in options.systems:
        with tempfile.TemporaryDirectory() as folder:
            measured, heap = measure(systems, Path(folder))
        for kind, frames in measured.items():
            times = " | ".join(
                f"{value:.2f} ms"
                for value in (frames.median_ms, frames.p99_ms, frames.mean_ms, frames.all_ms)
            )
            rows.append(f"| {systems:,} | {kind} | {frames.count} | {times} | {heap:.0f} MB |")
    table = "\n".join(rows)
    if options.print:
        print(table)
    else:
        put_between(REPORT, "frames", f"{conditions('playwright')}\n\n{table}")


if __name__ == "__main__":
    main()
