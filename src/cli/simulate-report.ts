import { accessSync, constants, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { OperatorError, reasonOf } from "../base/errors.js";
import { headlinesOf } from "../simulate/headlines.js";
import { htmlPage } from "../simulate/html.js";
import type { SizeResult } from "../simulate/job.js";
import { plotsOf } from "../simulate/plots.js";
import type { Table } from "../simulate/tables.js";
import { count } from "../simulate/units.js";
import type { Described } from "./simulate-description.js";

export interface Report extends Described {
  readonly results: readonly SizeResult[];
  readonly tables: readonly Table[];
}

/** Says before a long run, and not after it, that its report cannot be written. Throws {@link OperatorError}. */
export function checkWritable(path: string): void {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
      throw new Error("it is a directory");
    }
    accessSync(dirname(path), constants.W_OK);
  } catch (thrown) {
    throw unwritable(path, thrown);
  }
}

/** Writes the page, or nothing. `bundle` is where script and style are. Throws {@link OperatorError}. */
export function writeReport(path: string, report: Report, bundle: URL): void {
  const { about, command, results, tables, version } = report;
  const sizes = results.map(({ summary }) => count(summary.nodes));
  const page = htmlPage(
    {
      title: `Simulated: ${sizes.length === 1 ? "a cluster" : "clusters"} of ${listed(sizes)} members`,
      about: `${about}.`,
      command,
      version,
      headlines: headlinesOf(results),
      plots: plotsOf(results),
      tables,
    },
    new URL("simulate-page/", bundle),
  );
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, page, { flag: "wx" });
    renameSync(temporary, path);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw unwritable(path, thrown);
  }
}

/** `10, 100 and 1,000`. */
function listed(texts: readonly string[]): string {
  const last = texts.at(-1) ?? "";
  return texts.length > 1 ? `${texts.slice(0, -1).join(", ")} and ${last}` : last;
}

function unwritable(path: string, thrown: unknown): OperatorError {
  return new OperatorError(`-html=${path}: cannot be written: ${reasonOf(thrown)}`, {
    cause: thrown,
  });
}
