//! In: what was measured. Out: one table, and the small sums that it needs.
//! Guarantee: a row says what was done, what it took, and whether that keeps its budget.
use std::time::Duration;

/// One line of the table.
pub(crate) struct Row {
    /// The budget's id.
    pub(crate) id: &'static str,
    /// What was done.
    pub(crate) work: String,
    /// What it took.
    pub(crate) measured: String,
    /// What it may take.
    pub(crate) budget: String,
    /// Whether that was kept; none where nothing is asked.
    pub(crate) is_kept: Option<bool>,
    /// What others need for the same, as a multiple of ours.
    pub(crate) ratio: String,
}

/// Returns a row of a number with an upper bound.
pub(crate) fn row(id: &'static str, work: impl Into<String>, measured: f64, budget: f64, unit: &str) -> Row {
    Row {
        id,
        work: work.into(),
        measured: format!("{measured:.2} {unit}"),
        budget: format!("≤ {} {unit}", (budget * 1000.0).round() / 1000.0),
        is_kept: Some(measured <= budget),
        ratio: String::new(),
    }
}

/// Returns a row that only tells.
pub(crate) fn told(id: &'static str, work: impl Into<String>, measured: impl Into<String>) -> Row {
    let (work, measured) = (work.into(), measured.into());
    Row { id, work, measured, budget: String::new(), is_kept: None, ratio: String::new() }
}

/// Prints the table.
#[expect(clippy::print_stdout, reason = "the table is what the command is for")]
pub(crate) fn print(rows: &[Row]) {
    let cells = |row: &Row| {
        let kept = row.is_kept.map_or("", |is_kept| if is_kept { "ok" } else { "missed" });
        [row.id.into(), row.work.clone(), row.measured.clone(), row.budget.clone(), kept.into(), row.ratio.clone()]
    };
    let mut table = vec![["#", "work", "measured", "budget", "", "others"].map(str::to_owned)];
    table.extend(rows.iter().map(cells));
    let width = |column: usize| table.iter().map(|cells| cells[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..6).map(width).collect();
    for cells in &table {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        println!("{}", padded.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Returns milliseconds.
pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Returns the value below which so many of a hundred lie.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// Returns the slope of the line through the logarithms of both sides.
pub(crate) fn slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = f64::from(u32::try_from(logs.len()).unwrap_or(1));
    let mean = |pick: fn(&(f64, f64)) -> f64| logs.iter().map(pick).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let over: f64 = logs.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    over / logs.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>()
}
