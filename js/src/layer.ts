/** One image in the preview's stage: its thumbnail at once, then the large one as soon as it is decoded. */

import { h } from "./dom";
import type { LargeImage } from "./pictures";
import type { Size } from "./zoom";

export interface Picture {
  readonly item: number;
  readonly name: string;
  /** As `Thumbnails.url` gives it. */
  readonly thumbnail: string | null | undefined;
  readonly large: LargeImage | undefined;
  /** Why there is no large image. */
  readonly reason: string | undefined;
  /** Of the upright image in the file; `undefined` while it is not known. */
  readonly size: Size | undefined;
}

export interface LayerActions {
  /** There is another image to lay out. */
  changed(): void;
  /** An item's large image, or else its thumbnail, cannot be decoded. */
  broken(item: number, isLarge: boolean): void;
}

export class Layer {
  /** As large as the image at the size at which it just fits; transformed from there. */
  readonly element = h("div", { class: "layer" });
  readonly #actions: LayerActions;
  #picture: Picture | undefined;
  #image: HTMLImageElement | undefined;
  #url: string | undefined;
  /** Of the image shown. */
  #natural: Size | undefined;

  constructor(actions: LayerActions) {
    this.#actions = actions;
  }

  /** Of the upright image in the file; `undefined` while it is not known. */
  get size(): Size | undefined {
    return this.#picture?.size;
  }

  /** What is shown has the proportions of this; `undefined` while nothing is. */
  get proportions(): Size | undefined {
    return this.#picture?.size ?? this.#natural;
  }

  /** Whether the large image is what can be seen. */
  get isLarge(): boolean {
    const large = this.#picture?.large;
    return large !== undefined && this.#image?.src === large.url;
  }

  show(picture: Picture | undefined): void {
    if (picture?.item !== this.#picture?.item) this.#clear();
    this.#picture = picture;
    const url = picture?.large?.url ?? picture?.thumbnail ?? undefined;
    if (!picture || url === this.#url || url === undefined) return;
    if (!this.#image && picture.thumbnail) this.#swap(this.#newImage(picture.thumbnail, picture.name));
    this.#url = url;
    void this.#load(url, picture);
  }

  #clear(): void {
    this.#url = undefined;
    this.#natural = undefined;
    this.#remove();
  }

  #remove(): void {
    this.#image = undefined;
    this.element.replaceChildren();
  }

  #newImage(url: string, name: string): HTMLImageElement {
    const image = h("img", { alt: name, draggable: "false", decoding: "async" });
    image.src = url;
    return image;
  }

  #swap(image: HTMLImageElement): void {
    this.#image = image;
    this.element.replaceChildren(image);
  }

  async #load(url: string, { item, name, large }: Picture): Promise<void> {
    const shown = this.#image?.src === url ? this.#image : undefined;
    const image = shown ?? this.#newImage(url, name);
    // It rejects for reasons other than a bad file, too, hence the look at the width.
    await image.decode().catch(() => {});
    if (this.#url !== url) return; // something else is shown by now
    if (image.naturalWidth === 0) {
      if (shown) this.#remove();
      this.#actions.broken(item, large !== undefined);
      return;
    }
    if (!shown) this.#swap(image);
    const { naturalWidth: width, naturalHeight: height } = image;
    this.#natural = height > 0 ? { width, height } : undefined;
    this.#actions.changed();
  }
}
