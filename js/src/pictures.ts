/** Large images by item id: the few that are looked at, and those looked at last. */

import { type ReadonlySignal, signal } from "@preact/signals-core";
import { LruCache } from "./cache";
import type { Store } from "./store";

/** Six of the largest that a message holds. */
const BUDGET_BYTES = 6_000_000;
const SIDES = [512, 1024, 2048];
const MAX_SIDE = 2048;

export interface LargeImage {
  readonly url: string;
  /** Longer side that was asked for, pixels. */
  readonly side: number;
  /** Of what is here, pixels. */
  readonly width: number;
  readonly height: number;
  /** Of the upright image in the file. */
  readonly fullWidth: number;
  readonly fullHeight: number;
}

/** The longer side to ask for to fill so many of the screen's pixels. */
export function sideFor(pixels: number): number {
  return SIDES.find((side) => side >= pixels) ?? MAX_SIDE;
}

export class LargeImages {
  readonly #store: Store;
  readonly #images = new LruCache<number, LargeImage>(BUDGET_BYTES, ({ url }) => URL.revokeObjectURL(url));
  readonly #failed = new Map<number, string>();
  readonly #loading = new Map<number, { side: number; abort: AbortController }>();
  readonly #version = signal(0);

  constructor(store: Store) {
    this.#store = store;
  }

  /** Changes whenever there is more to show, or known to be missing. */
  get version(): ReadonlySignal<number> {
    return this.#version;
  }

  /** The image of an item, perhaps a smaller one than is on its way. */
  at(item: number): LargeImage | undefined {
    return this.#images.get(item);
  }

  /** Why an item has no large image; `undefined` while it may still come. */
  reason(item: number): string | undefined {
    return this.#failed.get(item);
  }

  /** Note that the browser could not decode an item's image. */
  reject(item: number): void {
    this.#images.delete(item);
    this.#failed.set(item, "The browser cannot decode this image");
    this.#version.value++;
  }

  /** Say which items are looked at, and how large; replaces what was wanted before. */
  want(sides: ReadonlyMap<number, number>): void {
    for (const [item, { side, abort }] of this.#loading) {
      if (side >= (sides.get(item) ?? Number.POSITIVE_INFINITY)) continue;
      this.#loading.delete(item);
      abort.abort();
    }
    for (const item of this.#failed.keys()) {
      if (!sides.has(item)) this.#failed.delete(item); // who comes back wants it tried again
    }
    for (const [item, side] of sides) {
      const image = this.#images.get(item);
      const isEnough = image && (image.side >= side || image.width >= image.fullWidth);
      if (!isEnough && !this.#failed.has(item) && !this.#loading.has(item)) void this.#load(item, side);
    }
  }

  dispose(): void {
    this.want(new Map());
    this.#images.clear();
  }

  async #load(item: number, side: number): Promise<void> {
    const loading = { side, abort: new AbortController() };
    this.#loading.set(item, loading);
    const image = await this.#store.image(item, side, loading.abort.signal);
    if (this.#loading.get(item) !== loading) return; // passed by, or asked for again in another size
    this.#loading.delete(item);
    if (typeof image === "object" && image.item === item) {
      const { blob, width, height, fullWidth, fullHeight } = image;
      const url = URL.createObjectURL(blob);
      this.#images.set(item, { url, side, width, height, fullWidth, fullHeight }, blob.size);
    } else {
      this.#failed.set(item, typeof image === "string" ? image : "The large image has not arrived");
    }
    this.#version.value++;
  }
}
