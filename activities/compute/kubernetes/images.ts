import { failure } from '../../../temporal/errors.js';

/** A tag can be moved to other content; a digest cannot. */
export const BY_DIGEST = /^[^\s@]+@sha256:[0-9a-f]{64}$/;

/** Throws (InvalidDefinition) for an image of a definition that is not named by digest, or is not one of `allowed`. */
export function refuseImage(image: string, allowed: readonly string[]): void {
  if (!BY_DIGEST.test(image)) {
    throw unfit(`expected an image by digest, <repository>@sha256:<hex>, got '${image}'`);
  }
  if (allowed.some((prefix) => isBelow(image, prefix))) return;
  const listed = allowed.length === 0 ? 'none' : allowed.join(', ');
  throw unfit(`expected an image of those that compute.targets allows (${listed}), got ${image}`);
}

/** Kubernetes replaces `$(NAME)` in a command and in a variable's value, and reads `$$` as one `$`. */
export function literal(text: string): string {
  return text.replaceAll('$', '$$$$');
}

function isBelow(image: string, allowed: string): boolean {
  const prefix = allowed.replace(/\/+$/, '');
  const repository = image.slice(0, image.indexOf('@'));
  return repository === prefix || repository.startsWith(`${prefix}/`);
}

function unfit(problem: string): Error {
  return failure('InvalidDefinition', `training.code.image: ${problem}`);
}
