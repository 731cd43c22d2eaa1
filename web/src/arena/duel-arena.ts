import { isCalm } from '../panel/calm';
import { drawAtlas } from '../scene/atlas';
import { Stage } from '../scene/stage';
import { SystemScene } from '../scene/system-scene';
import { GRID_SIDE } from '../sql/space';
import type { SystemState } from '../sql/system';
import { shipPixelsMin } from '../view/size';

/** Free around the system, as a share of its side. */
const MARGIN = 0.05;

/** One system of a duel, drawn by the page's own system view on a canvas of its own. */
export class Arena {
  private readonly scene = new SystemScene(drawAtlas(), isCalm);

  private constructor(
    private readonly stage: Stage,
    private readonly host: HTMLElement,
  ) {
    stage.root.addChild(this.scene.container);
    stage.run(
      (nowMs) => this.draw(nowMs),
      () => {},
    );
  }

  static async open(host: HTMLElement): Promise<Arena> {
    return new Arena(await Stage.open(host), host);
  }

  /** `isNext`: the turn after the one shown, so that ships fly there; any other is simply there. */
  show(state: SystemState, periodMs: number, isNext: boolean): void {
    if (!isNext) this.scene.clear();
    this.scene.show(state, performance.now(), periodMs);
  }

  private draw(nowMs: number): boolean {
    // Of a sheet that is closed nothing is drawn.
    if (this.host.offsetParent === null) return false;
    const { width, height } = this.stage;
    const scale = (Math.min(width, height) * (1 - 2 * MARGIN)) / GRID_SIDE;
    this.scene.container.scale.set(scale);
    this.scene.container.position.set((width - scale * GRID_SIDE) / 2, (height - scale * GRID_SIDE) / 2);
    this.scene.advance(nowMs, scale, shipPixelsMin({ left: 0, top: 0, width, height }));
    return true;
  }
}
