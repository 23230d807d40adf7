export class NoSuchBoat extends Error {
  constructor(readonly boat: string) {
    super(`no boat is called ${boat}`);
    this.name = new.target.name;
  }
}
