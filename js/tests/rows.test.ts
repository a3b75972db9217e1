import { beforeEach, describe, expect, it, vi } from "vitest";
import { Client } from "../src/client";
import { RowCache } from "../src/rows";
import { Kernel } from "./kernel";

describe("RowCache", () => {
  let kernel: Kernel;
  let rows: RowCache;
  const errors: string[] = [];
  const view = {};

  beforeEach(() => {
    kernel = new Kernel({ n: 1000, manual: true });
    const { model } = kernel;
    const client = new Client((content) => model.send(content));
    model.on("msg:custom", (content, buffers) => client.receive(content, buffers));
    errors.length = 0;
    rows = new RowCache(client, (message) => errors.push(message));
    rows.reset(1, 1000);
  });

  const spans = () => kernel.sentOf("rows").map(({ start, stop }) => [start, stop]);
  const load = async (start: number, stop: number) => {
    rows.want(view, start, stop);
    kernel.answer();
    await vi.waitFor(() => expect(rows.at(stop - 1)).toBeDefined());
  };
  const answered = async () => {
    const before = rows.version.value;
    kernel.answer();
    await vi.waitFor(() => expect(rows.version.value).toBeGreaterThan(before));
  };
  const isSelected = (position: number) => rows.at(position)?.selected;
  const add = (item: number) => rows.override((row) => (row.id === item ? true : undefined));

  it("fetches the pages that are wanted, each once", async () => {
    await load(100, 300);
    expect(spans()).toEqual([
      [0, 128],
      [128, 256],
      [256, 384],
    ]);
    expect(rows.at(130)).toMatchObject({ id: 230, name: "image 230.jpg" });
    rows.want(view, 90, 310);
    expect(spans()).toHaveLength(3);
    rows.want(view, 990, 1000);
    expect(spans().at(-1)).toEqual([896, 1000]);
  });

  it("cancels what was scrolled past, unless another view wants it", () => {
    const other = {};
    rows.want(view, 0, 10);
    rows.want(other, 5, 10);
    rows.want(view, 500, 510);
    expect(kernel.sentOf("cancel")).toEqual([]);
    rows.release(other);
    expect(kernel.sentOf("cancel")).toMatchObject([{ target: kernel.sent[0]?.id }]);
  });

  it("forgets everything in a new order", async () => {
    await load(0, 10);
    kernel.order.reverse();
    kernel.traits.epoch = 2;
    rows.reset(2, 1000);
    expect(rows.at(0)).toBeUndefined();
    await load(0, 10);
    expect(rows.at(0)?.id).toBe(1099);
  });

  it("drops the reply to a request of an order that is gone", async () => {
    rows.want(view, 0, 10);
    const [request] = kernel.unanswered.splice(0);
    rows.reset(2, 1000);
    kernel.traits.epoch = 1;
    if (request) kernel.answer(request);
    kernel.traits.epoch = 2;
    rows.want(view, 128, 138);
    await answered();
    expect(rows.at(0)).toBeUndefined();
  });

  it("shows what it has while a refresh is under way", async () => {
    await load(0, 10);
    kernel.selected.add(100);
    rows.refresh();
    expect(isSelected(0)).toBe(false);
    kernel.answer();
    await vi.waitFor(() => expect(isSelected(0)).toBe(true));
  });

  it("reports a refusal once, and tries again after a change", async () => {
    kernel.refuse.add("rows");
    rows.want(view, 0, 10);
    kernel.answer();
    await vi.waitFor(() => expect(errors).toEqual(["rows refused"]));
    rows.want(view, 0, 11);
    expect(kernel.unanswered).toEqual([]);
    kernel.refuse.clear();
    rows.refresh();
    kernel.answer();
    await vi.waitFor(() => expect(rows.at(0)).toBeDefined());
  });

  it("reports a malformed reply", async () => {
    rows.want(view, 0, 10);
    kernel.reply(kernel.sent[0]?.id ?? 0, { epoch: 1, start: 0, stop: 128 });
    await vi.waitFor(() => expect(errors).toHaveLength(1));
    expect(rows.at(0)).toBeUndefined();
  });

  it("keeps a bounded number of pages", async () => {
    rows.reset(1, 20_000);
    kernel.order = Array.from({ length: 20_000 }, (_, i) => i);
    for (let page = 0; page < 70; page++) await load(page * 128, page * 128 + 1);
    expect(rows.at(0)).toBeUndefined();
    expect(rows.at(69 * 128)).toBeDefined();
    expect(rows.at(10 * 128)).toBeDefined();
  });

  describe("overrides", () => {
    it("show at once, and give way to the truth asked for after they were confirmed", async () => {
      await load(0, 10);
      const claim = add(103);
      expect(isSelected(3)).toBe(true);
      rows.refresh(); // something else has changed
      await answered();
      expect(isSelected(3)).toBe(true);
      rows.confirm(claim);
      rows.refresh();
      await answered();
      expect(isSelected(3)).toBe(false); // as the kernel has it
    });

    it("do not flicker while an earlier command is confirmed", async () => {
      await load(0, 10);
      const first = add(103);
      add(104);
      kernel.selected.add(103);
      rows.refresh();
      rows.confirm(first);
      await answered();
      expect([isSelected(3), isSelected(4)]).toEqual([true, true]);
    });

    it("of a refused command are taken back, later ones on the same row are not", async () => {
      await load(0, 10);
      const first = add(103);
      const second = add(104);
      rows.override((row) => (row.id === 104 ? false : undefined));
      rows.revert(first);
      rows.revert(second);
      expect([isSelected(3), isSelected(4)]).toEqual([false, false]);
      add(104);
      rows.revert(second);
      expect(isSelected(4)).toBe(true);
    });
  });
});
