import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { InvalidRequestError } from '../errors.js';

/** The JSON of a file, or of standard input for '-'. InvalidRequestError names the file and what is wrong with it. */
export async function jsonFile(file: string): Promise<unknown> {
  const name = file === '-' ? 'standard input' : file;
  const content = await contentOf(file, name);
  if (content.trim() === '') throw refused(name, 'expected JSON, got nothing');
  try {
    return JSON.parse(content) as unknown;
  } catch (error) {
    throw refused(name, `expected JSON: ${error instanceof Error ? error.message : ''}`, error);
  }
}

async function contentOf(file: string, name: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw refused(name, `expected a file that can be read, got ${code}`, error);
  }
}

function refused(name: string, message: string, cause?: unknown): InvalidRequestError {
  return new InvalidRequestError(`${name}: ${message}`, [{ path: '', message }], { cause });
}
