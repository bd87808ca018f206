import { Observable } from "rxjs";

/**
 * Emits the single value that `use` makes from a resource that arrives later. The resource is freed once the value has
 * been used. It is also freed if it arrives after unsubscription.
 */
export function useOnce<R extends { dispose(): void }, T>(make: () => Promise<R>, use: (resource: R) => T) {
  return new Observable<T>((subscriber) => {
    const lend = async () => {
      const resource = await make();
      try {
        if (!subscriber.closed) subscriber.next(use(resource));
      } finally {
        resource.dispose();
      }
    };
    lend().then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
  });
}
