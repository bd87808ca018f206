/** All attacks, and how often each is made. */
import { callAttacks } from "./calls.ts";
import { memberAttacks } from "./members.ts";
import type { Random } from "./random.ts";
import { socketAttacks } from "./sockets.ts";
import type { Attack } from "./target.ts";

/** Share of attacks that join: a member stops the others for the time it stays. */
const MEMBERS = 0.03;

export const attacks: readonly Attack[] = [...socketAttacks, ...callAttacks, ...memberAttacks];

export const anyAttack = (random: Random): Attack =>
  random.of(random.real() < MEMBERS ? memberAttacks : random.real() < 0.4 ? socketAttacks : callAttacks);
