"""A system from inside: what its picture costs."""

from __future__ import annotations

from .visit import Visit

COUNT_DRAWS = """(() => {
  let draws = 0;
  for (const kind of [WebGLRenderingContext, WebGL2RenderingContext]) {
    for (const name of ['drawArrays', 'drawElements', 'drawArraysInstanced', 'drawElementsInstanced']) {
      const draw = kind.prototype[name];
      if (draw === undefined) continue;
      kind.prototype[name] = function (...args) {
        draws += 1;
        return draw.apply(this, args);
      };
    }
  }
  window.drawsOfFrames = [];
  const nextFrame = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (act) => nextFrame((nowMs) => {
    const before = draws;
    act(nowMs);
    if (draws > before) window.drawsOfFrames.push(draws - before);
  });
})()"""
"""The draw calls of each frame that draws."""


def test_a_system_is_one_draw_call(visit: Visit) -> None:
    """However many ships and effects it holds; the sky behind it takes a few more."""
    visit.page.add_init_script(COUNT_DRAWS)
    page = visit.open("#/system/5")
    visit.await_turns(2)
    page.evaluate("window.drawsOfFrames.length = 0")
    page.wait_for_function("() => window.drawsOfFrames.length >= 5", timeout=60_000)
    frames = page.evaluate("window.drawsOfFrames")
    assert max(frames) <= 4, frames
