//! In: a quantity of Kubernetes. Out: an amount in Palette's units.
//! Guarantee: rounded up: what is needed is never told too small.
use crate::decide::value::Value;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// In thousandths of a core.
    MilliCores,
    /// In mebibytes.
    MebiBytes,
    /// In gigabytes.
    GigaBytes,
}

const MEBI: f64 = 1_048_576.0;
const GIGA: f64 = 1e9;

/// Returns the amount of a quantity such as `500m`, `2`, `1.5Gi`; nothing where it is none.
pub fn amount(value: &Value, measure: Measure) -> Option<i64> {
    #[expect(clippy::cast_precision_loss, reason = "no node has as much as a double cannot count")]
    let number = match value {
        Value::Integer(number) => *number as f64,
        Value::Float(number) => *number,
        Value::String(text) => parse(text)?,
        _ => return None,
    };
    let amount = match measure {
        Measure::MilliCores => number * 1000.0,
        Measure::MebiBytes => number / MEBI,
        Measure::GigaBytes => number / GIGA,
    };
    #[expect(clippy::cast_possible_truncation, reason = "it is within the bounds that are checked")]
    let rounded = (amount - 1e-9).ceil() as i64;
    (amount.is_finite() && (0.0..1e15).contains(&amount)).then_some(rounded)
}

fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number: f64 = text.get(..end)?.parse().ok()?;
    let factor = match text.get(end..)? {
        "" => 1.0,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => GIGA,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => MEBI,
        "Gi" => MEBI * 1024.0,
        "Ti" => MEBI * MEBI,
        _ => return None,
    };
    Some(number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_has_them() {
        let of = |text: &str, measure| amount(&Value::string(text), measure);
        assert_eq!(of("500m", Measure::MilliCores), Some(500));
        assert_eq!(of("1.5", Measure::MilliCores), Some(1500));
        assert_eq!(of("1Gi", Measure::MebiBytes), Some(1024));
        assert_eq!(of("100M", Measure::MebiBytes), Some(96), "rounded up");
        assert_eq!(of("20G", Measure::GigaBytes), Some(20));
        assert_eq!(amount(&Value::Integer(2), Measure::MilliCores), Some(2000));
        assert_eq!(of("much", Measure::MilliCores), None);
    }
}
