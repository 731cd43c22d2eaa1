import type { Feed } from '../feed/feed';
import { at } from '../sql/question';
import { GRID_SIDE, MAP_SIDE } from '../sql/space';
import { systemQuestion } from '../sql/system';
import { NEWS, PLACES } from '../sql/systems';
import { TURNS } from '../sql/turns';

/** A fifth and an octave, a little apart, so that they beat slowly. */
const CHORD = [55, 82.6, 110.3];
const PAD_GAIN = 0.05;
const GLIDE_SECONDS = 2;
const HITS_MAX = 6;
const HIT_SECONDS = 0.35;

interface Hit {
  readonly x: number;
  readonly isDeath: boolean;
}

/** A low chord that is the brighter the more there is fought, and hits from where they are seen. */
export class Sound {
  private context: AudioContext | null = null;
  private filter: BiquadFilterNode | null = null;
  private lastTid = 0;

  constructor(feed: Pick<Feed, 'follow'>) {
    feed.follow(
      ({ turn }) => at(TURNS, turn),
      (turns) => this.swell(turns?.[0]?.kills ?? 0, turns?.[0]?.ships ?? 0),
    );
    let places: ReadonlyMap<number, number> = new Map();
    feed.follow(
      ({ turn }) => at(PLACES, turn),
      (found) => {
        places = new Map((found ?? []).map(({ sid, x }) => [sid, x]));
      },
    );
    feed.follow(
      ({ sid, turn }) => (sid === null ? at(NEWS, turn) : null),
      (news) => {
        const hits = (news ?? []).filter(({ deaths }) => deaths > 0);
        this.strike(
          hits[0]?.tid ?? 0,
          hits.map(({ sid }) => ({ x: (places.get(sid) ?? MAP_SIDE / 2) / MAP_SIDE, isDeath: true })),
        );
      },
    );
    feed.follow(systemQuestion, (state) => {
      const tid = Math.max(0, ...(state?.events ?? []).map((event) => event.tid));
      const hits = (state?.events ?? []).filter(
        (event) => event.tid === tid && (event.kind === 'battle' || event.kind === 'death'),
      );
      this.strike(
        tid,
        hits.map(({ x, kind }) => ({ x: x / GRID_SIDE, isDeath: kind === 'death' })),
      );
    });
  }

  /** Returns whether it sounds now. */
  async toggle(): Promise<boolean> {
    if (this.context === null) this.context = this.begin();
    else if (this.context.state === 'running') {
      await this.context.suspend();
      return false;
    }
    await this.context.resume();
    return true;
  }

  private begin(): AudioContext {
    const context = new AudioContext();
    const gain = new GainNode(context, { gain: PAD_GAIN });
    const filter = new BiquadFilterNode(context, { type: 'lowpass', frequency: 220, Q: 0.6 });
    filter.connect(gain).connect(context.destination);
    for (const frequency of CHORD)
      for (const detune of [-4, 5]) {
        const voice = new OscillatorNode(context, { type: 'sawtooth', frequency, detune });
        voice.connect(filter);
        voice.start();
      }
    this.filter = filter;
    return context;
  }

  private swell(kills: number, ships: number): void {
    if (this.context === null || this.filter === null) return;
    const heat = ships === 0 ? 0 : Math.min(1, (200 * kills) / ships);
    this.filter.frequency.setTargetAtTime(180 + 420 * heat, this.context.currentTime, GLIDE_SECONDS);
  }

  /** Hits of a turn, once: each a short low beat at its side. */
  private strike(tid: number, hits: readonly Hit[]): void {
    if (tid <= this.lastTid) return;
    this.lastTid = tid;
    const { context } = this;
    if (context === null || context.state !== 'running') return;
    hits.slice(0, HITS_MAX).forEach(({ x, isDeath }, number) => {
      const startsAt = context.currentTime + number * 0.07;
      const pan = new StereoPannerNode(context, { pan: Math.max(-0.9, Math.min(0.9, 2 * x - 1)) });
      const gain = new GainNode(context, { gain: 0 });
      const voice = new OscillatorNode(context, { type: 'sine', frequency: isDeath ? 150 : 320 });
      voice.frequency.exponentialRampToValueAtTime(isDeath ? 38 : 120, startsAt + HIT_SECONDS);
      gain.gain.setValueAtTime(isDeath ? 0.16 : 0.05, startsAt);
      gain.gain.exponentialRampToValueAtTime(0.001, startsAt + HIT_SECONDS);
      voice.connect(gain).connect(pan).connect(context.destination);
      voice.start(startsAt);
      voice.stop(startsAt + HIT_SECONDS);
    });
  }
}
