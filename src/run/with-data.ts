import { Observable, switchMap, of, type ObservableInput } from "rxjs";
import type { OnProgress } from "../data/dataset.ts";
import type { RunEvent } from "./pipeline.ts";

type Told<D> = { readonly type: "data"; readonly data: D } | RunEvent;

/** Loads data, telling how that goes, then runs what is built on them. */
export function withData<D>(
  load: (onProgress: OnProgress) => Promise<D>,
  build: (data: D) => ObservableInput<RunEvent>,
): Observable<RunEvent> {
  const loading = new Observable<Told<D>>((subscriber) => {
    let stage: string | undefined;
    load((text, fraction) => {
      if (fraction === undefined || fraction === 1) {
        if (text !== stage) subscriber.next({ type: "message", text });
        stage = text;
        return;
      }
      if (text !== stage) subscriber.next({ type: "stage", name: text, total: 100, unit: "%", phase: "starting" });
      stage = text;
      subscriber.next({ type: "progress", done: Math.floor(100 * fraction) });
    }).then(
      (data) => {
        subscriber.next({ type: "data", data });
        subscriber.complete();
      },
      (error: unknown) => subscriber.error(error),
    );
  });
  return loading.pipe(switchMap((told) => (told.type === "data" ? build(told.data) : of(told))));
}
