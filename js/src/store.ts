/** The state of one gallery model in the browser: the kernel's traits as signals, and what a user can do. */

import type { AnyModel } from "@anywidget/types";
import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { Thumbnails } from "./cache";
import { Client, type Outcome } from "./client";
import { GroupSizes } from "./groups";
import {
  type AheadPayload,
  type Details,
  type ImagePayload,
  isAhead,
  isExpected,
  type Mode,
  type Request,
  type Row,
  unpackAhead,
  unpackChanged,
  unpackDetails,
  unpackExpected,
  unpackImage,
  unpackPaths,
  type ViewOp,
} from "./protocol";
import { isWithin, type Range } from "./ranges";
import { type Claim, RowCache } from "./rows";

/** The traits of the Python class `Gallery`. */
export interface Traits {
  epoch: number;
  revision: number;
  count: number;
  total: number;
  selection_count: number;
  selection_in_view: number;
  sort: string;
  sort_keys: readonly string[];
  query_label: string;
  filter_label: string;
  value_name: string;
  title: string;
  tag_counts: readonly (readonly [string, number])[];
  status: { kind?: string; message?: string; hint?: string };
  thumbnail_size: number;
  mode: Mode;
  group_count: number;
  group_threshold: number;
  missing_count: number;
}

const DEFAULTS: Traits = {
  epoch: 0,
  revision: 0,
  count: 0,
  total: 0,
  selection_count: 0,
  selection_in_view: 0,
  sort: "",
  sort_keys: [],
  query_label: "",
  filter_label: "",
  value_name: "",
  title: "",
  tag_counts: [],
  status: {},
  thumbnail_size: 144,
  mode: "grid",
  group_count: 0,
  group_threshold: 0,
  missing_count: 0,
};
const NAMES = Object.keys(DEFAULTS) as (keyof Traits)[];

export type Model = AnyModel<Traits>;

/** A message to the user about something that failed. */
export interface Notice {
  readonly message: string;
}

export class Store {
  readonly client: Client;
  readonly rows: RowCache;
  readonly thumbnails: Thumbnails;
  readonly groups: GroupSizes;
  readonly #model: Model;
  readonly #traits: { readonly [K in keyof Traits]: Signal<Traits[K]> };
  readonly #notice = signal<Notice | undefined>(undefined);
  #shown = { epoch: -1, revision: -1 };
  #ahead: AheadPayload | undefined;

  constructor(model: Model) {
    this.#model = model;
    this.#traits = Object.fromEntries(NAMES.map((name) => [name, signal(DEFAULTS[name])])) as never;
    this.client = new Client((content, buffers) => model.send(content, undefined, buffers));
    const onError = (message: string) => this.notify(message);
    this.rows = new RowCache(this.client, onError);
    this.thumbnails = new Thumbnails(this.client, onError);
    this.groups = new GroupSizes(this.client, onError);
    this.pull();
  }

  get traits(): { readonly [K in keyof Traits]: ReadonlySignal<Traits[K]> } {
    return this.#traits;
  }

  get notice(): ReadonlySignal<Notice | undefined> {
    return this.#notice;
  }

  /** Names of the model's events after which `pull` has to be called. */
  static readonly events = NAMES.map((name) => `change:${name}` as const);

  /** Take over the traits from the model; cheap when nothing has changed. */
  pull(): void {
    batch(() => {
      for (const name of NAMES) {
        const target: Signal<unknown> = this.#traits[name];
        target.value = this.#model.get(name) ?? DEFAULTS[name];
      }
      const { epoch, revision, count, group_count } = this.#traits;
      if (epoch.value !== this.#shown.epoch) {
        this.rows.reset(epoch.value, count.value);
        this.groups.reset(epoch.value, group_count.value);
      } else if (revision.value !== this.#shown.revision) this.rows.refresh();
      this.#shown = { epoch: epoch.value, revision: revision.value };
      this.#takeAhead();
    });
  }

  /** Take in a custom message from the kernel. */
  receive(content: unknown, buffers: readonly DataView[] = []): void {
    try {
      if (isExpected(content)) {
        this.thumbnails.expect(unpackExpected(content));
      } else if (isAhead(content)) {
        this.#ahead = unpackAhead(content, buffers);
        this.thumbnails.supply(this.#ahead.thumbs);
        this.#takeAhead();
      } else {
        this.client.receive(content, buffers);
      }
    } catch (error) {
      this.notify(String(error));
    }
  }

  /** Take in the rows that were sent ahead once their order is the current one. */
  #takeAhead(): void {
    const ahead = this.#ahead;
    if (ahead?.rows.epoch !== this.#shown.epoch) return;
    this.#ahead = undefined;
    // Something in them may have changed since they were read; then they are asked for as others are.
    if (ahead.revision >= this.#shown.revision) this.rows.supply(ahead.rows);
  }

  notify(message: string): void {
    this.#notice.value = { message };
  }

  dismissNotice(): void {
    this.#notice.value = undefined;
  }

  /** Select an item or take it out of the selection. */
  setSelected(item: number, selected: boolean): void {
    const claim = this.rows.override((row) => (row.id === item ? selected : undefined));
    void this.#command({ kind: "select", op: selected ? "add" : "remove", items: [item] }, claim);
  }

  /** Select this item and no other. */
  selectOnly(item: number): void {
    const claim = this.rows.override((row) => row.id === item);
    void this.#command({ kind: "select", op: "set", items: [item] }, claim);
  }

  /**
   * Select ranges `[start, stop)` of view positions, ascending and apart.
   *
   * @param replace Instead of what is selected; otherwise besides it.
   */
  selectRanges(ranges: readonly Range[], replace: boolean): void {
    if (ranges.length === 0) {
      if (replace) this.selectView("none");
      return;
    }
    const claim = this.rows.override((_, position) =>
      isWithin(ranges, position) ? true : replace ? false : undefined,
    );
    const epoch = this.#traits.epoch.value;
    void this.#command({ kind: "select", op: "ranges", epoch, ranges, replace }, claim);
  }

  /**
   * Add all items in view to the selection, empty the selection, invert it within the view, or select the `extras` of
   * the group view and no keeper.
   */
  selectView(op: ViewOp): void {
    const decide: Record<ViewOp, (row: Row) => boolean | undefined> = {
      all: () => true,
      none: () => false,
      invert: (row) => !row.selected,
      extras: (row) => !row.keeper,
    };
    void this.#command({ kind: "select", op }, this.rows.override(decide[op]));
  }

  /** Tag or untag the selected items; resolves to how many were changed, `undefined` when it failed. */
  async tag(kind: "tag" | "untag", name: string): Promise<number | undefined> {
    const outcome = await this.#command({ kind, name });
    return this.#unpacked(outcome, unpackChanged);
  }

  /** All that is known of an item; `undefined` when it failed (the user was told) or was cancelled. */
  async details(item: number, abort: AbortSignal): Promise<Details | undefined> {
    const outcome = await this.client.request({ kind: "details", item }, abort);
    if (outcome.status === "error") this.notify(outcome.error);
    return this.#unpacked(outcome, unpackDetails);
  }

  /** A large image of an item, the reason why there is none, or `undefined` when it was cancelled. */
  async image(item: number, side: number, abort: AbortSignal): Promise<ImagePayload | string | undefined> {
    const outcome = await this.client.request({ kind: "image", item, side }, abort);
    return outcome.status === "error" ? outcome.error : this.#unpacked(outcome, unpackImage);
  }

  sortBy(sort: string): void {
    void this.#command({ kind: "sort", sort });
  }

  showSimilar(item: number): void {
    void this.#command({ kind: "similar", items: [item] });
  }

  /** Show the items similar to an image from outside: a name for it, and the bytes of a file. */
  showSimilarTo(name: string, file: ArrayBuffer): void {
    void this.#command({ kind: "similar_image", name }, undefined, [file]);
  }

  /** Absolute paths of the selected items, in the order of the view; `undefined` when it failed: the user was told. */
  async paths(): Promise<readonly string[] | undefined> {
    return this.#unpacked(await this.#command({ kind: "paths" }), unpackPaths);
  }

  /** Show all items in view, or the groups of duplicates row by row. */
  setMode(mode: Mode): void {
    void this.#command({ kind: "mode", mode });
  }

  /** Make an item the one that stays of its group of duplicates. */
  keep(item: number): void {
    void this.#command({ kind: "keep", item });
  }

  clear(what: "query" | "filters"): void {
    void this.#command({ kind: "clear", what });
  }

  /** Set the size of the cards; `save` hands it on to the kernel and so to all who look at this model. */
  setThumbnailSize(size: number, save: boolean): void {
    this.#traits.thumbnail_size.value = size;
    if (!save || this.client.gone.value) return;
    this.#model.set("thumbnail_size", size);
    this.#model.save_changes();
  }

  dispose(): void {
    this.rows.dispose();
    this.thumbnails.dispose();
    this.groups.dispose();
  }

  #unpacked<T>(
    outcome: Outcome,
    unpack: (content: unknown, buffers: readonly DataView[]) => T,
  ): T | undefined {
    if (outcome.status !== "ok") return undefined;
    try {
      return unpack(outcome.content, outcome.buffers);
    } catch (error) {
      this.notify(String(error));
      return undefined;
    }
  }

  async #command(request: Request, claim?: Claim, buffers?: ArrayBuffer[]): Promise<Outcome> {
    const outcome = await this.client.request(request, undefined, buffers);
    if (claim) {
      if (outcome.status === "ok") this.rows.confirm(claim);
      else this.rows.revert(claim);
    }
    if (outcome.status === "error") this.notify(outcome.error);
    return outcome;
  }
}
