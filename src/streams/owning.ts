import { Observable } from "rxjs";

/**
 * Creates a stream with a resource that is freed after completion, error or unsubscription.
 *
 * Works like RxJS's `using`, but keeps the type of the resource.
 */
export function owning<R extends { dispose(): void }, T>(
  make: () => R,
  use: (resource: R) => Observable<T>,
): Observable<T> {
  return new Observable((subscriber) => {
    const resource = make();
    use(resource).subscribe(subscriber);
    return () => resource.dispose();
  });
}
