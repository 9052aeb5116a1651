export const nothingActivities = {
  nothing: (): Promise<null> => Promise.resolve(null),
};
export type NothingActivities = typeof nothingActivities;
