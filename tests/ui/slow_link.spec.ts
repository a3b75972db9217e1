import { COPIES, ExplorerView, IMAGES } from "./explorer";
import { test as base, expect } from "./fixtures";

const LATENCY_MS = 150;

/** Every message between browser and kernel takes 150 ms, in both directions. */
const test = base.extend<{ slowLink: undefined }>({
  slowLink: [
    async ({ context }, use) => {
      await context.routeWebSocket(/\/channels/, (browser) => {
        const kernel = browser.connectToServer();
        browser.onMessage((message) => setTimeout(() => kernel.send(message), LATENCY_MS));
        kernel.onMessage((message) => setTimeout(() => browser.send(message), LATENCY_MS));
      });
      await use(undefined);
    },
    { auto: true },
  ],
});

test.use({ fresh: true });

test("over a link of 150 ms clicks show at once, and everything arrives", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook);
  await view.painted();
  const [a = "", b = ""] = await view.names();
  // The card shows its selection before the kernel can have answered, and keeps showing it.
  const shown = await view.card(a).evaluate(async (card: HTMLElement) => {
    card.click();
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return card.getAttribute("aria-selected");
  });
  expect(shown).toBe("true");
  // Faster than answers come: the last word counts.
  for (let turn = 0; turn < 5; turn++) await view.card(b).getByRole("checkbox").click();
  await expect(view.selected).toHaveText("2 selected");
  await expect(view.card(b)).toHaveAttribute("aria-selected", "true");
  expect(await notebook.value("[path.name for path in explorer.selected]")).toEqual([a, b]);

  await view.brushToTheLeft(0);
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  await expect(view.cards.filter({ visible: true })).toHaveCount(COPIES.length);
  await view.button("Clear").click();
  await view.button("Groups").click();
  await expect(view.root.getByText("Keeper", { exact: true }).first()).toBeVisible();
  await view.cards.first().dblclick();
  await expect(view.root.getByRole("dialog").getByText("320 × 240")).toBeVisible();
});
