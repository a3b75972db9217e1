/** Thumbnails by item id: fetched in batches, kept for the life of the model within a budget of bytes. */

import { type ReadonlySignal, signal } from "@preact/signals-core";
import type { Client } from "./client";
import { type ThumbsPayload, unpackThumbs } from "./protocol";

const BUDGET_BYTES = 128 * 2 ** 20;
const BATCH = 32;
/** The kernel reads with two threads; more requests than that would only delay what is scrolled to next. */
const BATCHES_UNDER_WAY = 2;
/** To have the browser load a picture is work for the page's own thread: more of them in one go would hold up a frame. */
const PICTURES_AT_ONCE = 8;

/** A map that forgets its least recently used entries once they are too big together. */
export class LruCache<K, V> {
  readonly #entries = new Map<K, { value: V; bytes: number }>();
  readonly #budget: number;
  readonly #onEvict: (value: V) => void;
  #bytes = 0;

  constructor(budget: number, onEvict: (value: V) => void = () => undefined) {
    this.#budget = budget;
    this.#onEvict = onEvict;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Add an entry; the newest is kept even when it alone is over the budget. */
  set(key: K, value: V, bytes: number): void {
    this.delete(key);
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#budget || oldest === key) break;
      this.delete(oldest);
    }
  }

  delete(key: K): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
    this.#onEvict(entry.value);
  }

  clear(): void {
    for (const key of [...this.#entries.keys()]) this.delete(key);
  }
}

/** A picture that the browser loads and decodes before a card shows it; the image keeps what is loaded in its memory. */
interface Picture {
  readonly image: HTMLImageElement;
  readonly url: string;
  isDecoded: boolean;
}

interface Batch {
  items: readonly number[];
  abort: AbortController;
}

export class Thumbnails {
  readonly #client: Client;
  readonly #onError: (message: string) => void;
  /** Not as addresses: the browser's garbage collection, which all of the page waits for, copies and looks at strings. */
  readonly #jpegs = new LruCache<number, Uint8Array>(BUDGET_BYTES);
  /** Items that have no thumbnail, or whose thumbnail cannot be decoded. */
  readonly #missing = new Set<number>();
  readonly #wanted = new Map<object, readonly number[]>();
  readonly #batches = new Set<Batch>();
  readonly #version = signal(0);
  /** Items of an order that is perhaps the next. */
  #expected: readonly number[] = [];
  /** Of all that is wanted or expected, and here. */
  readonly #pictures = new Map<number, Picture>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Client, onError: (message: string) => void) {
    this.#client = client;
    this.#onError = onError;
  }

  /** Changes whenever there is more to show. */
  get version(): ReadonlySignal<number> {
    return this.#version;
  }

  /** The address of an item's thumbnail; `null`: it has none; `undefined`: not here yet. */
  url(item: number): string | null | undefined {
    if (this.#missing.has(item)) return null;
    const jpeg = this.#jpegs.get(item);
    return jpeg && (this.#pictures.get(item)?.url ?? dataUrl(jpeg));
  }

  /** The same, once the browser has decoded it, so that a card can show it at once. */
  decoded(item: number): string | null | undefined {
    if (this.#missing.has(item)) return null;
    const picture = this.#pictures.get(item);
    return picture?.isDecoded ? picture.url : undefined;
  }

  /** Note that the browser could not decode an item's thumbnail. */
  reject(item: number): void {
    this.#jpegs.delete(item);
    this.#missing.add(item);
    this.#version.value++;
  }

  /** Say which items a view shows, most urgent first; replaces what it wanted before. */
  want(view: object, items: readonly number[]): void {
    this.#wanted.set(view, items);
    this.#onWishes();
  }

  /**
   * Say which items come first in an order that is perhaps the next; replaces what was said before. They are fetched
   * after what the views want.
   */
  expect(items: readonly number[]): void {
    this.#expected = items;
    this.#onWishes();
    this.#prepare();
  }

  #onWishes(): void {
    const items = this.#everything();
    for (const item of this.#pictures.keys()) if (!items.has(item)) this.#pictures.delete(item);
    this.#cancelUnwanted(items);
    this.#fetch(items);
    // Not now: views say what they want while a frame is made.
    this.#timer ??= setTimeout(() => this.#prepare());
  }

  /**
   * Have some pictures loaded and decoded, the most urgent first, and the rest in a while.
   *
   * @param supplied Items that nobody has asked for yet.
   */
  #prepare(supplied: readonly number[] = []): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const found = new Set<number>();
    for (const item of [...this.#everything(), ...supplied]) {
      if (this.#pictures.has(item) || !this.#jpegs.has(item)) continue;
      if (found.size === PICTURES_AT_ONCE) {
        this.#timer = setTimeout(() => this.#prepare(supplied));
        break;
      }
      found.add(item);
    }
    if (found.size > 0) void this.#decode([...found]);
  }

  async #decode(items: readonly number[]): Promise<void> {
    const isShown = await Promise.all(items.map((item) => this.#decodeOne(item)));
    // Once for all of them: each time the views draw what has come, and the page is painted.
    if (isShown.includes(true)) this.#version.value++;
  }

  /** Resolves to whether a view shows the item. */
  async #decodeOne(item: number): Promise<boolean> {
    const picture = { image: new Image(), url: this.url(item) ?? "", isDecoded: false };
    this.#pictures.set(item, picture);
    picture.image.src = picture.url;
    // It rejects for reasons other than a bad file, too, hence the look at the width.
    await picture.image.decode().catch(() => undefined);
    if (this.#pictures.get(item) !== picture) return false; // nobody wants it any more
    picture.isDecoded = picture.image.naturalWidth > 0;
    if (!picture.isDecoded) this.reject(item);
    return [...this.#wanted.values()].some((items) => items.includes(item));
  }

  /** Forget a view that was closed. */
  release(view: object): void {
    this.#wanted.delete(view);
    this.#onWishes();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#wanted.clear();
    this.#expected = [];
    this.#pictures.clear();
    this.#cancelUnwanted(new Set());
    this.#jpegs.clear();
  }

  /** All that is to be here, most urgent first. */
  #everything(): Set<number> {
    return new Set([...[...this.#wanted.values()].flat(), ...this.#expected]);
  }

  #cancelUnwanted(items: ReadonlySet<number>): void {
    for (const batch of this.#batches) {
      if (!batch.items.some((item) => items.has(item))) batch.abort.abort();
    }
  }

  #fetch(wanted = this.#everything()): void {
    if (this.#batches.size >= BATCHES_UNDER_WAY) return;
    const underWay = new Set([...this.#batches].flatMap((batch) => batch.items));
    let items: number[] = [];
    for (const item of wanted) {
      if (underWay.has(item) || this.#missing.has(item) || this.#jpegs.has(item)) continue;
      underWay.add(item);
      items.push(item);
      if (items.length < BATCH) continue;
      void this.#request({ items, abort: new AbortController() });
      if (this.#batches.size >= BATCHES_UNDER_WAY) return;
      items = [];
    }
    if (items.length > 0) void this.#request({ items, abort: new AbortController() });
  }

  async #request(batch: Batch): Promise<void> {
    this.#batches.add(batch);
    const outcome = await this.#client.request({ kind: "thumbs", items: batch.items }, batch.abort.signal);
    this.#batches.delete(batch);
    if (outcome.status === "ok") {
      try {
        this.supply(unpackThumbs(outcome.content, outcome.buffers));
      } catch (error) {
        this.#fail(batch, String(error));
      }
    } else if (outcome.status === "error") {
      this.#fail(batch, outcome.error);
    }
    if (outcome.status !== "gone") this.#fetch();
  }

  /** Take in thumbnails, whether they were asked for or not. */
  supply(thumbs: ThumbsPayload): void {
    for (const [item, jpeg] of thumbs) {
      if (this.#jpegs.has(item)) continue; // sent ahead, and asked for too
      if (jpeg === null) this.#missing.add(item);
      else {
        // A copy: the buffer of the message would stay for as long as any part of it.
        this.#jpegs.set(item, jpeg.slice(), jpeg.byteLength);
      }
    }
    this.#prepare([...thumbs.keys()]);
    this.#version.value++;
  }

  #fail(batch: Batch, message: string): void {
    for (const item of batch.items) this.#missing.add(item);
    this.#version.value++;
    this.#onError(message);
  }
}

/**
 * The address of a picture, with all of it inside. A Blob's would be shorter, but making and loading each of those goes
 * through the browser's process, which took longer than all the rest of showing a screen of them.
 */
function dataUrl(jpeg: Uint8Array & { toBase64?: () => string }): string {
  // Browsers before 2025 have no toBase64, which is many times as fast.
  const base64 = jpeg.toBase64?.() ?? btoa(Array.from(jpeg, (byte) => String.fromCharCode(byte)).join(""));
  return `data:image/jpeg;base64,${base64}`;
}
