/** A kernel for tests: a model as anywidget gives it to a widget, and a gallery of `n` items that answers requests. */

import type { Model, Traits } from "../src/store";

type Handler = (...args: never[]) => void;
type Message = Record<string, unknown> & { kind: string; id: number };

export interface KernelOptions {
  n: number;
  /** Answer in a microtask (the default), or only when `answer` is called. */
  manual?: boolean;
}

export class Kernel {
  readonly traits: Record<string, unknown>;
  readonly sent: Message[] = [];
  /** What came with each of them. */
  readonly buffers: ArrayBuffer[][] = [];
  readonly unanswered: Message[] = [];
  readonly selected = new Set<number>();
  /** Item ids in the order of the view. */
  order: number[];
  /** Sizes of the groups in the group view; the first item of each is its keeper. */
  sizes: number[] = [];
  isDead = false;
  /** Replies with an error to requests of these kinds. */
  refuse = new Set<string>();
  saves = 0;
  readonly #handlers = new Map<string, Set<Handler>>();
  readonly #manual: boolean;

  constructor({ n, manual = false }: KernelOptions) {
    this.#manual = manual;
    this.order = Array.from({ length: n }, (_, i) => i + 100);
    this.traits = {
      epoch: 1,
      revision: 1,
      count: n,
      total: n,
      selection_count: 0,
      selection_in_view: 0,
      sort: "Uniqueness",
      sort_keys: ["Uniqueness", "Name"],
      query_label: "",
      filter_label: "",
      value_name: "Uniqueness",
      title: "photos · perceptual",
      tag_counts: [["blurred", 2]],
      status: { kind: "ready", message: "", hint: "" },
      thumbnail_size: 144,
      mode: "grid",
      group_count: 0,
      group_threshold: 0,
      missing_count: 0,
    };
  }

  /** The model as the widget sees it; two calls give two objects, as in anywidget. */
  get model(): Model {
    return {
      get: (name: string) => this.traits[name],
      set: (name: string, value: unknown) => {
        this.traits[name] = value;
        this.emit(`change:${name}`);
      },
      save_changes: () => {
        this.saves++;
      },
      send: (content: Message, _: unknown, buffers: ArrayBuffer[] = []) => {
        if (this.isDead) throw new Error("Cannot send");
        this.sent.push(content);
        this.buffers.push(buffers);
        if (this.#manual) this.unanswered.push(content);
        else queueMicrotask(() => this.answer(content));
      },
      on: (name: string, handler: Handler) => {
        const handlers = this.#handlers.get(name) ?? new Set();
        this.#handlers.set(name, handlers.add(handler));
      },
      off: (name: string, handler: Handler) => this.#handlers.get(name)?.delete(handler),
    } as unknown as Model;
  }

  get listeners(): number {
    return [...this.#handlers.values()].reduce((sum, handlers) => sum + handlers.size, 0);
  }

  emit(name: string, ...args: unknown[]): void {
    for (const handler of [...(this.#handlers.get(name) ?? [])]) handler(...(args as never[]));
  }

  /** Change traits as one update message does. */
  update(changes: Partial<Traits>): void {
    Object.assign(this.traits, changes);
    for (const name of Object.keys(changes)) this.emit(`change:${name}`);
  }

  /** A new order of the view. */
  reorder(order: number[], changes: Partial<Traits> = {}): void {
    this.order = order;
    this.update({ epoch: (this.traits.epoch as number) + 1, count: order.length, ...changes });
  }

  /** Show the first items in groups of these sizes. */
  regroup(sizes: number[], changes: Partial<Traits> = {}): void {
    this.sizes = sizes;
    const shown = sizes.reduce((sum, size) => sum + size, 0);
    const order = Array.from({ length: shown }, (_, i) => i + 100);
    this.reorder(order, { mode: "groups", group_count: sizes.length, group_threshold: 1e-4, ...changes });
  }

  get #keepers(): Set<number> {
    const keepers = new Set<number>();
    let start = 0;
    for (const size of this.sizes) {
      keepers.add(this.order[start] as number);
      start += size;
    }
    return keepers;
  }

  select(items: Iterable<number>): void {
    this.selected.clear();
    for (const item of items) this.selected.add(item);
    this.update({
      revision: (this.traits.revision as number) + 1,
      selection_count: this.selected.size,
      selection_in_view: this.order.filter((item) => this.selected.has(item)).length,
    });
  }

  reply(id: number, content: object, buffers: DataView[] = []): void {
    this.emit("msg:custom", { kind: "reply", id, status: "ok", ...content }, buffers);
  }

  sentOf(kind: string): Message[] {
    return this.sent.filter((message) => message.kind === kind);
  }

  /** Answer a request; without an argument, all that wait. */
  answer(message?: Message): void {
    if (!message) {
      for (const waiting of this.unanswered.splice(0)) this.answer(waiting);
      return;
    }
    const { id, kind } = message;
    if (this.refuse.has(kind)) this.reply(id, { status: "error", error: `${kind} refused` });
    else if (kind === "rows") this.#answerRows(message);
    else if (kind === "thumbs") this.#answerThumbs(message);
    else if (kind === "groups") this.#answerGroups(message);
    else if (kind === "details") this.#answerDetails(message);
    else if (kind === "image") this.#answerImage(message);
    else if (kind === "select") this.#answerSelect(message);
    else if (kind === "paths")
      this.reply(id, { paths: [...this.selected].map((item) => `/photos/${item}.jpg`) });
    else if (kind === "tag" || kind === "untag") this.reply(id, { changed: this.selected.size });
    else this.reply(id, {});
  }

  #answerRows({ id, epoch, start, stop }: Message): void {
    if (epoch !== this.traits.epoch) {
      this.reply(id, { status: "stale" });
      return;
    }
    const [content, buffers] = this.#pack(start as number, stop as number);
    this.reply(id, content, buffers);
  }

  /** What is sent without being asked: the start of the order as it is now, with the thumbnails of some items. */
  ahead(items: number[], epoch = this.traits.epoch): [object, DataView[]] {
    const [rows, buffers] = this.#pack(0, Math.min(128, this.order.length));
    const { revision } = this.traits;
    const lengths = items.map(() => 4);
    const jpegs = new DataView(new ArrayBuffer(4 * items.length));
    return [{ kind: "ahead", ...rows, epoch, revision, items, lengths }, [...buffers, jpegs]];
  }

  sendAhead(...args: Parameters<Kernel["ahead"]>): void {
    this.emit("msg:custom", ...this.ahead(...args));
  }

  #pack(start: number, stop: number): [object, DataView[]] {
    const ids = this.order.slice(start, stop);
    const n = ids.length;
    const view = (bytes: number, fill: (view: DataView, i: number, item: number) => void) => {
      // At an odd offset within something larger, as in a real message.
      const buffer = new DataView(new ArrayBuffer(bytes + 10), 3, bytes);
      ids.forEach((item, i) => {
        fill(buffer, i, item);
      });
      return buffer;
    };
    const content = {
      epoch: this.traits.epoch,
      start,
      stop: start + n,
      names: ids.map((item) => `image ${item}.jpg`),
      labels: ids.map((item) => (item % 2 ? "odd" : null)),
      tags: ids.map((item) => (item === 101 ? ["a", "b", "c"] : [])),
    };
    const buffers = [
      view(4 * n, (buffer, i, item) => buffer.setInt32(4 * i, item, true)),
      view(8 * n, (buffer, i, item) =>
        buffer.setFloat64(8 * i, item === 102 ? Number.NaN : item / 1000, true),
      ),
      view(n, (buffer, i, item) => buffer.setUint8(i, Number(this.selected.has(item)))),
      view(3 * n, (buffer, i) => buffer.setUint8(3 * i, 200)),
      view(4 * n, (buffer, i, item) => buffer.setInt32(4 * i, item === 103 ? 2 : 0, true)),
      view(n, (buffer, i, item) => buffer.setUint8(i, Number(this.#keepers.has(item)))),
    ];
    return [content, buffers];
  }

  #answerGroups({ id, epoch, start, stop }: Message): void {
    const sizes = this.sizes.slice(start as number, stop as number);
    const buffer = new DataView(new ArrayBuffer(4 * sizes.length + 10), 3, 4 * sizes.length);
    sizes.forEach((size, i) => {
      buffer.setInt32(4 * i, size, true);
    });
    this.reply(id, { epoch, start, stop }, [buffer]);
  }

  /** Item 103 is a duplicate of 102, which is the keeper, and of 101. */
  #answerDetails({ id, item }: Message): void {
    const others = [102, 101, ...this.selected].filter(
      (other, i, all) => other !== item && all.indexOf(other) === i,
    );
    const inGroup = item === 103;
    this.reply(id, {
      item,
      name: `image ${item}.jpg`,
      path: `folder/image ${item}.jpg`,
      width: 4000,
      height: 3000,
      bytes: 2_500_000,
      modified: Date.UTC(2026, 0, 2, 3, 4),
      label: (item as number) % 2 ? "odd" : null,
      suspected: item === 102 ? "odd" : item === 107 ? "even" : null,
      split: null,
      tags: item === 101 ? ["a", "b", "c"] : [],
      selected: this.selected.has(item as number),
      changed: item === 105,
      metrics: [
        ["Uniqueness", 0.25],
        ["Brightness", null],
      ],
      keeper: inGroup ? 102 : null,
      others: others
        .filter((other) => inGroup || this.selected.has(other))
        .map((other) => ({
          item: other,
          name: `image ${other}.jpg`,
          role: !inGroup ? "selected" : other === 102 ? "keeper" : other === 101 ? "duplicate" : "selected",
          distance: other / 10_000,
          reason: inGroup && other < 103 ? "near" : null,
        })),
    });
  }

  /** Item 104 cannot be read. */
  #answerImage({ id, item, side }: Message): void {
    if (item === 104) {
      this.reply(id, { status: "error", error: "image 104.jpg: the file is no longer there" });
      return;
    }
    const width = Math.min(4000, side as number);
    const size = { width, height: (width * 3) / 4, full_width: 4000, full_height: 3000 };
    this.reply(id, { item, ...size, mime: "image/jpeg" }, [new DataView(new ArrayBuffer(100))]);
  }

  #answerThumbs({ id, items }: Message): void {
    const lengths = (items as number[]).map((item): number => (item === 104 ? 0 : 4));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    this.reply(id, { items, lengths }, [new DataView(new ArrayBuffer(total))]);
  }

  #answerSelect({ id, op, items, ranges, replace }: Message): void {
    const next = new Set(this.selected);
    if (op === "set" || replace) next.clear();
    if (op === "add" || op === "set") for (const item of items as number[]) next.add(item);
    if (op === "remove") for (const item of items as number[]) next.delete(item);
    if (op === "ranges") {
      for (const [from, to] of ranges as [number, number][]) {
        for (const item of this.order.slice(from, to)) next.add(item);
      }
    }
    if (op === "extras") {
      for (const item of this.order)
        if (this.#keepers.has(item)) next.delete(item);
        else next.add(item);
    }
    if (op === "all") for (const item of this.order) next.add(item);
    if (op === "none") next.clear();
    if (op === "invert") for (const item of this.order) if (!next.delete(item)) next.add(item);
    this.select(next);
    this.reply(id, {});
  }
}

/** Let promises and animation frames that are due run. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
}
