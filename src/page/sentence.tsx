import type { JSX } from "preact";
import { shown } from "./format.js";
import type { Part } from "./words.js";

/** A sentence in which members can be chosen. */
export function Sentence({
  parts,
  onChoose,
}: {
  parts: readonly Part[];
  onChoose: (member: string) => void;
}): JSX.Element {
  return (
    <>
      {parts.map((part) =>
        typeof part === "string" ? (
          shown(part)
        ) : (
          <button type="button" class="name" onClick={() => onChoose(part.member)}>
            {shown(part.member)}
          </button>
        ),
      )}
    </>
  );
}
