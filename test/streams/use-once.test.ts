import { lastValueFrom } from "rxjs";
import { describe, expect, it } from "vitest";
import { useOnce } from "../../src/streams/use-once.ts";

/** A resource that comes when `come` is called, and what happened to it. */
function later() {
  const events: string[] = [];
  let come = () => {};
  const make = () =>
    new Promise<{ dispose(): void }>((resolve) => {
      come = () => resolve({ dispose: () => events.push("freed") });
    });
  return { events, make, come: () => come() };
}

describe("lending", () => {
  it("frees the resource once the value has been taken, then completes", async () => {
    const { events, make, come } = later();
    const done = new Promise<void>((resolve) => {
      useOnce(make, () => "value").subscribe({
        next: (value) => events.push(value),
        complete: () => resolve(void events.push("complete")),
      });
    });
    expect(events).toEqual([]);
    come();
    await done;
    expect(events).toEqual(["value", "freed", "complete"]);
  });

  it("frees what comes after unsubscription, unseen", async () => {
    const { events, make, come } = later();
    const subscription = useOnce(make, () => events.push("made")).subscribe(() => events.push("seen"));
    subscription.unsubscribe();
    come();
    await new Promise((resolve) => setImmediate(resolve));
    expect(events).toEqual(["freed"]);
  });

  it("passes errors of either function on", async () => {
    const failing = useOnce(() => Promise.reject(new Error("late")), () => 1); // prettier-ignore
    await expect(lastValueFrom(failing)).rejects.toThrow("late");
    const { events, make, come } = later();
    const broken = lastValueFrom(useOnce(make, () => { throw new Error("use"); })); // prettier-ignore
    come();
    await expect(broken).rejects.toThrow("use");
    expect(events).toEqual(["freed"]);
  });

  it("starts anew for every subscription", () => {
    let made = 0;
    const stream = useOnce(() => new Promise<{ dispose(): void }>(() => made++), () => 1); // prettier-ignore
    expect(made).toBe(0);
    stream.subscribe();
    stream.subscribe();
    expect(made).toBe(2);
  });
});
