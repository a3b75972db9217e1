/** The anywidget entry point: one store a model, one view each time the gallery is displayed. */

import type { InitializeProps, RenderProps } from "@anywidget/types";
import { type Model, Store, type Traits } from "./store";
import { createView } from "./view";

/**
 * Whether the kernel's end of this model is still there.
 *
 * anywidget does not show a model's own `comm_live`, but the layout every widget has is a full model of the same
 * kernel, created and lost together with it. Hosts without one leave the question to the first failing request.
 */
function isLive(model: Model): boolean {
  const layout = (model.get as (name: string) => unknown)("layout");
  return !(
    typeof layout === "object" &&
    layout !== null &&
    "comm_live" in layout &&
    layout.comm_live === false
  );
}

function connect(model: Model, store: Store): () => void {
  const onMessage = (content: unknown, buffers: DataView[]) => store.receive(content, buffers);
  // Of one update marimo sets the traits one by one and tells of each before it sets the next. Pulled then, the new
  // epoch would go with the old count.
  let isPulling = false;
  const onChange = () => {
    if (isPulling) return;
    isPulling = true;
    queueMicrotask(() => {
      isPulling = false;
      store.pull();
    });
  };
  const onClose = () => store.client.lose();
  // Jupyter marks the models of a restarted kernel one by one, this one perhaps before its layout.
  let check: ReturnType<typeof setTimeout> | undefined;
  const onLiveness = () => {
    clearTimeout(check);
    check = setTimeout(() => {
      if (!isLive(model)) store.client.lose();
    });
  };
  model.on("msg:custom", onMessage);
  for (const event of Store.events) model.on(event, onChange);
  model.on("comm:close", onClose);
  model.on("comm_live_update", onLiveness);
  if (!isLive(model)) store.client.lose();
  return () => {
    clearTimeout(check);
    model.off("msg:custom", onMessage);
    for (const event of Store.events) model.off(event, onChange);
    model.off("comm:close", onClose);
    model.off("comm_live_update", onLiveness);
  };
}

/** anywidget calls this once a model, so that its views share the store through the closure. */
export default () => {
  let store: Store | undefined;

  return {
    initialize({ model }: InitializeProps<Traits>): () => void {
      const created = new Store(model);
      store = created;
      const disconnect = connect(model, created);
      return () => {
        disconnect();
        created.dispose();
      };
    },

    render({ el }: RenderProps<Traits>): () => void {
      if (!store) throw new Error("simwidget: render was called before initialize");
      const view = createView(store);
      el.append(view.element);
      return () => view.dispose();
    },
  };
};
