import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Grid } from "../src/grid";
import { Store } from "../src/store";
import { Kernel, type KernelOptions, settle } from "./kernel";
import { inGallery, standInForLayout, View } from "./page";

let stop: (() => void) | undefined;

beforeEach(standInForLayout);
afterEach(() => {
  stop?.();
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

/** A grid alone, in a shadow root as in a gallery. */
async function display(options: KernelOptions, prepare?: (kernel: Kernel) => void) {
  const kernel = new Kernel(options);
  prepare?.(kernel);
  const { model } = kernel;
  const store = new Store(model);
  for (const name of Object.keys(kernel.traits)) model.on(`change:${name}`, () => store.pull());
  model.on("msg:custom", (content, buffers) => store.client.receive(content, buffers));
  const actions = { preview: vi.fn(), tag: vi.fn() };
  const grid = new Grid(store, actions);
  const el = inGallery(grid.element);
  const view = new View(el, () => {});
  stop = () => {
    grid.dispose();
    store.dispose();
  };
  await settle();
  const selects = () => kernel.sentOf("select").map(({ kind, id, ...rest }) => rest);
  const names = () =>
    [...view.root.querySelectorAll<HTMLElement>("[role=gridcell]:not([hidden]) .name")].map(
      (name) => name.textContent,
    );
  const card = (item: number) => {
    const name = view.root.querySelector(`.name[title="image ${item}.jpg"]`);
    return name?.closest("[role=gridcell]") as HTMLElement;
  };
  const scrollTo = async (scrollTop: number) => {
    grid.element.scrollTop = scrollTop;
    grid.element.dispatchEvent(new Event("scroll"));
    await settle();
  };
  return { kernel, view, grid, actions, selects, names, card, scrollTo };
}

describe("a click", () => {
  it("selects a card alone, and with Ctrl or Cmd besides the others", async () => {
    const { kernel, view, selects } = await display({ n: 20 });
    view.click(view.card(3));
    view.click(view.card(5));
    view.click(view.card(7), { ctrlKey: true });
    view.click(view.card(8), { metaKey: true });
    view.click(view.card(7), { ctrlKey: true });
    await settle();
    expect(selects()).toEqual([
      { op: "set", items: [103] },
      { op: "set", items: [105] },
      { op: "add", items: [107] },
      { op: "add", items: [108] },
      { op: "remove", items: [107] },
    ]);
    expect(view.selected).toEqual([5, 8]);
    expect([...kernel.selected]).toEqual([105, 108]);
    expect(view.focused).toBe(7);
  });

  it("with Shift selects from the anchor, which stays, instead of what was selected", async () => {
    const { view, selects } = await display({ n: 20 });
    view.click(view.card(8));
    view.click(view.card(4), { shiftKey: true });
    await settle();
    expect(view.selected).toEqual([4, 5, 6, 7, 8]);
    expect(selects().at(-1)).toEqual({ op: "ranges", epoch: 1, ranges: [[4, 9]], replace: true });
    view.click(view.card(10), { shiftKey: true });
    await settle();
    expect(view.selected).toEqual([8, 9, 10]);
    view.click(view.card(1), { ctrlKey: true });
    view.click(view.card(3), { ctrlKey: true, shiftKey: true });
    await settle();
    expect(view.selected).toEqual([1, 2, 3, 8, 9, 10]);
  });

  it("on the checkbox adds and removes, with Shift a range", async () => {
    const { view } = await display({ n: 20 });
    const box = (position: number) => view.card(position).querySelector("input") as HTMLInputElement;
    view.click(box(1));
    view.click(box(9));
    view.click(box(11), { shiftKey: true });
    await settle();
    expect(view.selected).toEqual([1, 9, 10, 11]);
    expect(box(10).checked).toBe(true);
    view.click(box(10));
    await settle();
    expect(view.selected).toEqual([1, 9, 11]);
    expect(box(10).checked).toBe(false);
  });

  it("between the cards selects nothing, unless a modifier is held", async () => {
    const { view, grid, selects } = await display({ n: 20 });
    view.click(view.card(3));
    view.click(grid.element, { ctrlKey: true });
    view.click(grid.element, { shiftKey: true });
    view.click(grid.element, { clientX: 805 }); // the scrollbar
    await settle();
    expect(view.selected).toEqual([3]);
    view.click(view.find(".row"));
    await settle();
    expect(view.selected).toEqual([]);
    expect(selects().at(-1)).toEqual({ op: "none" });
  });

  it("twice opens the preview, but not on the checkbox or a button", async () => {
    const { view, actions } = await display({ n: 20 });
    view.doubleClick(view.card(3).querySelector("input") as HTMLElement);
    view.doubleClick(view.card(3).querySelector(".similar") as HTMLElement);
    expect(actions.preview).not.toHaveBeenCalled();
    view.doubleClick(view.card(6).querySelector("img") as HTMLElement);
    expect(actions.preview.mock.calls).toEqual([[6]]);
  });
});

describe("keys", () => {
  it("move the focus without selecting; Space adds and removes", async () => {
    const { view, selects } = await display({ n: 20 });
    view.card(0).focus();
    view.press(" ");
    view.press("ArrowRight");
    view.press("ArrowRight");
    expect(selects()).toHaveLength(1);
    view.press(" ");
    await settle();
    expect(view.selected).toEqual([0, 2]);
    view.press(" ");
    await settle();
    expect(view.selected).toEqual([0]);
  });

  it("extend the selection with Shift, from where they started", async () => {
    const { view, selects } = await display({ n: 100 });
    view.card(6).focus();
    view.press("ArrowRight", { shiftKey: true });
    view.press("ArrowDown", { shiftKey: true });
    await settle();
    expect(view.selected).toEqual([6, 7, 8, 9, 10, 11, 12]);
    view.press("Home", { shiftKey: true });
    await settle();
    expect(view.selected).toEqual([6, 7, 8, 9, 10]);
    view.press("End", { shiftKey: true, ctrlKey: true });
    expect(selects().at(-1)).toEqual({ op: "ranges", epoch: 1, ranges: [[6, 100]], replace: true });
    expect(view.focused).toBe(99);
    view.press("Home", { ctrlKey: true });
    view.press(" ", { shiftKey: true });
    expect(selects().at(-1)).toEqual({ op: "ranges", epoch: 1, ranges: [[0, 7]], replace: true });
  });

  it("preview, tag, keep and ask for similar items", async () => {
    const { kernel, view, actions, selects } = await display({ n: 20 });
    view.card(4).focus();
    expect(view.press("Enter").defaultPrevented).toBe(true);
    expect(actions.preview.mock.calls).toEqual([[4]]);
    view.press("k");
    expect(kernel.sentOf("keep")).toEqual([]); // there are no groups
    view.press("t");
    await settle();
    expect(actions.tag).toHaveBeenCalledTimes(1);
    expect(selects()).toEqual([{ op: "set", items: [104] }]); // nothing was selected
    view.press("ArrowRight");
    view.press("t");
    expect(selects()).toHaveLength(1);
    view.press("s");
    expect(kernel.sentOf("similar")).toMatchObject([{ items: [105] }]);
  });

  it("tag what has just been selected, before the kernel has said how much that is", async () => {
    const { view, actions, selects } = await display({ n: 20 });
    view.card(4).focus();
    view.press("ArrowRight", { shiftKey: true });
    view.press("t");
    expect(actions.tag).toHaveBeenCalledTimes(1);
    expect(selects()).toMatchObject([{ op: "ranges", ranges: [[4, 6]] }]);
  });

  it("leave to others what they have no meaning for", async () => {
    const { kernel, view, actions } = await display({ n: 20 });
    view.card(0).focus();
    const sent = kernel.sent.length;
    for (const [key, options] of [
      ["Enter", { shiftKey: true }],
      ["Enter", { ctrlKey: true }],
      ["s", { ctrlKey: true }],
      ["Escape", {}],
      ["ArrowDown", { altKey: true }],
      ["x", {}],
    ] as const) {
      expect(view.press(key, options).defaultPrevented).toBe(false);
    }
    expect(kernel.sent).toHaveLength(sent);
    expect(actions.preview).not.toHaveBeenCalled();
  });

  it("are said to assistive technology", async () => {
    const { grid } = await display({ n: 20 });
    expect(grid.element.getAttribute("aria-keyshortcuts")).toContain("Enter S T K");
  });

  it("find the place that the preview has come to", async () => {
    const { view, grid } = await display({ n: 1000 });
    grid.activate(500);
    expect(view.card(500).hidden).toBe(false); // at once, whatever else waits for the next frame
    expect(view.root.activeElement).toBeNull();
    expect(grid.element.scrollTop).toBe(100 * 199 + 12 + 199 - 560);
    grid.focusActive();
    expect(view.focused).toBe(500);
  });
});

describe("the rubber band", () => {
  // Five columns 157 pixels apart, rows 199 apart, 12 pixels around.
  it("marks what it is drawn over and selects it", async () => {
    const { view, selects } = await display({ n: 20 });
    view.click(view.card(9));
    view.mouse("pointerdown", view.card(1), [200, 50]);
    view.mouse("pointermove", view.card(1), [202, 52]);
    expect(view.find(".band").hidden).toBe(true); // so far it is a click
    view.mouse("pointermove", view.card(7), [340, 230]);
    expect(view.find(".band").hidden).toBe(false);
    expect(view.find(".band").style.width).toBe("140px");
    view.mouse("pointermove", view.card(7), [340, 230]);
    expect(view.find("[role=grid]").matches(".replacing")).toBe(true);
    expect(view.cards.filter((c) => c.matches(".marked")).map((c) => view.position(c))).toEqual([1, 2, 6, 7]);
    view.mouse("pointerup", view.card(7), [340, 230]);
    view.click(view.card(7)); // as browsers do
    await settle();
    expect(view.find(".band").hidden).toBe(true);
    expect(view.root.querySelector(".marked, .replacing")).toBeNull();
    expect(selects().slice(1)).toEqual([
      {
        op: "ranges",
        epoch: 1,
        ranges: [
          [1, 3],
          [6, 8],
        ],
        replace: true,
      },
    ]);
    expect(view.selected).toEqual([1, 2, 6, 7]);
    await new Promise((resolve) => setTimeout(resolve));
    view.click(view.card(0));
    await settle();
    expect(view.selected).toEqual([0]);
  });

  it("adds to the selection with Ctrl, Cmd or Shift; over nothing it clears it", async () => {
    const { view, grid } = await display({ n: 20 });
    const drag = (from: readonly [number, number], to: readonly [number, number], options = {}) => {
      view.mouse("pointerdown", grid.element, from);
      view.mouse("pointermove", grid.element, to);
      view.mouse("pointerup", grid.element, to, options);
    };
    drag([20, 20], [30, 30]);
    drag([180, 20], [190, 30], { ctrlKey: true });
    drag([340, 20], [350, 30], { shiftKey: true });
    await settle();
    expect(view.selected).toEqual([0, 1, 2]);
    drag([2, 2], [8, 8]);
    await settle();
    expect(view.selected).toEqual([]);
  });

  it("is abandoned when the button was let go unseen", async () => {
    const { view, selects } = await display({ n: 20 });
    view.mouse("pointerdown", view.card(0), [20, 20]);
    view.mouse("pointermove", view.card(0), [300, 300], { buttons: 0 });
    expect(view.find(".band").hidden).toBe(true);
    view.click(view.card(3));
    expect(selects()).toEqual([{ op: "set", items: [103] }]);
  });

  it("is abandoned by Escape, which does nothing else, and by a new order", async () => {
    const { kernel, view, grid, selects } = await display({ n: 20 });
    const outside = vi.fn();
    document.body.addEventListener("keydown", outside);
    view.card(0).focus();
    const start = () => {
      view.mouse("pointerdown", view.card(0), [20, 20]);
      view.mouse("pointermove", view.card(0), [300, 300]);
      expect(view.find(".band").hidden).toBe(false);
    };
    start();
    expect(view.press("Escape").defaultPrevented).toBe(true);
    expect(outside).not.toHaveBeenCalled();
    expect(view.find(".band").hidden).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 20)); // the button is let go later
    view.mouse("pointerup", view.card(0), [300, 300]);
    view.click(grid.element);
    start();
    kernel.reorder([...kernel.order].reverse(), { sort: "-Uniqueness" });
    await settle();
    expect(view.find(".band").hidden).toBe(true);
    view.mouse("pointerup", grid.element, [300, 300]);
    expect(selects()).toEqual([]);
    view.press("Escape");
    expect(outside).toHaveBeenCalledTimes(1);
    document.body.removeEventListener("keydown", outside);
  });

  it.each([
    ["the right button", ".frame", { button: 2 }],
    ["the middle button", ".frame", { button: 1 }],
    ["a finger", ".frame", { pointerType: "touch" }],
    ["the checkbox", "input", {}],
    ["a button", ".similar", {}],
  ])("is not drawn with %s", async (_, selector, options) => {
    const { view, selects } = await display({ n: 20 });
    const from = view.card(0).querySelector(selector) as HTMLElement;
    view.mouse("pointerdown", from, [20, 20], options);
    view.mouse("pointermove", view.card(7), [300, 300], options);
    view.mouse("pointerup", view.card(7), [300, 300], options);
    expect(selects()).toEqual([]);
    expect(view.find(".band").hidden).toBe(true);
  });

  it("scrolls the grid past its edge and takes along what comes into view", async () => {
    const { view, grid, selects } = await display({ n: 1_000_000 });
    view.mouse("pointerdown", grid.element, [20, 300]);
    view.mouse("pointermove", grid.element, [30, 900]);
    await vi.waitFor(() => expect(grid.element.scrollTop).toBeGreaterThan(250), { timeout: 5000 });
    const height = Number.parseFloat(view.find(".band").style.height);
    expect(height).toBeLessThanOrEqual(560 + 32);
    view.mouse("pointermove", grid.element, [30, 300]);
    const { scrollTop } = grid.element;
    view.mouse("pointerup", grid.element, [30, 300]);
    const [{ ranges }] = selects() as unknown as [{ ranges: [number, number][] }];
    expect(ranges[0]).toEqual([5, 6]);
    expect(ranges).toHaveLength(Math.floor((scrollTop + 300 - 12) / 199));
  });
});

describe("a new order", () => {
  it("shows what is in view first, and then what is around it", async () => {
    const { kernel, names } = await display({ n: 60 });
    const order = Array.from({ length: 60 }, (_, index) => 159 - index);
    kernel.sent.length = 0;
    kernel.reorder(order);
    await vi.waitFor(() => expect(names()).toContain("image 159.jpg"));
    const asked = () => kernel.sentOf("thumbs").flatMap(({ items }) => items as number[]);
    const inView = asked();
    await vi.waitFor(() => expect(asked().length).toBeGreaterThan(inView.length));
    expect(Math.min(...inView)).toBeGreaterThan(Math.max(...asked().slice(inView.length)));
    await vi.waitFor(() => expect(names()).toContain("image 131.jpg"));
  });
});

describe("the group view", () => {
  it("starts every group on a new row, keeper first", async () => {
    const { kernel, view, grid, names, card } = await display({ n: 20 });
    kernel.regroup([2, 7, 3], { value_name: "Distance to keeper" });
    await vi.waitFor(() => expect(names()).toHaveLength(12));
    const rows = [...view.root.querySelectorAll<HTMLElement>("[role=row]")]
      .sort((a, b) => Number(a.ariaRowIndex) - Number(b.ariaRowIndex))
      .map((row) => ({
        apart: row.classList.contains("apart"),
        items: [...row.querySelectorAll<HTMLElement>(".card:not([hidden]) .name")].map((name) =>
          Number(name.textContent?.slice(6, 9)),
        ),
      }));
    expect(rows).toEqual([
      { apart: false, items: [100, 101] },
      { apart: true, items: [102, 103, 104, 105, 106] },
      { apart: false, items: [107, 108] },
      { apart: true, items: [109, 110, 111] },
    ]);
    expect(grid.element.getAttribute("aria-rowcount")).toBe("4");
    expect(grid.element.getAttribute("aria-colcount")).toBe("5");
    expect(card(109).querySelector(".badge")?.textContent).toBe("Keeper");
    expect(card(109).getAttribute("aria-label")).toContain("keeper");
    expect(card(110).querySelector(".value")?.textContent).toBe("0.1100");
  });

  it("keeps another image by its button or by K", async () => {
    const { kernel, view, card, names } = await display({ n: 20 });
    kernel.regroup([2, 7, 3]);
    await vi.waitFor(() => expect(names()).toHaveLength(12));
    view.click(view.button("Keep image 105.jpg instead"));
    card(110).focus();
    view.press("k");
    card(109).focus();
    view.press("k"); // is the keeper
    expect(kernel.sentOf("keep")).toMatchObject([{ item: 105 }, { item: 110 }]);
    expect(kernel.sentOf("select")).toEqual([]);
  });

  it("follows an image that is kept to its new place", async () => {
    const { kernel, view, card } = await display({ n: 20 });
    kernel.regroup([3, 4]);
    await settle();
    card(105).focus();
    view.press("k");
    kernel.reorder([100, 101, 102, 105, 103, 104, 106]);
    await settle();
    expect(view.root.activeElement).toBe(card(105));
    view.press("k"); // is the keeper now
    expect(kernel.sentOf("keep")).toHaveLength(1);
  });

  it("stays in place, with its focus, when only ranks have changed", async () => {
    const { kernel, view, grid, card, scrollTo } = await display({ n: 2000 });
    const sizes = Array.from({ length: 500 }, () => 3);
    kernel.regroup(sizes);
    await settle();
    await scrollTo(20_000);
    card(100 + 3 * 101 + 1).focus();
    view.press(" ");
    kernel.regroup(sizes);
    await settle();
    expect(grid.element.scrollTop).toBe(20_000);
    expect(view.root.activeElement).toBe(card(100 + 3 * 101 + 1));
    view.press(" ", { shiftKey: true }); // the anchor is gone
    expect(kernel.sentOf("select").at(-1)).toMatchObject({ ranges: [[304, 305]] });
    for (const change of [{ sort: "Name" }, { filter_label: "x" }]) {
      kernel.regroup(sizes, change);
      await settle();
      expect(grid.element.scrollTop).toBe(0);
      await scrollTo(20_000);
    }
    kernel.reorder(kernel.order, { mode: "grid", group_count: 0 });
    await settle();
    expect(grid.element.scrollTop).toBe(0);
  });

  it("never shows a wrong layout while the sizes are on their way", async () => {
    const { kernel, view, names, scrollTo } = await display({ n: 20, manual: true });
    let now = performance.now();
    vi.spyOn(performance, "now").mockImplementation(() => now);
    kernel.answer(); // rows
    await settle();
    kernel.answer(); // thumbnails
    await settle();
    const before = names();
    expect(before).toHaveLength(20);
    kernel.regroup([2, 7, 3]);
    await settle();
    expect(names()).toEqual(before);
    const asked = kernel.unanswered.splice(0);
    const [groups, rows] = ["groups", "rows"].map((kind) => asked.find((message) => message.kind === kind));
    expect(rows).toMatchObject({ start: 0, stop: 12 }); // both are asked for at once
    kernel.answer(rows);
    await settle();
    expect(names()).toEqual(before);
    now += 200; // held long enough
    await scrollTo(0);
    expect(names()).toEqual([]);
    kernel.answer(groups);
    await vi.waitFor(() => expect(names()).toHaveLength(12));
    expect(view.root.querySelectorAll(".keeper")).toHaveLength(3);
  });

  it("can be the first that is shown", async () => {
    const { kernel, names } = await display({ n: 12 }, (kernel) => kernel.regroup([2, 7, 3]));
    await vi.waitFor(() => expect(names()).toHaveLength(12));
    expect(kernel.sentOf("rows")).toHaveLength(1);
  });
});

describe("scrolling", () => {
  it("moves by the wheel as far as the wheel goes, with a million items too", async () => {
    vi.stubGlobal("onscrollend", null); // a browser that says when it has come to rest
    const { view, grid, scrollTo } = await display({ n: 1_000_000 });
    await scrollTo(5_000_000);
    const first = () => Math.min(...view.cards.map((card) => view.position(card)));
    await vi.waitFor(() => expect(view.cards.length).toBeGreaterThanOrEqual(45)); // three screens
    const before = first();
    for (let turn = 0; turn < 10; turn++) await scrollTo(grid.element.scrollTop + 199);
    expect(first() - before).toBe(50);
    // At rest the scrollbar goes where it belongs, and nothing that is shown moves.
    const onScreen = () => {
      const shown = view.cards.map((card) => {
        const y = Number(/translateY\((.*)px\)/.exec(card.parentElement?.style.transform ?? "")?.[1]);
        return [view.position(card), y - grid.element.scrollTop];
      });
      return shown;
    };
    const drawn = onScreen();
    expect(grid.element.scrollTop).toBe(5_001_990);
    grid.element.dispatchEvent(new Event("scrollend"));
    expect(Math.abs(grid.element.scrollTop - (5_000_000 + 1990 / 4))).toBeLessThan(5);
    expect(onScreen()).toEqual(drawn);
  });

  it("reaches the first item by the wheel from where the scrollbar has run ahead", async () => {
    const { view, grid, scrollTo } = await display({ n: 1_000_000 });
    await scrollTo(12_000);
    while (grid.element.scrollTop > 0) await scrollTo(Math.max(0, grid.element.scrollTop - 3000));
    expect(view.find(".row[aria-rowindex='1']").style.transform).toBe("translateY(12px)");
  });

  it("fills no card anew that stays", async () => {
    const { view, scrollTo } = await display({ n: 10_000 });
    await scrollTo(10_000);
    const kept = view.cards.slice(5, -5);
    const observer = new MutationObserver(() => {});
    const options = { attributes: true, childList: true, characterData: true, subtree: true };
    for (const card of kept) observer.observe(card, options);
    await scrollTo(10_050);
    const changed = observer.takeRecords().filter(({ attributeName }) => attributeName !== "tabindex");
    observer.disconnect();
    expect(changed).toEqual([]);
  });

  it("asks again for nothing that it has asked for", async () => {
    const { kernel, scrollTo } = await display({ n: 10_000 });
    const sent = () => kernel.sent.length;
    const before = sent();
    await scrollTo(5);
    expect(sent()).toBe(before);
  });
});
