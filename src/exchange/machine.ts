/** Runs pure rules: events one after another, also those that come while the effects of one are performed. */
export interface Rules<State, Event, Effect> {
  (state: State, event: Event, now: number): { readonly state: State; readonly effects: readonly Effect[] };
}

/** The clock of the rules: it stands still while this process could not have heard anything. */
export class ListeningClock {
  #now = 0;
  #looked = performance.now();

  get now(): number {
    return this.#now;
  }

  /** Looks at the time. What blocked the event loop counts as `longest` ms, however long it took. */
  look(longest: number): void {
    const time = performance.now();
    this.#now += Math.min(time - this.#looked, longest);
    this.#looked = time;
  }
}

export class Machine<State, Event, Effect> {
  #state: State;
  readonly #rules: Rules<State, Event, Effect>;
  readonly #clock: ListeningClock;
  readonly #perform: (effect: Effect) => void;
  readonly #events: Event[] = [];
  #busy = false;

  constructor(
    state: State,
    rules: Rules<State, Event, Effect>,
    clock: ListeningClock,
    perform: (effect: Effect) => void,
  ) {
    this.#state = state;
    this.#rules = rules;
    this.#clock = clock;
    this.#perform = perform;
  }

  get state(): State {
    return this.#state;
  }

  dispatch(event: Event): void {
    this.#events.push(event);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#events.shift(); next; next = this.#events.shift()) {
        const { state, effects } = this.#rules(this.#state, next, this.#clock.now);
        this.#state = state;
        for (const effect of effects) this.#perform(effect);
      }
    } finally {
      this.#busy = false;
    }
  }
}
