// What gallery_browser.py calls in the page: `bench.look()` is what a person sees of the grid.

const PATIENCE_MS = 30_000;
const LOOK_MS = 50;

window.bench = (() => {
  const bench = { up: undefined };
  addEventListener("mouseup", (event) => { bench.up = event.timeStamp; }, true);

  const frame = () => new Promise(requestAnimationFrame);
  // When the frame that is being made is painted: a message posted before that is handled after it.
  const painted = () => new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(performance.now());
    port2.postMessage(0);
  });
  const panel = () => window.jupyterapp.shell.currentWidget;

  bench.grid = () => document.querySelector(".simwidget-gallery")?.shadowRoot.querySelector("[role=grid]");

  bench.look = (overscan = 0) => {
    const grid = bench.grid();
    let names = [];
    let ready = false;
    if (grid) {
      const { top, bottom } = grid.getBoundingClientRect();
      const rows = [...grid.querySelectorAll("[role=row]")].filter((row) => {
        const place = row.getBoundingClientRect();
        return place.bottom > top - overscan && place.top < bottom + overscan;
      });
      rows.sort((a, b) => a.ariaRowIndex - b.ariaRowIndex);
      const cards = rows.flatMap((row) => [...row.querySelectorAll("[role=gridcell]:not([hidden])")]);
      ready = cards.length > 0 && cards.every((card) => card.querySelector(".frame.decoded"));
      // This runs in every frame: what nobody will read of a screen that is not there yet is left out.
      if (ready) names = cards.map((card) => card.querySelector(".name").textContent);
    }
    return { names, ready };
  };

  const until = async (test) => {
    for (const start = performance.now(); performance.now() < start + PATIENCE_MS; ) {
      await frame();
      if (test()) return;
    }
    throw new Error(`Waited ${PATIENCE_MS} ms for ${test}; the grid shows ${JSON.stringify(bench.look())}.`);
  };

  // The time at which all cards of a screen, or so many pixels around it, were painted.
  bench.screen = async (overscan) => {
    await until(() => bench.look(overscan).ready);
    return await painted();
  };

  bench.runCell = async (index) => {
    const { content } = panel();
    content.activeCellIndex = index;
    content.deselectAll();
    await window.jupyterapp.commands.execute("notebook:run-cell");
    const outputs = content.widgets[index].model.sharedModel.toJSON().outputs;
    const error = outputs.find((output) => output.output_type === "error");
    if (error) throw new Error(error.traceback.join("\n"));
  };

  bench.display = async (index) => {
    const start = performance.now();
    const ran = bench.runCell(index);
    while (!bench.grid()) await frame();
    const appeared = performance.now();
    const end = await bench.screen();
    await ran;
    return { cell: end - start, view: end - appeared };
  };

  bench.value = async (expression) => {
    const code = `import json; print(json.dumps(${expression}))`;
    const future = panel().sessionContext.session.kernel.requestExecute({ code, store_history: false });
    let text = "";
    future.onIOPub = ({ header, content }) => {
      if (header.msg_type === "stream" && content.name === "stdout") text += content.text;
    };
    const { content } = await future.done;
    if (content.status !== "ok") throw new Error(`${expression}: ${content.ename}: ${content.evalue}`);
    return JSON.parse(text);
  };

  // Note every other screen that is painted from now on, to find among them the one after the mouse was released.
  bench.watchBrush = () => {
    const watch = { screens: [], going: true };
    let last = String(bench.look().names);
    const tick = () => {
      const { names, ready } = bench.look();
      if (ready && String(names) !== last) {
        last = String(names);
        painted().then((at) => watch.screens.push({ names, at }));
      }
      if (watch.going) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    bench.up = undefined;
    bench.watch = watch;
  };

  // How many cards the first of these screens has.
  bench.otherScreen = async () => {
    await until(() => bench.watch.screens.length > 0);
    return bench.watch.screens[0].names.length;
  };

  // Milliseconds from the release to the screen with these names. One before it can be of the old view.
  bench.brushed = async (names) => {
    const found = () => bench.watch.screens.find((screen) => String(screen.names) === String(names));
    await until(found);
    bench.watch.going = false;
    return found().at - bench.up;
  };

  // All that is on the screen, or prefetched around it.
  bench.loaded = () => bench.screen(bench.grid().clientHeight);

  // Scroll down by the height of the grid; returns how many cards came into view.
  bench.nextScreen = async () => {
    const grid = bench.grid();
    const before = new Set(bench.look().names);
    const tops = [...grid.querySelectorAll("[role=row]")].map((row) => row.getBoundingClientRect().top);
    tops.sort((a, b) => a - b);
    // Where there are too many rows for the browser a scrolled pixel stands for several.
    const scale = Math.max(1, (grid.ariaRowCount * (tops[1] - tops[0])) / grid.scrollHeight);
    grid.scrollTop += grid.clientHeight / scale;
    await frame();
    await bench.loaded();
    return bench.look().names.filter((name) => !before.has(name)).length;
  };

  bench.scrollTo = async (share) => {
    const grid = bench.grid();
    grid.scrollTop = share * (grid.scrollHeight - grid.clientHeight);
    // Not in every frame, which it would make longer: here frames and tasks are measured, and no moment.
    for (const start = performance.now(); !bench.look().ready; ) {
      if (performance.now() > start + PATIENCE_MS) throw new Error(`Waited ${PATIENCE_MS} ms for thumbnails.`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  };

  bench.record = () => {
    const record = { frames: [], tasks: [], going: true };
    const note = (entries) => record.tasks.push(...entries.map(({ startTime, duration }) => [startTime, duration]));
    const observer = new PerformanceObserver((list) => note(list.getEntries()));
    observer.observe({ type: "longtask" });
    performance.mark("bench-record"); // its place in the trace tells how the two clocks differ
    let last;
    const tick = (now) => {
      if (last !== undefined) record.frames.push(now - last);
      last = now;
      if (record.going) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    bench.stop = async () => {
      await frame();
      record.going = false;
      note(observer.takeRecords());
      observer.disconnect();
      return { frames: record.frames, tasks: record.tasks };
    };
  };
  return bench;
})();
