/* eslint-disable-next-line @typescript-eslint/no-explicit-any -- any constructor may be branded */
type ErrorClass = abstract new (...args: any[]) => Error;

/**
 * Makes `instanceof` hold across realms and across two installed copies of the package: a class is known by a global
 * symbol on its prototype, not by the identity of its constructor. Subclasses made by users keep the ordinary meaning.
 */
export function brand(name: string, errorClass: ErrorClass): void {
  const marker = Symbol.for(`modelyard.error.${name}`);
  Object.defineProperty(errorClass.prototype, marker, { value: true });
  Object.defineProperty(errorClass.prototype, 'name', {
    value: name,
    configurable: true,
    writable: true,
  });
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value(this: ErrorClass, value: unknown): boolean {
      if (typeof value !== 'object' || value === null) return false;
      if (this !== errorClass)
        return Object.prototype.isPrototypeOf.call(this.prototype as object, value);
      return (value as Record<symbol, unknown>)[marker] === true;
    },
  });
}
