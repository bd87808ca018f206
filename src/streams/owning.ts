import { Observable } from "rxjs";

/**
 * Creates a stream with a resource that is freed after completion, error or unsubscription.
 *
 * Works like RxJS's `using`, but keeps the type of the resource, and frees it also when `use` throws.
 */
export function owning<R extends { dispose(): void }, T>(
  make: () => R,
  use: (resource: R) => Observable<T>,
): Observable<T> {
  return new Observable((subscriber) => {
    const resource = make();
    let used: Observable<T>;
    try {
      used = use(resource);
    } catch (error) {
      resource.dispose();
      throw error;
    }
    used.subscribe(subscriber);
    return () => resource.dispose();
  });
}
