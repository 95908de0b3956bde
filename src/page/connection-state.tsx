import type { JSX } from "preact";
import { span } from "./format.js";
import { useNow } from "./hooks.js";
import type { Connection } from "./state.js";

/** Whether what is shown is so now, or how old it is. */
export function ConnectionState({
  connection,
  onRetry,
}: {
  connection: Connection;
  onRetry: () => void;
}): JSX.Element {
  return (
    <div class="connection" role="status" data-connection={connection.kind}>
      {connection.kind === "lost" ? (
        <Lost connection={connection} onRetry={onRetry} />
      ) : (
        <span>
          <i aria-hidden="true" />
          {connection.kind === "live" ? "Live" : "Connecting"}
        </span>
      )}
    </div>
  );
}

function Lost({
  connection,
  onRetry,
}: {
  connection: Extract<Connection, { kind: "lost" }>;
  onRetry: () => void;
}): JSX.Element {
  const now = useNow();
  const wait = Math.max(0, Math.ceil((connection.retryAt - now) / 1_000));
  return (
    <>
      <span title={connection.reason}>
        <i aria-hidden="true" />
        Lost for {span(now - connection.since)}
        {wait === 0 ? ", connecting" : `, again in ${wait} s`}
      </span>
      <button type="button" class="quiet" onClick={onRetry}>
        Now
      </button>
    </>
  );
}
