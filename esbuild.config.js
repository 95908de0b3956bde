// What users start is bundled: a file for each command and for what commands share. Node.js then opens
// a handful of our files instead of more than a hundred, which is felt in every call of a client
// command and in an agent's memory. Packages stay where npm puts them, licences and all.
import { rmSync } from "node:fs";
import { build } from "esbuild";

const outdir = "dist/bundle/cli";
rmSync(outdir, { recursive: true, force: true });

await build({
  entryPoints: ["src/cli/main.ts"],
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  packages: "external",
  logLevel: "warning",
});
