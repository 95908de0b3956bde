import type { JSX } from "preact";
import { shown } from "./format.js";

/** Tags as small buttons that search for others with the same. */
export function Tags({
  tags,
  onTag,
}: {
  tags: Readonly<Record<string, string>>;
  onTag: (tag: string) => void;
}): JSX.Element {
  return (
    <>
      {Object.entries(tags)
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([key, value]) => (
          <button
            key={key}
            type="button"
            class="tag"
            tabIndex={-1}
            onClick={(event) => {
              event.stopPropagation();
              onTag(`${key}=${value}`);
            }}
          >
            <span>{shown(key)}</span>
            {shown(value)}
          </button>
        ))}
    </>
  );
}
