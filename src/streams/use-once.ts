import { Observable } from "rxjs";

/**
 * Emits the one value that `use` makes of a resource that comes later. The resource is freed when the value has been
 * taken, and also when it comes after nobody waits for it any more.
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
