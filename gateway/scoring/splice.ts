const OPENING = /^\s*\{\s*"predictions"/;
const LONGEST_OPENING_BYTES = 64;
const CLOSING_BRACE = 0x7d;

/**
 * The model server's reply with the model id and the request id in it: `{ predictions, modelId, requestId }`. Large replies are
 * not parsed for it. Undefined when the reply is not an object with predictions.
 */
export function withIdentity(
  reply: Buffer,
  identity: { modelId: string; requestId: string },
): Buffer | undefined {
  const end = lastByteAt(reply);
  const opensWell = OPENING.test(reply.toString('latin1', 0, LONGEST_OPENING_BYTES));
  if (!opensWell || reply[end] !== CLOSING_BRACE) return rewritten(reply, identity);
  // Of two fields with one name a JSON parser keeps the last, so these win over fields of the server's own.
  const tail = `,"modelId":${JSON.stringify(identity.modelId)},"requestId":${JSON.stringify(identity.requestId)}}`;
  return Buffer.concat([reply.subarray(0, end), Buffer.from(tail)]);
}

/** The slow way, for a reply that has other fields first. */
function rewritten(
  reply: Buffer,
  identity: { modelId: string; requestId: string },
): Buffer | undefined {
  try {
    const parsed: unknown = JSON.parse(reply.toString('utf8'));
    if (typeof parsed !== 'object' || parsed === null || !('predictions' in parsed))
      return undefined;
    return Buffer.from(JSON.stringify({ predictions: parsed.predictions, ...identity }));
  } catch {
    return undefined;
  }
}

/** Index of the last byte that is no white space; -1 when there is none. */
function lastByteAt(bytes: Buffer): number {
  let at = bytes.length - 1;
  while (at >= 0 && (bytes[at] ?? 0) <= 0x20) at -= 1;
  return at;
}
