import fc from "fast-check";
import { describe, expect, it } from "vitest";
import replies from "../../tests/protocol-fixtures/replies.json";
import requests from "../../tests/protocol-fixtures/requests.json";
import { ProtocolError, readEnvelope, unpackChanged, unpackRows, unpackThumbs } from "../src/protocol";
import { Store } from "../src/store";
import { Kernel } from "./kernel";

function bytes(hex: string): DataView {
  const values = hex.match(/../g)?.map((pair) => Number.parseInt(pair, 16)) ?? [];
  // At an odd offset within something larger, as in a real message.
  const padded = new Uint8Array(values.length + 8);
  padded.set(values, 5);
  return new DataView(padded.buffer, 5, values.length);
}

function hexOf(jpeg: Uint8Array): string {
  return [...jpeg].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

describe("requests", () => {
  const kernel = new Kernel({ n: 10, manual: true });
  const store = new Store(kernel.model);
  const actions: Record<string, () => unknown> = {
    "select add": () => store.setSelected(42, true),
    "select remove": () => store.setSelected(42, false),
    "select range": () => {
      kernel.update({ epoch: 3 });
      store.pull();
      store.selectRange(5, 2);
    },
    "select all": () => store.selectView("all"),
    "select none": () => store.selectView("none"),
    "select invert": () => store.selectView("invert"),
    tag: () => store.tag("tag", "duplicate"),
    untag: () => store.tag("untag", "duplicate"),
    sort: () => store.sortBy("-Uniqueness"),
    similar: () => store.showSimilar(42),
    "clear query": () => store.clear("query"),
    "clear filters": () => store.clear("filters"),
    rows: () => {
      store.rows.reset(3, 1000);
      store.rows.want({}, 0, 20);
    },
    thumbs: () => store.thumbnails.want({}, [7, 0, 2147483647]),
  };

  it.each(Object.keys(actions))("%s is sent as the kernel expects it", (name) => {
    const fixture = requests.valid.find((candidate) => candidate.name === name);
    actions[name]?.();
    const sent = kernel.sent.at(-1);
    expect({ ...sent, id: 0 }).toEqual({ ...fixture?.message, id: 0 });
  });
});

describe("replies", () => {
  it.each(replies.rows)("rows: $name", ({ rows, message, buffers }) => {
    const payload = unpackRows(message, buffers.map(bytes));
    expect(payload).toMatchObject({ epoch: message.epoch, start: message.start, stop: message.stop });
    expect(payload.rows).toEqual(
      rows.ids.map((id, i) => ({
        id,
        name: rows.names[i],
        value: rows.values[i] ?? Number.NaN,
        label: rows.labels[i],
        tags: rows.tags[i],
        selected: rows.selected[i],
        color: rows.colors[i],
        group: rows.group[i],
      })),
    );
  });

  it.each(replies.thumbs)("thumbs: $name", ({ items, thumbnails, message, buffers }) => {
    const thumbs = unpackThumbs(message, buffers.map(bytes));
    expect([...thumbs.keys()]).toEqual(items);
    const hex = [...thumbs.values()].map((jpeg) => jpeg && hexOf(jpeg));
    expect(hex).toEqual(thumbnails);
  });

  it("thumbnails do not keep the message alive", () => {
    const joined = bytes("ffd8ffd9");
    const jpeg = unpackThumbs({ items: [1], lengths: [4] }, [joined]).get(1);
    expect(jpeg?.buffer).not.toBe(joined.buffer);
    expect(jpeg?.buffer.byteLength).toBe(4);
  });

  it.each(replies.malformed)("malformed $unpack: $name", ({ unpack, message, buffers }) => {
    const unpacker = unpack === "rows" ? unpackRows : unpackThumbs;
    expect(() => unpacker(message, buffers.map(bytes))).toThrow(ProtocolError);
  });

  it.each(replies.plain)("plain: $name", ({ message }) => {
    const { id, status, error } = message;
    expect(readEnvelope(message)).toEqual({ id, status, ...(error ? { error } : {}) });
  });

  it("says how many items were changed", () => {
    expect(unpackChanged(replies.plain.find(({ name }) => name === "changed")?.message)).toBe(12);
    expect(() => unpackChanged({})).toThrow(ProtocolError);
  });

  it.each(replies.not_replies.map((message) => [JSON.stringify(message), message]))(
    "%s is no reply",
    (_, message) => {
      expect(readEnvelope(message)).toBeUndefined();
    },
  );

  it("takes any JSON without another error than its own", () => {
    const buffers = fc.array(
      fc.integer({ min: 0, max: 40 }).map((n) => new DataView(new ArrayBuffer(n))),
      {
        maxLength: 6,
      },
    );
    const near = fc.record(
      {
        kind: fc.constant("reply"),
        id: fc.integer(),
        status: fc.constantFrom("ok", "error", 1),
        epoch: fc.nat(5),
        start: fc.nat(5),
        stop: fc.nat(9),
        names: fc.array(fc.string(), { maxLength: 3 }),
        labels: fc.array(fc.option(fc.string()), { maxLength: 3 }),
        tags: fc.array(fc.array(fc.string()), { maxLength: 3 }),
        items: fc.array(fc.nat(), { maxLength: 3 }),
        lengths: fc.array(fc.nat(9), { maxLength: 3 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), near), buffers, (content, views) => {
        const envelope = readEnvelope(content);
        if (envelope) expect(envelope.id).toBeGreaterThanOrEqual(1);
        for (const unpack of [unpackRows, unpackThumbs]) {
          try {
            unpack(content, views);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
