/** Something wrong from one place of a text to another, in UTF-16 units from its beginning. */
export interface Problem {
  readonly from: number;
  readonly to: number;
  readonly message: string;
}
