import '../style/share.css';
import { copyText } from '../panel/clipboard';
import { download } from '../panel/download';
import { button, element, write } from '../panel/element';
import type { Address } from '../place/address';
import { CLIP_SECONDS, type Picture, recordClip } from './clip';
import { embedCode, linkTo } from './link';

/** What the button `Share` opens. */
export class Box {
  private readonly link = element('input', {
    class: 'mono',
    readonly: '',
    'aria-label': 'Link to what you see',
  });
  private readonly said = element('p', { class: 'said small', role: 'status' });
  private readonly clip = button(
    `${CLIP_SECONDS} s clip`,
    { title: 'A film of the sky' },
    () => void this.record(),
  );
  private readonly sound: HTMLButtonElement;

  constructor(
    private readonly host: HTMLElement,
    private readonly address: Address,
    private readonly stage: Picture,
    toggleSound: () => Promise<boolean>,
  ) {
    this.sound = button('Sound: off', { class: 'quiet', 'aria-pressed': 'false', title: 'Sound (m)' }, () => {
      void toggleSound().then((isOn) => {
        this.sound.setAttribute('aria-pressed', String(isOn));
        write(this.sound, `Sound: ${isOn ? 'on' : 'off'}`);
      });
    });
    this.link.addEventListener('focus', () => this.link.select());
    host.append(
      element(
        'div',
        { class: 'row' },
        this.link,
        button(
          'Copy link',
          { class: 'primary' },
          () => void this.copy(this.link.value, 'The link is copied.'),
        ),
      ),
      element(
        'div',
        { class: 'share-ways' },
        button('Picture', { title: 'The sky as a PNG' }, () => void this.save()),
        this.clip,
        button(
          'Embed',
          { title: 'HTML for another page' },
          () =>
            void this.copy(
              embedCode(location.href),
              'HTML for your page is copied; the server has to allow it (frame_ancestors).',
            ),
        ),
        this.sound,
      ),
      this.said,
    );
    address.listen(() => this.refresh());
  }

  open(): void {
    this.refresh();
    write(this.said, '');
    this.link.focus();
  }

  /** A live place is shared with the turn that is seen now. */
  private refresh(): void {
    if (this.host.hidden) return;
    const shown = Number((document.getElementById('turn')?.textContent ?? '').replaceAll(/\D/g, ''));
    this.link.value = linkTo(location.href, this.address.place, shown > 0 ? shown : null);
  }

  private async copy(text: string, done: string): Promise<void> {
    if (await copyText(text)) {
      write(this.said, done);
      return;
    }
    this.link.value = text;
    this.link.focus();
    write(this.said, 'Your browser does not let the page copy: press Ctrl+C.');
  }

  private async save(): Promise<void> {
    try {
      download(await this.stage.picture(), this.fileName('png'));
      write(this.said, 'The picture is saved.');
    } catch (error) {
      write(this.said, `There is no picture: ${(error as Error).message}.`);
    }
  }

  private async record(): Promise<void> {
    this.clip.disabled = true;
    write(this.said, `Recording ${CLIP_SECONDS} s …`);
    try {
      const { blob, ending } = await recordClip(this.stage);
      download(blob, this.fileName(ending));
      write(this.said, 'The clip is saved.');
    } catch (error) {
      write(this.said, `There is no clip: ${(error as Error).message}.`);
    } finally {
      this.clip.disabled = false;
    }
  }

  private fileName(ending: string): string {
    const { sid, turn } = this.address.place;
    const parts = ['wasmverse', sid === null ? null : `system-${sid}`, turn === null ? null : `turn-${turn}`];
    return `${parts.filter((part) => part !== null).join('-')}.${ending}`;
  }
}
