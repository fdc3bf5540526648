//! In: paths and patterns as documents write them. Out: the files of the tree that they name.
//! Guarantee: nothing outside the repository is named; no link is followed, neither at the end nor in the middle.
use super::codes;
use super::index::Index;
use super::symlinks::not_a_file;
use crate::decide::document::{Entry, EntryKind, Fragment, nearest, placed};
use crate::decide::value::{Diagnostic, Origin};
use crate::name::{BlobId, RepoPath};

/// A file that a document names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Where it is.
    pub path: RepoPath,
    /// Its content.
    pub blob: BlobId,
    /// The revision that it is read at; none for the head.
    pub origin: Option<Origin>,
}

/// The most files that one pattern may name: far above what a layer holds, and a bound on a stray `**`.
const MATCHES_MAX: usize = 10_000;

impl Index {
    /// Returns the one file that a part names, relative to its document.
    pub fn file(&self, part: &Fragment) -> Result<Found, Diagnostic> {
        let path = self.path(part)?;
        match self.files.get(&path) {
            Some(entry) if matches!(entry.kind, EntryKind::File | EntryKind::Executable) => {
                Ok(self.found(path, *entry))
            }
            Some(entry) => Err(self.not_a_file(part, &path, entry.kind)),
            None => {
                let siblings = self.siblings(&path);
                let near = nearest(path.as_str(), siblings.iter().map(RepoPath::as_str));
                let message = format!("there is no file `{path}`");
                Err(Diagnostic::error(codes::NO_FILE, message).at(part.span()).nearest(near))
            }
        }
    }

    /// Returns the file at a path, if one is there.
    pub fn try_file(&self, path: &RepoPath) -> Option<Found> {
        let entry = self.files.get(path)?;
        matches!(entry.kind, EntryKind::File | EntryKind::Executable).then(|| self.found(path.clone(), *entry))
    }

    /// Returns the files that a pattern names, in the order of their paths; none is a mistake.
    pub fn files(&self, part: &Fragment) -> Result<Vec<Found>, Vec<Diagnostic>> {
        let pattern = self.path(part).map_err(|said| vec![said])?;
        let fixed = fixed_part(pattern.as_str());
        let (mut found, mut wrong) = (Vec::new(), Vec::new());
        for (path, entry) in self.below(fixed) {
            let is_file = matches!(entry.kind, EntryKind::File | EntryKind::Executable);
            if matches(pattern.as_str(), path.as_str()) {
                if is_file {
                    found.push(self.found(path.clone(), *entry));
                } else {
                    wrong.push(self.not_a_file(part, path, entry.kind));
                }
            } else if !is_file && leads_on(pattern.as_str(), path.as_str()) {
                wrong.push(self.not_a_file(part, path, entry.kind));
            }
            if found.len() > MATCHES_MAX {
                let message = format!("the pattern names more than {MATCHES_MAX} files");
                return Err(vec![Diagnostic::error(codes::NO_MATCH, message).at(part.span())]);
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        if found.is_empty() {
            let said = Diagnostic::error(codes::NO_MATCH, format!("no file is named by `{pattern}`"))
                .at(part.span())
                .hint("an empty rendering never means remove: name at least one file, or remove the layer");
            return Err(vec![said]);
        }
        Ok(found)
    }

    fn found(&self, path: RepoPath, entry: Entry) -> Found {
        Found { path, blob: entry.blob, origin: self.origin.clone() }
    }

    /// The diagnostic is about the file; the author mends the line that names it.
    fn not_a_file(&self, part: &Fragment, path: &RepoPath, kind: EntryKind) -> Diagnostic {
        let said = placed(not_a_file(path, kind), self.origin.as_ref());
        let there = said.at.clone();
        let said = said.at(part.span());
        match there {
            Some(there) => said.also(there, "here"),
            None => said,
        }
    }

    /// Returns the path that a part names, relative to the folder of its document.
    pub fn path(&self, part: &Fragment) -> Result<RepoPath, Diagnostic> {
        let outside = || {
            Diagnostic::error(codes::OUTSIDE, "the path leaves the repository")
                .at(part.span())
                .expected("a path inside the repository, relative to this file")
        };
        let mut parts: Vec<&str> = part.file.path.as_str().split('/').collect();
        parts.pop();
        for step in part.text().split('/') {
            match step {
                "" | "." => {}
                ".." => drop(parts.pop().ok_or_else(outside)?),
                step => parts.push(step),
            }
        }
        let path = RepoPath::new(&parts.join("/")).map_err(|_| outside())?;
        // A link in the middle has no entries below it: it is an entry itself.
        let mut upper = if self.links.is_empty() { "" } else { path.as_str() };
        while let Some((folder, _)) = upper.rsplit_once('/') {
            let at = RepoPath::new(folder).map_err(|_| outside())?;
            if let Some(entry) = self.files.get(&at).filter(|_| self.links.contains(&at)) {
                return Err(self.not_a_file(part, &at, entry.kind));
            }
            upper = folder;
        }
        Ok(path)
    }

    pub(super) fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a RepoPath, &'a Entry)> {
        let start = RepoPath::new(folder).ok();
        let all = match start {
            Some(start) => self.files.range(start..),
            None => self.files.range::<_, RepoPath>(..),
        };
        all.take_while(move |(path, _)| path.as_str().starts_with(folder))
    }

    fn siblings(&self, path: &RepoPath) -> Vec<RepoPath> {
        let folder = path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
        self.below(folder).map(|(path, _)| path.clone()).take(1000).collect()
    }
}

/// Returns the part of a pattern up to the last `/` before its first wildcard.
fn fixed_part(pattern: &str) -> &str {
    let wild = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    if wild == pattern.len() {
        return pattern;
    }
    pattern.get(..wild).and_then(|head| head.rsplit_once('/')).map_or("", |(folder, _)| folder)
}

/// Whether a folder at `path` could hold what the pattern names.
fn leads_on(pattern: &str, path: &str) -> bool {
    let mut parts = pattern.split('/');
    for part in path.split('/') {
        match parts.next() {
            Some("**") => return true,
            Some(pattern) if glob(pattern.as_bytes(), part.as_bytes()) => {}
            _ => return false,
        }
    }
    parts.next().is_some()
}

/// Whether a pattern names a path: `*` and `?` inside a part, `**` over parts.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    matches_parts(&pattern, &path)
}

fn matches_parts(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => {
            (0..=path.len()).any(|skipped| path.get(skipped..).is_some_and(|path| matches_parts(rest, path)))
        }
        (Some((part, pattern)), Some((name, path))) => {
            glob(part.as_bytes(), name.as_bytes()) && matches_parts(pattern, path)
        }
        _ => false,
    }
}

/// Linear in both, with one point to come back to: the last star.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || Some(byte) == name.get(n) => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_name_files_as_in_a_shell() {
        for (pattern, path, expected) in [
            ("a/*.yaml", "a/b.yaml", true),
            ("a/*.yaml", "a/b/c.yaml", false),
            ("a/**/*.yaml", "a/b/c.yaml", true),
            ("a/**/*.yaml", "a/c.yaml", true),
            ("a/?.yaml", "a/bc.yaml", false),
            ("a/b.yaml", "a/b.yaml", true),
            ("a/*b*c", "a/xbybzc", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} on {path}");
        }
    }
}
