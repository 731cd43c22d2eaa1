export const CLIP_SECONDS = 6;
const FRAMES_PER_SECOND = 30;
const FRAMES_MIN = 20;
const WIDTH_MAX = 1280;
/** A film without a frame is shorter than this. */
const BYTES_MIN = 1_000;
const BITS_PER_SECOND = 8_000_000;
/** What browsers record. Some say that they record MP4 and write nothing, so that comes after what all but Safari do. */
const KINDS = ['video/webm;codecs=vp8', 'video/webm', 'video/mp4'];

/** What there is of the canvas: the page's stage. */
export interface Picture {
  readonly canvas: HTMLCanvasElement;
  /** Draws now. */
  render(): void;
  picture(): Promise<Blob>;
}

export interface Clip {
  readonly blob: Blob;
  /** Of the file's name. */
  readonly ending: string;
}

/** Null where the browser records nothing. */
export function clipKind(isSupported: (kind: string) => boolean): string | null {
  return KINDS.find(isSupported) ?? null;
}

/**
 * Some seconds of the sky as a film. What is recorded is a copy on a canvas of its own: the sky's keeps its picture only
 * until the browser has shown it, and may be larger than a film should be.
 */
export async function recordClip(sky: Picture): Promise<Clip> {
  const kind = 'MediaRecorder' in window ? clipKind((each) => MediaRecorder.isTypeSupported(each)) : null;
  if (kind === null) throw new Error('this browser records no clips');
  const copy = document.createElement('canvas');
  const scale = Math.min(1, WIDTH_MAX / sky.canvas.width);
  // Encoders want even sides.
  copy.width = 2 * Math.round((sky.canvas.width * scale) / 2);
  copy.height = 2 * Math.round((sky.canvas.height * scale) / 2);
  const pen = copy.getContext('2d', { alpha: false });
  if (pen === null) throw new Error('the browser gives no canvas');
  const stream = copy.captureStream(FRAMES_PER_SECOND);
  const recorder = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: BITS_PER_SECOND });
  const parts: Blob[] = [];
  recorder.addEventListener('dataavailable', ({ data }) => parts.push(data));
  const stopped = new Promise<void>((resolve, reject) => {
    recorder.addEventListener('stop', () => resolve());
    recorder.addEventListener('error', () => reject(new Error('the recording broke off')));
  });
  const startedMs = performance.now();
  let frames = 0;
  const frame = (): void => {
    sky.render();
    pen.drawImage(sky.canvas, 0, 0, copy.width, copy.height);
    frames += 1;
    // Without a graphics card a frame can take a second: a film has some, all the same.
    const seconds = (performance.now() - startedMs) / 1000;
    if (seconds < CLIP_SECONDS || (frames < FRAMES_MIN && seconds < 4 * CLIP_SECONDS))
      requestAnimationFrame(frame);
    else recorder.stop();
  };
  recorder.start();
  frame();
  try {
    await stopped;
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
  const blob = new Blob(parts, { type: kind });
  if (blob.size < BYTES_MIN) throw new Error('the browser recorded nothing');
  return { blob, ending: kind.startsWith('video/mp4') ? 'mp4' : 'webm' };
}
