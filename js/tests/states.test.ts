import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PATIENCE_MS } from "../src/client";
import createWidget from "../src/widget";
import { Kernel, settle } from "./kernel";
import { clearPage, display, standInForLayout, View } from "./page";

beforeEach(standInForLayout);
afterEach(() => {
  clearPage();
  vi.useRealTimers();
});

describe("states", () => {
  it("shows placeholders while rows are on their way", async () => {
    const { kernel, view } = await display({ n: 20, manual: true });
    expect(view.root.querySelectorAll(".card.loading")).toHaveLength(20);
    expect(view.find(".empty").hidden).toBe(true);
    kernel.answer();
    await settle();
    expect(view.root.querySelectorAll(".card.loading")).toHaveLength(0);
  });

  it("takes an update as one whatever a host makes of it: marimo sets the traits one by one", async () => {
    const { kernel, view } = await display({ n: 20 });
    kernel.order = kernel.order.slice(0, 3);
    kernel.update({ epoch: 2 });
    kernel.update({ count: 3 });
    await settle();
    expect(kernel.sentOf("rows").at(-1)).toMatchObject({ epoch: 2, start: 0, stop: 3 });
    expect(view.cards).toHaveLength(3);
    expect(view.find(".toast").hidden).toBe(true);
  });

  it("shows a new order with what the kernel sends ahead, and asks for nothing of that", async () => {
    const { kernel, view } = await display({ n: 40 });
    kernel.sent.length = 0;
    kernel.reorder([...kernel.order].reverse().slice(0, 20));
    kernel.sendAhead([...kernel.order]);
    await settle();
    expect(view.cards.map((card) => card.querySelector(".name")?.textContent).slice(0, 2)).toEqual([
      "image 139.jpg",
      "image 138.jpg",
    ]);
    expect(kernel.sent).toEqual([]);
  });

  it("gets ready what is perhaps shown next, and paints it with its cards", async () => {
    vi.spyOn(HTMLImageElement.prototype, "complete", "get").mockReturnValue(true);
    const { kernel, view } = await display({ n: 400 });
    kernel.sent.length = 0;
    const last = kernel.order.slice(-20);
    kernel.emit("msg:custom", { kind: "expected", items: last.slice(0, 10) }, []);
    await settle();
    expect(kernel.sentOf("thumbs").map(({ items }) => items)).toEqual([last.slice(0, 10)]);
    expect(view.card(0).querySelector(".name")?.textContent).toBe("image 100.jpg");
    HTMLImageElement.prototype.decode = () => new Promise(() => undefined); // what is decoded from here on is late
    kernel.reorder(last);
    kernel.sendAhead([]);
    await settle();
    const decoded = view.cards.slice(0, 15).map((card) => card.querySelector(".decoded") !== null);
    expect(decoded).toEqual(last.slice(0, 15).map((_, position) => position < 10));
    kernel.emit("msg:custom", { kind: "expected" }, []);
    await settle();
    expect(view.find(".toast").hidden).toBe(false);
  });

  it("drops what was sent ahead of an order that is gone, and says when it is malformed", async () => {
    const { kernel, view } = await display({ n: 40 });
    await vi.waitFor(() => expect(view.cards).toHaveLength(30));
    kernel.sendAhead([...kernel.order], 7);
    await settle();
    expect(view.card(0).querySelector(".name")?.textContent).toBe("image 100.jpg");
    kernel.emit("msg:custom", { kind: "ahead", epoch: 1, start: 0, stop: 40 }, []);
    await settle();
    expect(view.find(".toast").hidden).toBe(false);
    expect(view.cards).toHaveLength(30);
  });

  it.each(["before", "after"])(
    "asks anew where a row has changed since it was sent ahead, %s its order was told",
    async (when) => {
      const { kernel, view } = await display({ n: 40 });
      const [first = 0, ...others] = [...kernel.order].reverse();
      kernel.order = [first, ...others];
      const epoch = (kernel.traits.epoch as number) + 1;
      const ahead = kernel.ahead([], epoch);
      if (when === "before") kernel.emit("msg:custom", ...ahead);
      kernel.selected.add(first);
      kernel.update({ epoch, revision: 2, selection_count: 1 });
      if (when === "after") kernel.emit("msg:custom", ...ahead);
      await settle();
      await vi.waitFor(() =>
        expect(view.card(0).querySelector(".name")?.textContent).toBe(`image ${first}.jpg`),
      );
      expect(view.card(0).getAttribute("aria-selected")).toBe("true");
      expect(view.card(1).getAttribute("aria-selected")).toBe("false");
    },
  );

  it("says why nothing is shown, and offers the way out", async () => {
    const { kernel, view } = await display({ n: 20 });
    const status = { kind: "empty", message: "No image matches the filter", hint: "None of 20 images." };
    kernel.reorder([], { status, filter_label: "Uniqueness 0 to 0" });
    await settle();
    expect(view.find(".empty").hidden).toBe(false);
    expect(view.find(".empty").textContent).toBe("No image matches the filterNone of 20 images.Clear filter");
    expect(view.cards).toEqual([]);
    view.click(view.find(".empty button"));
    expect(kernel.sent.at(-1)).toMatchObject({ kind: "clear", what: "filters" });
    kernel.update({ filter_label: "", query_label: "Similar to a.jpg" });
    await settle();
    view.click(view.button("Back"));
    expect(kernel.sent.at(-1)).toMatchObject({ kind: "clear", what: "query" });
    kernel.update({ query_label: "" });
    await settle();
    expect(view.find(".empty button").hidden).toBe(true);
  });

  it("says that the kernel is busy until it answers", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { kernel, view } = await display({ n: 20, manual: true });
    const notice = view.find(".connection");
    expect(notice.hidden).toBe(true);
    vi.advanceTimersByTime(PATIENCE_MS);
    expect(notice.hidden).toBe(false);
    expect(notice.textContent).toContain("busy");
    kernel.answer();
    expect(notice.hidden).toBe(true);
  });

  it.each([
    [
      "the next request fails",
      (kernel: Kernel, view: View) => {
        kernel.isDead = true;
        view.click(view.card(0));
      },
    ],
    [
      "Jupyter says so",
      (kernel: Kernel) => {
        kernel.traits.layout = { comm_live: false };
        kernel.emit("comm_live_update");
      },
    ],
    ["the comm is closed", (kernel: Kernel) => kernel.emit("comm:close")],
  ])("says that the kernel is gone when %s", async (_, lose) => {
    const { kernel, view } = await display({ n: 20 });
    lose(kernel, view);
    await vi.waitFor(() => expect(view.find(".connection").hidden).toBe(false));
    expect(view.find(".connection").textContent).toContain("Run the cell again");
    expect(view.find(".toolbar").inert).toBe(true);
    expect(view.find(".selection").inert).toBe(true);
    const sent = kernel.sent.length;
    await settle();
    view.click(view.card(1));
    await settle();
    expect(view.selected).toEqual([]);
    expect(kernel.sent).toHaveLength(sent);
  });

  it("can be displayed from a saved notebook, without a kernel", async () => {
    const kernel = new Kernel({ n: 20 });
    kernel.traits.layout = { comm_live: false };
    const widget = createWidget();
    widget.initialize({ model: kernel.model } as never);
    const el = document.body.appendChild(document.createElement("div"));
    const view = new View(el, widget.render({ model: kernel.model, el } as never));
    await settle();
    expect(view.find(".connection").textContent).toContain("kernel has restarted or is gone");
    expect(view.root.querySelectorAll(".card.loading")).toHaveLength(20);
    expect(kernel.sent).toEqual([]);
  });
});

describe("lifecycle", () => {
  it("listens once a model, and lets go of everything", async () => {
    const { kernel, dispose, view, other } = await display({ n: 20 }, 2);
    const listeners = kernel.listeners;
    other.dispose();
    expect(kernel.listeners).toBe(listeners);
    expect(other.el.childElementCount).toBe(0);
    view.click(view.card(1));
    await settle();
    expect(view.selected).toEqual([1]);
    view.dispose();
    dispose();
    expect(kernel.listeners).toBe(0);
    const sent = kernel.sent.length;
    kernel.update({ epoch: 9 });
    await settle();
    expect(kernel.sent).toHaveLength(sent);
  });
});
