import { counter, counters, type Family, gauge } from "./family.js";

/** Clients over Serf's RPC and over HTTP. */
export const clientFamilies: readonly Family[] = [
  gauge("gossipd_rpc_clients", "RPC clients that are connected", ({ rpc }) => rpc.connections),
  counters("gossipd_rpc_clients_total", "RPC clients that connected", "result", ({ rpc }) => {
    const { accepted, refused } = rpc.counters;
    return { accepted, refused };
  }),
  counter("gossipd_rpc_requests_total", "Commands of RPC clients", ({ rpc }) => {
    return rpc.counters.requests;
  }),
  counter(
    "gossipd_rpc_records_dropped_total",
    "Records of streams that slow RPC clients did not take",
    ({ rpc }) => rpc.counters.droppedRecords,
  ),
  gauge("gossipd_http_clients", "HTTP connections that are open", ({ http }) => {
    return http?.()?.connections;
  }),
  gauge("gossipd_http_streams", "Event streams over HTTP that are open", ({ http }) => {
    return http?.()?.streams;
  }),
  counter(
    "gossipd_http_streams_cut_total",
    "Event streams over HTTP that were ended because the reader was too slow",
    ({ http }) => http?.()?.streamsCut,
  ),
  counters(
    "gossipd_http_answers_total",
    "Answers over HTTP by the class of their status",
    "status",
    ({ http }) => http?.()?.answers ?? {},
  ),
];
