// Builds the gallery's front end into the Python package: `npm run build`, or `npm run watch` while working on it.
import * as esbuild from "esbuild";

const context = await esbuild.context({
  entryPoints: ["js/src/widget.ts"],
  outfile: "src/simwidget/static/widget.js",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  charset: "utf8",
  loader: { ".css": "text" },
  logLevel: "info",
});

if (process.argv.includes("--watch")) {
  await context.watch();
} else {
  await context.rebuild();
  await context.dispose();
}
