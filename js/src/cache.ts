/** Thumbnails by item id: fetched in batches, kept for the life of the model within a budget of bytes. */

import { type ReadonlySignal, signal } from "@preact/signals-core";
import type { Client } from "./client";
import { type ThumbsPayload, unpackThumbs } from "./protocol";

const BUDGET_BYTES = 128 * 2 ** 20;
const BATCH = 32;
/** The kernel reads with two threads; more requests than that would only delay what is scrolled to next. */
const BATCHES_UNDER_WAY = 2;

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

/** A picture that is decoded before a card shows it. */
interface Prepared {
  readonly image: HTMLImageElement;
  isDecoded: boolean;
}

interface Batch {
  items: readonly number[];
  abort: AbortController;
}

export class Thumbnails {
  readonly #client: Client;
  readonly #onError: (message: string) => void;
  readonly #urls = new LruCache<number, string>(BUDGET_BYTES);
  /** Items that have no thumbnail, or whose thumbnail cannot be decoded. */
  readonly #missing = new Set<number>();
  readonly #wanted = new Map<object, readonly number[]>();
  readonly #batches = new Set<Batch>();
  readonly #version = signal(0);
  /** Items of an order that is perhaps the next, with their pictures once those are here. */
  #expected = new Map<number, Prepared | undefined>();

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
    return this.#missing.has(item) ? null : this.#urls.get(item);
  }

  /** Note that the browser could not decode an item's thumbnail. */
  reject(item: number): void {
    this.#urls.delete(item);
    this.#missing.add(item);
    this.#version.value++;
  }

  /** Say which items a view shows, most urgent first; replaces what it wanted before. */
  want(view: object, items: readonly number[]): void {
    this.#wanted.set(view, items);
    this.#cancelUnwanted();
    this.#fetch();
  }

  /**
   * Say which items come first in an order that is perhaps the next; replaces what was said before. They are fetched
   * after what the views want, and decoded, to be painted together with their cards.
   */
  expect(items: readonly number[]): void {
    this.#expected = new Map(items.map((item) => [item, this.#expected.get(item)]));
    this.#prepare();
    this.#cancelUnwanted();
    this.#fetch();
  }

  /** Whether a picture of an item, with the same address, has been decoded. */
  isDecoded(item: number): boolean {
    return this.#expected.get(item)?.isDecoded ?? false;
  }

  #prepare(): void {
    for (const [item, prepared] of this.#expected) {
      const url = this.#urls.get(item);
      if (prepared || url === undefined) continue;
      const made = { image: new Image(), isDecoded: false };
      this.#expected.set(item, made);
      made.image.src = url;
      made.image.decode().then(
        () => {
          made.isDecoded = true;
        },
        () => undefined, // a card that shows it says so
      );
    }
  }

  /** Forget a view that was closed. */
  release(view: object): void {
    this.#wanted.delete(view);
    this.#cancelUnwanted();
  }

  dispose(): void {
    this.#wanted.clear();
    this.#expected.clear();
    this.#cancelUnwanted();
    this.#urls.clear();
  }

  /** All that is to be here, most urgent first. */
  #everything(): number[] {
    return [...[...this.#wanted.values()].flat(), ...this.#expected.keys()];
  }

  #cancelUnwanted(): void {
    if (this.#batches.size === 0) return;
    const wanted = new Set(this.#everything());
    for (const batch of this.#batches) {
      if (!batch.items.some((item) => wanted.has(item))) batch.abort.abort();
    }
  }

  #fetch(): void {
    if (this.#batches.size >= BATCHES_UNDER_WAY) return;
    const underWay = new Set([...this.#batches].flatMap((batch) => batch.items));
    let items: number[] = [];
    for (const item of this.#everything()) {
      if (underWay.has(item) || this.#missing.has(item) || this.#urls.has(item)) continue;
      underWay.add(item);
      items.push(item);
      if (items.length < BATCH) continue;
      void this.#load({ items, abort: new AbortController() });
      if (this.#batches.size >= BATCHES_UNDER_WAY) return;
      items = [];
    }
    if (items.length > 0) void this.#load({ items, abort: new AbortController() });
  }

  async #load(batch: Batch): Promise<void> {
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
      if (this.#urls.has(item)) continue; // a card shows it: with another address it would load it again
      if (jpeg === null) this.#missing.add(item);
      else {
        const url = dataUrl(jpeg);
        this.#urls.set(item, url, url.length); // one byte a character
      }
    }
    this.#prepare();
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
