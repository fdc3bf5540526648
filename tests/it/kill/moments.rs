//! In: moments by chance, the same in each run. Out: syncs that are killed then, in whatever they do, and the ones after.
//! Guarantee: fetches, the store and the statuses are cut off as the targets are.
