import type { Feed } from '../feed/feed';
import { byId } from '../panel/element';
import type { Address } from '../place/address';
import type { Sound } from '../sound/sound';
import type { Box } from './box';
import type { Picture } from './clip';

/** The button `Share`, its box, and the sound: both are loaded when they are first wanted. */
export class Share {
  private readonly button = byId('share');
  private readonly host = byId('share-box');
  private box: Promise<Box> | null = null;
  private sound: Promise<Sound> | null = null;

  constructor(
    private readonly address: Address,
    private readonly feed: Feed,
    private readonly stage: Picture,
  ) {
    this.button.addEventListener('click', () => this.toggle());
    document.addEventListener('pointerdown', ({ target }) => {
      if (target instanceof Node && !this.host.contains(target) && !this.button.contains(target))
        this.close();
    });
  }

  toggle(): void {
    if (this.close()) return;
    this.host.hidden = false;
    this.button.setAttribute('aria-expanded', 'true');
    this.box ??= import('./box').then(
      ({ Box }) => new Box(this.host, this.address, this.stage, () => this.toggleSound()),
    );
    this.box.then(
      (box) => box.open(),
      () => {
        this.box = null;
        this.close();
      },
    );
  }

  /** Whether it was open. */
  close(): boolean {
    if (this.host.hidden) return false;
    const hadFocus = this.host.contains(document.activeElement);
    this.host.hidden = true;
    this.button.setAttribute('aria-expanded', 'false');
    if (hadFocus) this.button.focus();
    return true;
  }

  /** Off until somebody asks for it: browsers let a page sound only then. Returns whether it is on now. */
  async toggleSound(): Promise<boolean> {
    this.sound ??= import('../sound/sound').then(({ Sound }) => new Sound(this.feed));
    return (await this.sound).toggle();
  }
}
