//! In: a layer with a chart, what was read of its archive. Out: the chart's own values, and their schema.
//! Guarantee: a chart in an archive is told of, and checked, as one in a folder is; where its archive is not at hand, helm
//! alone judges the values.
use super::super::part::{Archive, Content, Remote, What};
use super::super::resolve::Sketch;
use super::keys::Known;
use super::source::Made;
use crate::decide::document::{ChartTexts, Texts};
use crate::decide::fleet::Found;
use crate::decide::value::{Origin, Span};
use crate::name::{BlobId, RepoPath};

/// The file of a chart's own values.
pub const VALUES: &str = "values.yaml";

/// The file of their schema.
pub const SCHEMA: &str = "values.schema.json";

impl Made {
    /// Returns its chart, where that is in an archive of its own.
    fn archived(&self) -> Option<&What> {
        let what = &self.parts.first().filter(|_| self.pack.is_none())?.what;
        matches!(what, What::Chart(Content::Archive(_) | Content::Remote(_))).then_some(what)
    }

    /// Returns the file of its own values, wherever that is.
    pub(in crate::decide::profile) fn defaults_in(&self, texts: &Texts) -> Option<Found> {
        self.defaults.clone().or_else(|| self.inside(texts, VALUES, |chart| chart.values))
    }

    /// Returns the file with the schema of its values, and where that is named.
    pub(in crate::decide::profile) fn schema_in(&self, texts: &Texts) -> Option<(Found, Span)> {
        if let Some((found, part)) = &self.schema {
            return Some((found.clone(), part.span()));
        }
        Some((self.inside(texts, SCHEMA, |chart| chart.schema)?, self.parts.first()?.at.clone()))
    }

    fn inside(&self, texts: &Texts, name: &str, of: impl Fn(&ChartTexts) -> Option<BlobId>) -> Option<Found> {
        let what = self.archived()?;
        let blob = of(texts.chart(what.digest())?)?;
        let (path, origin) = match what {
            What::Chart(Content::Archive(Archive { path, origin, .. })) => (format!("{path}/{name}"), origin.clone()),
            What::Chart(Content::Remote(Remote { url, .. })) => {
                (name.to_owned(), Some(Origin::of_registry(url.clone())))
            }
            _ => return None,
        };
        Some(Found { path: RepoPath::new(&path).ok()?, blob, origin })
    }
}

impl Sketch {
    /// Returns the charts in archives of which something is to be read before it is resolved, as far as it can be.
    pub fn charts(&self) -> Vec<&What> {
        self.charts_but(&[])
    }

    /// Returns the same where some layers are known.
    pub fn charts_but(&self, known: &[Option<Known>]) -> Vec<&What> {
        let is_needed = |at: usize| known.get(at).is_none_or(Option::is_none);
        let needed = self.layers.iter().enumerate().filter(|(at, _)| is_needed(*at));
        needed.filter_map(|(_, (_, source))| source.archived()).collect()
    }
}
