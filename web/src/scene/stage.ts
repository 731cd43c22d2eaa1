// PixiJS writes functions with `new Function` unless this is imported first; a strict Content-Security-Policy
// forbids that (see src/main.ts).
import 'pixi.js/unsafe-eval';
import { Container, type RenderTexture, WebGLRenderer } from 'pixi.js';

/** A frame: milliseconds since the page began, and since the frame before. Returns whether anything changed. */
export type Frame = (nowMs: number, passedMs: number) => boolean;

/** Draws a container into a texture. */
export type Draw = (container: Container, target: RenderTexture) => void;

/** After a pause (a hidden tab, a slow frame) motion goes on; it does not leap. */
const PASSED_MS_MAX = 100;
/** Sharper than this costs much and shows little. */
const RESOLUTION_MAX = 2;

/** The canvas, and the beat of its frames. It draws only when something has changed. */
export class Stage {
  readonly root = new Container();
  private isStale = true;
  private isLost = false;
  private lastMs = 0;

  private constructor(
    private readonly renderer: WebGLRenderer,
    readonly canvas: HTMLCanvasElement,
    private readonly host: HTMLElement,
  ) {}

  static async open(host: HTMLElement): Promise<Stage> {
    const canvas = document.createElement('canvas');
    const renderer = new WebGLRenderer();
    await renderer.init({
      canvas,
      backgroundColor: 0x04060c,
      antialias: true,
      autoDensity: true,
      resolution: Math.min(window.devicePixelRatio, RESOLUTION_MAX),
      width: Math.max(1, host.clientWidth),
      height: Math.max(1, host.clientHeight),
      // Pointer and keyboard are handled by this program, so Pixi's own extensions for them stay out.
      skipExtensionImports: true,
    });
    host.append(canvas);
    return new Stage(renderer, canvas, host);
  }

  run(frame: Frame, onResize: () => void): void {
    new ResizeObserver(() => {
      this.renderer.resize(Math.max(1, this.host.clientWidth), Math.max(1, this.host.clientHeight));
      onResize();
      this.isStale = true;
    }).observe(this.host);
    const step = (nowMs: number): void => {
      // First of all: a frame that fails must not be the last one.
      requestAnimationFrame(step);
      const hasChanged = frame(nowMs, Math.min(nowMs - this.lastMs, PASSED_MS_MAX));
      this.lastMs = nowMs;
      if (this.isLost) return;
      if (hasChanged || this.isStale) this.renderer.render(this.root);
      this.isStale = false;
    };
    requestAnimationFrame(step);
  }

  /** `act` is called when the browser has taken the graphics card away from the page; nothing is drawn from then on. */
  onLost(act: () => void): void {
    this.canvas.addEventListener('webglcontextlost', () => {
      this.isLost = true;
      act();
    });
  }

  readonly draw: Draw = (container, target) => {
    if (!this.isLost) this.renderer.render({ container, target, clear: true });
  };

  /** Draws now. Until the browser's next frame the canvas holds what is seen; later it need not. */
  render(): void {
    if (!this.isLost) this.renderer.render(this.root);
  }

  /** What is to be seen now, as a PNG. Drawn once more: what was shown need not be kept by the browser. */
  async picture(): Promise<Blob> {
    this.render();
    return new Promise((resolve, reject) => {
      this.canvas.toBlob((blob) => {
        if (blob === null) reject(new Error('the browser gives no picture'));
        else resolve(blob);
      }, 'image/png');
    });
  }

  get width(): number {
    return this.host.clientWidth;
  }

  get height(): number {
    return this.host.clientHeight;
  }
}
