import { OperatorError } from "../../base/errors.js";
import type { Millis } from "../../base/units.js";
import { runProgram } from "../run-program.js";
import { oneLine } from "../values.js";

/** What is worth a line of an error; the rest repeats it. */
const mostLines = 3;

/** Asks HAProxy itself whether a file is right. Throws OperatorError with its words. */
export async function checkFile(
  binary: string,
  staged: string,
  file: string,
  timeout: Millis,
): Promise<void> {
  const argv = [binary, "-c", "-f", staged];
  const result = await runProgram(argv, { timeout });
  if (result.missing) {
    throw new OperatorError(
      `cannot check ${file}: there is no program ${binary}; install HAProxy or give its path as "binary"`,
    );
  }
  if (result.timedOut) {
    throw new OperatorError(
      `cannot check ${file}: ${binary} -c did not end within ${timeout} ms (names that are looked up?); ${faults(result.output, staged, file)}`,
    );
  }
  if (result.code === 0) return;
  const how =
    result.code === undefined ? (result.signal ?? "could not be started") : `status ${result.code}`;
  throw new OperatorError(
    `HAProxy refuses ${file} (${how}): ${faults(result.output, staged, file)}`,
  );
}

/** Lines that only say that there were others. */
const verdicts =
  /^config : (Error\(s\) found in configuration file|Fatal errors found in configuration)/;

/** The checker's own lines that say what is wrong, with the name of the real file in them. */
export function faults(output: string, staged: string, file: string): string {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const alerts = lines.flatMap((line) => {
    const words = /^\[ALERT\]\s*\([^)]*\)\s*:\s*(.*)$/.exec(line)?.[1];
    return words === undefined || verdicts.test(words) ? [] : [words];
  });
  const telling = alerts.length > 0 ? alerts : lines;
  if (telling.length === 0) return "it says nothing";
  const shown = telling.slice(0, mostLines).map((line) => {
    const plain = line.replaceAll(staged, file).replace(/^config : /, "");
    return oneLine(plain, 300);
  });
  const more = telling.length - shown.length;
  return shown.join("; ") + (more > 0 ? `; and ${more} more` : "");
}
