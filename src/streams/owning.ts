import { Observable } from "rxjs";

/**
 * A stream with a resource that lives as long as its subscription: freed after completion, error and unsubscription.
 *
 * RxJS's `using` with the type of the resource kept.
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
