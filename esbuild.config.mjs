// Builds the gallery's front end into the Python package: `npm run build`, or `npm run watch` while working on it.
import { readFile } from "node:fs/promises";
import * as esbuild from "esbuild";

/** Style sheets become minified text, for the shadow root; esbuild's own "text" loader would keep every comment. */
const styles = {
  name: "styles",
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await esbuild.transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code, loader: "text" };
    });
  },
};

const context = await esbuild.context({
  entryPoints: ["js/src/widget.ts"],
  outfile: "src/simwidget/static/widget.js",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  charset: "utf8",
  plugins: [styles],
  logLevel: "info",
});

if (process.argv.includes("--watch")) {
  await context.watch();
} else {
  await context.rebuild();
  await context.dispose();
}
