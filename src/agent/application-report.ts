import type { Bytes } from "../base/units.js";
import type { Finding } from "../examine/finding.js";
import type { ApplicationFault, ApplicationReport } from "../observe/application.js";
import { encodeText } from "../wire/text.js";

/** Longer texts are cut: a path of the usual length has room. */
const maxText = 200;

/** More than so many lines of remedy nobody types. */
const maxRemedies = 4;

/**
 * As many faults from `skip` on as `pack` makes an answer of `room` bytes of: others ask again for the
 * rest. One that is too long even alone comes without its cause, then without what else can be missed.
 */
export function packReport(
  findings: readonly Finding[],
  skip: number,
  room: number,
  pack: (report: ApplicationReport) => unknown,
): Bytes {
  const all = findings.filter(({ result }) => result === "fail").map(shortened);
  const packed = (faults: readonly ApplicationFault[]): Bytes =>
    encodeText(JSON.stringify(pack({ count: all.length, faults })));
  let best = packed([]);
  const [first, ...rest] = all.slice(skip);
  if (first === undefined) return best;
  for (const form of formsOf(first)) {
    const bytes = packed([form]);
    if (bytes.length > room) continue;
    best = bytes;
    break;
  }
  const taken = [first];
  for (const fault of rest) {
    taken.push(fault);
    const bytes = packed(taken);
    if (bytes.length > room) break;
    best = bytes;
  }
  return best;
}

function shortened({ about, cause, found, remedy }: Finding): ApplicationFault {
  return {
    about: cut(about),
    found: cut(found),
    cause: cause === null ? null : cut(cause),
    // Half a command is worse than none.
    remedy: remedy.filter((line) => line.length <= maxText).slice(0, maxRemedies),
  };
}

function cut(text: string): string {
  return text.length <= maxText ? text : `${text.slice(0, maxText - 1)}…`;
}

/** The same fault, each time told in fewer words. */
function formsOf(fault: ApplicationFault): readonly ApplicationFault[] {
  const { remedy } = fault;
  return [
    fault,
    { ...fault, cause: null },
    { ...fault, cause: null, remedy: remedy.slice(0, 1) },
    { ...fault, cause: null, remedy: [] },
  ];
}
