/** What HAProxy says of a backend as a whole. */
export interface BackendNumbers {
  /** Requests that are with a server or wait for one. */
  readonly inFlight: number;
  /** Of them those that wait. */
  readonly queued: number;
  /** Requests since HAProxy's start. */
  readonly requests: number;
}

/**
 * The numbers of `backend` out of HAProxy's statistics as CSV (HAProxy's management guide, 9.1): columns
 * go by the names in the first line. Undefined if it has no such backend, or says something else.
 */
export function backendNumbers(csv: string, backend: string): BackendNumbers | undefined {
  const [head = "", ...rows] = csv.split("\n", 10_000);
  const names = head.replace(/^# /, "").split(",");
  const column = (row: readonly string[], name: string): string => row[names.indexOf(name)] ?? "";
  const row = rows
    .map((line) => line.split(","))
    .find((each) => column(each, "pxname") === backend && column(each, "svname") === "BACKEND");
  if (row === undefined) return undefined;
  const [inFlight, queued, requests] = ["scur", "qcur", "req_tot"].map((name) =>
    Number(column(row, name) || Number.NaN),
  );
  if (!isCount(inFlight) || !isCount(queued) || !isCount(requests)) return undefined;
  return { inFlight, queued, requests };
}

function isCount(value: number | undefined): value is number {
  return value !== undefined && Number.isSafeInteger(value) && value >= 0;
}
