// What users start or import is bundled: a file for each command and for what commands share, and
// the library in the same way. Node.js then opens a handful of files instead of hundreds, which is
// felt in every call of a client command and in an agent's memory. The two share nothing: what the
// library needs would cut the commands into more pieces.
//
// The simulator runs in a thread of its own, so its file stands alone, and so does the script that
// draws the plots of its report: that goes into the report with its library and its licence.
//
// The packages that every agent and client needs go along, with their licences: loading them as
// CommonJS and over many small files costs the agent 4 MB. So they are nothing that npm has to install
// for users. The others, `dependencies`, are loaded from where npm puts them when they are needed.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const outdir = "dist/bundle";
const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
rmSync(outdir, { recursive: true, force: true });

/** A package's name, version and licence. */
function licenceOf(folder) {
  const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`${folder} is bundled and comes without a licence`);
  return `${name} ${version}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
}

/**
 * prom-client is CommonJS and asks for `util` in a way that a bundle of modules does not have: as a module
 * it comes by an import like all others.
 */
const utilOfPromClient = {
  name: "util of prom-client",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^util$/ }, ({ importer }) =>
      importer.includes("/prom-client/") ? { path: "util", namespace: "imported" } : undefined,
    );
    onLoad({ filter: /.*/, namespace: "imported" }, () => ({
      contents: 'export { format, inspect } from "node:util";',
    }));
  },
};

const node = {
  format: "esm",
  platform: "node",
  target: "node20.19",
  splitting: true,
  // CommonJS asks for Node's own modules in a way that a bundle of modules does not have.
  mainFields: ["module", "main"],
  plugins: [utilOfPromClient],
};
const page = {
  format: "iife",
  platform: "browser",
  target: "es2022",
  minify: true,
  banner: { js: `/*\n${licenceOf("node_modules/uplot")}*/` },
};
const bundles = [
  { entryPoint: "cli/main.ts", ...node },
  { entryPoint: "lib/index.ts", ...node },
  { entryPoint: "simulate/worker.ts", ...node },
  { entryPoint: "simulate-page/page.ts", ...page },
  { entryPoint: "simulate-page/page.css", minify: true },
];

const packages = new Set();
async function bundle({ entryPoint, ...how }) {
  const { metafile, outputFiles } = await build({
    entryPoints: [`src/${entryPoint}`],
    outbase: "src",
    outdir,
    chunkNames: join(entryPoint, "../[name]-[hash]"),
    bundle: true,
    external: Object.keys(dependencies),
    metafile: true,
    logLevel: "warning",
    ...how,
  });
  for (const input of Object.keys(metafile.inputs)) {
    const [folder] = /^node_modules\/(@[^/]+\/)?[^/]+/.exec(input) ?? [];
    if (folder !== undefined) packages.add(folder);
  }
  return outputFiles?.[0]?.text.trim();
}
for (const one of bundles) await bundle(one);

// The agent's live page is one file, so that nothing of it is ever fetched from elsewhere or missing.
const inlined = { format: "esm", target: "es2022", minify: true, write: false };
const parts = {
  "<!--LICENCES-->": `<!--\n${licenceOf("node_modules/preact")}-->`,
  "/*STYLE*/": await bundle({ entryPoint: "page/page.css", ...inlined }),
  "/*SCRIPT*/": await bundle({ entryPoint: "page/main.tsx", platform: "browser", ...inlined }),
};
const shell = readFileSync("src/page/shell.html", "utf8");
mkdirSync(join(outdir, "page"));
writeFileSync(
  join(outdir, "page/page.html"),
  shell.replace(/<!--LICENCES-->|\/\*(?:STYLE|SCRIPT)\*\//g, (place) => parts[place]),
);

const licences = [...packages].sort().map(licenceOf);
writeFileSync(join(outdir, "THIRD-PARTY.txt"), licences.join(`\n${"-".repeat(80)}\n\n`));

// The declarations of the library and of what they refer to, and no others.
const declarations = new Set(["lib/index"]);
for (const file of declarations) {
  const text = readFileSync(`dist/${file}.d.ts`, "utf8");
  for (const [, path] of text.matchAll(/(?:from|import\() ?"(\.[^"]+)\.js"/g)) {
    declarations.add(join(file, "..", path));
  }
  cpSync(`dist/${file}.d.ts`, `${outdir}/${file}.d.ts`);
}
