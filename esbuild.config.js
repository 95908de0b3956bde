// What users start or import is bundled: a file for each command and for what commands share, and
// the library in the same way. Node.js then opens a handful of our files instead of more than a
// hundred, which is felt in every call of a client command and in an agent's memory. The two share
// nothing: what the library needs would cut the commands into more pieces. Packages stay where npm
// puts them, licences and all.
import { cpSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const outdir = "dist/bundle";
rmSync(outdir, { recursive: true, force: true });

for (const entryPoint of ["cli/main", "lib/index"]) {
  await build({
    entryPoints: [`src/${entryPoint}.ts`],
    outbase: "src",
    outdir,
    chunkNames: join(entryPoint, "../[name]-[hash]"),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    packages: "external",
    logLevel: "warning",
  });
}

// The declarations of the library and of what they refer to, and no others.
const declarations = new Set(["lib/index"]);
for (const file of declarations) {
  const text = readFileSync(`dist/${file}.d.ts`, "utf8");
  for (const [, path] of text.matchAll(/(?:from|import\() ?"(\.[^"]+)\.js"/g)) {
    declarations.add(join(file, "..", path));
  }
  cpSync(`dist/${file}.d.ts`, `${outdir}/${file}.d.ts`);
}
