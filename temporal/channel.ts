/**
 * For every gRPC channel to Temporal. gRPC's own pause between two attempts to connect grows to two minutes, so that after a
 * long outage a process would refuse its callers for that much longer than the server was away.
 */
export const CHANNEL_ARGS = { 'grpc.max_reconnect_backoff_ms': 2_000 };
