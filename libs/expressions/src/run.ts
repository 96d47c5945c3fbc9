import type { ExpressionFailed } from './scope.js';

/** Why an evaluation ended; becomes an ExpressionFailed where the source is known. */
export class Fault extends Error {
  constructor(
    readonly code: ExpressionFailed['code'],
    message: string,
  ) {
    super(message);
  }
}

/** A step is about one closure called or one item handled: the budget is some tens of milliseconds. */
const stepsMax = 1_000_000;
/** 100 for each of the 100 000 items of a filter: an ordinary condition takes 6 to 25. */
const togetherMax = 10 * stepsMax;

/** What all expressions of a node may take together: each for itself, they could keep the thread for minutes. */
export class StepBudget {
  /** Below 0 when it is used up */
  left = togetherMax;
}

/**
 * One evaluation in this thread. No closure loops without end, yet predicates within predicates and copied texts multiply:
 * every item and every text made is paid for.
 */
export class Run<Root = unknown> {
  constructor(
    readonly root: Root,
    private readonly budget = new StepBudget(),
    private stepsLeft = stepsMax,
  ) {}

  spend(steps: number): void {
    this.stepsLeft -= steps;
    this.budget.left -= steps;
    if (this.stepsLeft < 0) throw new Fault('expression_timeout', `The expression takes more than ${stepsMax} steps`);
    if (this.budget.left < 0) {
      throw new Fault('expression_timeout', `The node's expressions together take more than ${togetherMax} steps`);
    }
  }

  /** Call it with texts that were made or searched. */
  spendText(text: string): void {
    this.spend(text.length >> 2);
  }
}
