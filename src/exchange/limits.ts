/** Every limit of the exchange in one place. Times are ms in which messages could have come, see {@link ListeningClock}. */

/** Times the deadline for who has just come: it compiles its graphs and fetches the state. */
export const ENTERING = 5;
/** Others may take this many times as long for their shards as this node. */
export const SLOWER = 5;
/** Times the deadline that the first node waits for the others before it begins without them. */
export const GATHERING = 10;
/** Times the deadline that finished nodes wait for one that was lost shortly before. */
export const LINGER = 5;
/** Times the deadline that a member looks for a coordinator that is gone. */
export const SEARCH = 5;
/** Share of the deadline in which a node that is to join answers at its address. */
export const REACHED = 0.5;
/** Signs of life in a deadline. */
export const TICKS = 10;
/** Most ms between two looks at the clock. */
export const LONGEST_TICK = 250;
/** ms in which others may complain too, before it is decided who goes. */
export const HEARING = 200;
/** Times in a row that a process may be left out for its silence without having done a step. */
export const IDLE = 3;
/** ms between attempts to reach the coordinator. */
export const RETRY = 200;

/** ms between two looks at the clock. */
export const tickOf = (deadline: number): number => Math.min(LONGEST_TICK, deadline / TICKS);

/**
 * ms to wait for what the others compute.
 *
 * @param computing What this node's own shards took, in ms.
 * @param entering Somebody has just come.
 */
export const patience = (deadline: number, computing: number, entering: boolean): number =>
  Math.max(deadline * (entering ? ENTERING : 1), SLOWER * computing);
