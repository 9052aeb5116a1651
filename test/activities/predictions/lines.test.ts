import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inParts, linesOf, wholeLines } from '../../../activities/predictions/lines.js';
import { refusedWith } from '../../../testing/refusals.js';

async function* streamOf(chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk));
}

const chunksOfLines = fc
  .array(fc.string({ unit: fc.constantFrom('a', 'é', '\n'), maxLength: 12 }), { maxLength: 20 })
  .map((chunks) => [...chunks, '\n']);

describe('lines of a stream', () => {
  it('come in parts that each end with a whole line and together are the stream', async () => {
    await fc.assert(
      fc.asyncProperty(chunksOfLines, fc.integer({ min: 1, max: 40 }), async (chunks, bytes) => {
        const parts: Uint8Array[] = [];
        for await (const part of inParts(streamOf(chunks), bytes)) parts.push(part);
        const texts = parts.map((part) => Buffer.from(part).toString('utf8'));
        expect(texts.join('')).toBe(chunks.join(''));
        expect(texts.every((text) => text.endsWith('\n'))).toBe(true);
        const longest = Math.max(
          ...chunks
            .join('')
            .split('\n')
            .map((line) => line.length * 2),
        );
        for (const part of parts) expect(part.byteLength).toBeLessThan(bytes + longest + 40);
      }),
    );
  });

  it('are refused when the last of them is cut, and only then (F28)', async () => {
    const through = (...chunks: string[]) => linesOf(wholeLines(streamOf(chunks), 'the log'));
    expect(await through()).toEqual([]);
    expect(await through('{"a"', ':1}\n', '{}\n', '')).toEqual(['{"a":1}', '{}']);
    await refusedWith('GatewayUnavailable', through('{"a":1}\n', '{"b"'));
  });
});
