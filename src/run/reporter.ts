/** Shows the progress of a run. */

export interface ReportedStage {
  readonly name: string;
  readonly total?: number;
  readonly unit?: string;
}

export interface Reporter {
  message(text: string): void;
  stage(stage: ReportedStage): void;
  progress(progress: StageProgress): void;
  /** Ends the stage and gives the cursor back; the reporter can be used on. */
  close(): void;
}

/** Standard error, or what a test puts in its place. */
export type Screen = Pick<NodeJS.WriteStream, "write"> & { readonly isTTY?: boolean };
export interface StageProgress {
  readonly done: number;
  readonly loss?: number;
  readonly imagesPerSecond?: number;
}
