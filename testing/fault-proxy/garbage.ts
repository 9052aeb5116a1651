/**
 * Sorts of answers nobody expects: JSON of another shape, JSON that ends in the middle, the page of a proxy or a sign-in,
 * and 16 MiB of JSON.
 */
export type Garbage = 'other-json' | 'broken-json' | 'html' | 'huge';

const HUGE_BYTES = 16 * 1024 * 1024;

/** The body of an answer nobody expects, and its type. */
export function garbageOf(sort: Garbage): { body: string; contentType: string } {
  return { body: BODIES[sort](), contentType: sort === 'html' ? 'text/html' : 'application/json' };
}

const BODIES: Record<Garbage, () => string> = {
  'other-json': () => '{"unexpected":[null,{"shape":-1}]}',
  'broken-json': () => '{"unexpected":[null,{"sha',
  html: () => '<!doctype html><html><body><h1>Please sign in</h1></body></html>',
  huge: () => `{"huge":"${'x'.repeat(HUGE_BYTES)}"}`,
};
