/** The SDEs that the configuration's field `sde` names. */
import { linearVeSDE } from "./linear-ve.ts";
import type { SDE } from "./sde.ts";
import { subVpSDE } from "./sub-vp.ts";
import { veSDE } from "./ve.ts";
import { vpSDE } from "./vp.ts";

/** The numbers that any of them is made from. */
export interface SdeSettings {
  readonly betaMin: number;
  readonly betaMax: number;
  readonly sigmaMin: number;
  readonly sigmaMax: number;
  /** Number of discretization steps of the samplers. */
  readonly N: number;
}

export type SdeName = "vp" | "subvp" | "ve" | "linearve";

/** Makes each SDE by its name. */
export const SDES: Readonly<Record<SdeName, (settings: SdeSettings) => SDE>> = {
  vp: vpSDE,
  subvp: subVpSDE,
  ve: veSDE,
  linearve: linearVeSDE,
};

/** The names, in the order of `--help`. */
export const sdeNames = Object.keys(SDES) as [SdeName, ...SdeName[]];
