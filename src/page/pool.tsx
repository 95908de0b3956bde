import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { PoolStatus, ServerStatus } from "../lb/status.js";
import { countDiffering, matchOf } from "./balance.js";
import { counted, shortened, shown, span } from "./format.js";
import { memo } from "./memo.js";

interface PoolProps {
  readonly pool: PoolStatus;
  readonly known: boolean;
  readonly onlyDiffering: boolean;
  readonly chosen: string | undefined;
  readonly now: number;
  readonly onChoose: (name: string | undefined) => void;
}

const atOnce = 50;

/** Each server of a pool as it is wanted, beside what the proxy has of it. */
export function Pool({
  pool,
  known,
  onlyDiffering,
  chosen,
  now,
  onChoose,
}: PoolProps): JSX.Element {
  const [most, setMost] = useState(atOnce);
  const { name, servers, free } = pool;
  const differing = countDiffering([pool], known);
  const rows = servers.filter((server) => !onlyDiffering || matchOf(server, known) === "differs");
  return (
    <div class="pool" data-pool={name}>
      <h3>
        {shown(name)}{" "}
        <small>
          {counted(servers.length, "server")}
          {free > 0 && `, ${counted(free, "free slot")}`}
          {known && differing > 0 && (
            <b class="warn"> · {differing === 1 ? "1 differs" : `${differing} differ`}</b>
          )}
          {known && differing === 0 && servers.length > 0 && (
            <span class="good"> · all as wanted</span>
          )}
          {!known && <b class="warn"> · what is served is not known now</b>}
        </small>
      </h3>
      {rows.length > 0 && (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Server</th>
                <th scope="col" class="where">
                  Address
                </th>
                <th scope="col">Wanted by the agent</th>
                <th scope="col" aria-label="Compared" />
                <th scope="col">Served by the proxy</th>
                <th scope="col" class="number">
                  In use
                </th>
                <th scope="col" class="number age">
                  Since
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, most).map((server) => (
                <Server
                  key={`${server.node} ${server.ip} ${server.port}`}
                  server={server}
                  known={known}
                  chosen={server.node === chosen}
                  since={span(now - Date.parse(server.since))}
                  onChoose={onChoose}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rows.length > most && (
        <button type="button" class="more" onClick={() => setMost(most * 5)}>
          Show {Math.min(most * 4, rows.length - most)} more
        </button>
      )}
    </div>
  );
}

const matchSigns = {
  same: { sign: "=", title: "as wanted" },
  differs: { sign: "≠", title: "differs" },
  unknown: { sign: "?", title: "not known" },
} as const;

const Server = memo(function Server({
  server,
  known,
  chosen,
  since,
  onChoose,
}: {
  server: ServerStatus;
  known: boolean;
  chosen: boolean;
  since: string;
  onChoose: (name: string | undefined) => void;
}): JSX.Element {
  const { node, ip, port, weight, desired, served } = server;
  const match = matchOf(server, known);
  const { sign, title } = matchSigns[match];
  return (
    <tr class={`${match}${chosen ? " chosen" : ""}`} data-server={node} data-match={match}>
      <th scope="row">
        {node === "" ? (
          <em>nobody's</em>
        ) : (
          <button type="button" class="name" onClick={() => onChoose(node)}>
            {shortened(shown(node), 40)}
          </button>
        )}
      </th>
      <td class="where">
        <code>{ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`}</code>
      </td>
      <td>
        {desired === null ? (
          <State state="gone" note="nobody wants it" />
        ) : (
          <State state={desired.admission} note={wantedNote(desired, weight)} />
        )}
      </td>
      <td class="match" title={title}>
        <span aria-hidden="true">{sign}</span>
        <span class="hidden">{title}</span>
      </td>
      <td>
        {served === null ? (
          <State state="absent" note="" />
        ) : (
          <>
            <State
              state={served.state}
              note={`${served.name}${weightNote(served.state, served.weight)}`}
            />
            {!served.up && served.state !== "maint" && <span class="pill bad">down</span>}
          </>
        )}
      </td>
      <td class="number">{served === null ? "" : served.inUse}</td>
      <td class="number age quiet-text">{since}</td>
    </tr>
  );
});

function wantedNote(desired: NonNullable<ServerStatus["desired"]>, weight: number): string {
  const cause = desired.cause === "alive" ? "" : desired.cause;
  return `${cause}${weightNote(desired.admission, weight)}`;
}

function weightNote(state: string, weight: number): string {
  return state === "ready" ? ` weight ${weight}` : "";
}

function State({ state, note }: { state: string; note: string }): JSX.Element {
  return (
    <span class={`state ${state}`}>
      <i aria-hidden="true" />
      {state} <small>{shown(note)}</small>
    </span>
  );
}
